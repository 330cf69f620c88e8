/* SPDX-License-Identifier: ISC */
/*
 * Private to this room: what a kind of destination is, and the help with spool
 * files that kinds share (spool.c).
 */
#ifndef DELIVER_DELIVER_PRIV_H
#define DELIVER_DELIVER_PRIV_H

#include <sys/types.h>

#include "deliver/deliver.h"

/*
 * The functions behind deliver.h, which documents them. NULL where a kind has
 * nothing to do. open finds or makes the destination and sets device, batch_dir
 * and work; has_own, recover and recovered come without open and look at path
 * only.
 */
struct kind {
	const char *name;
	bool journalled;
	bool has_spools; /* uses spool_dir */
	int (*open)(struct deliver *deliver, struct err *err);
	void (*close)(struct deliver *deliver);
	int (*has_own)(struct deliver *deliver, struct err *err);
	int (*probe)(struct deliver *deliver, struct err *err);
	int (*look)(struct deliver *deliver, struct err *err);
	int (*begin)(struct deliver *deliver, struct deliver_item *item,
	    struct err *err);
	int (*write)(struct deliver *deliver, struct deliver_item *item,
	    const char *data, size_t len, struct err *err);
	int (*end)(struct deliver *deliver, struct deliver_item *item,
	    struct err *err);
	void (*drop)(struct deliver *deliver, struct deliver_item *item);
	void (*cut)(struct deliver *deliver);
	char *(
	    *spool)(struct deliver *deliver, const struct deliver_item *item);
	int (*sync)(struct deliver *deliver, struct deliver_item *const *items,
	    size_t n, struct err *err);
	int (*apply)(struct deliver *deliver, struct deliver_item *const *items,
	    size_t n, const struct deliver_hooks *hooks, struct err *err);
	void (*release)(struct deliver *deliver,
	    struct deliver_item *const *items, size_t n);
	int (*recover)(struct deliver *deliver, uint64_t device,
	    struct deliver_pending *pending, size_t n,
	    const struct deliver_hooks *hooks, struct err *err);
	void (*recovered)(struct deliver *deliver,
	    const struct deliver_pending *pending, size_t n);
	void (
	    *sweep)(struct deliver *deliver, const char *const *keep, size_t n);
};

extern const struct kind kind_maildir, kind_mbox, kind_mbox_stdout, kind_pipe,
    kind_lmtp, kind_stdout;

#define DELIVER_IDENT_LEN 16 /* hex digits of the identity's hash */

struct deliver {
	const struct kind *kind;
	char *path;            /* owned; absolute where it is a path */
	char *identity;        /* owned */
	char *spool_dir;       /* owned */
	bool spool_is_private; /* made for this run in $TMPDIR */
	char *account;         /* owned */
	char *recipient;       /* owned; NULL */
	char *received;        /* owned; NULL, or a whole line */
	char *host;            /* owned; as file names take it */
	unsigned char key[DIGEST_KEY_LEN];
	enum sync_mode sync_mode;
	int (*show)(int fd, struct err *err); /* or NULL */
	int timeout_ms;
	int64_t until_ms; /* deadline.h: no hand-over after it */
	char ident[DELIVER_IDENT_LEN + 1];
	bool fix_mode; /* the umask takes from the owner: chmod is needed */
	uint64_t device;
	uint64_t next;     /* N of the next file */
	int batch_dir;     /* where a batch's files lie: the kind's; -1 none */
	struct sync *sync; /* owned; NULL without batch_dir */
	void *work;        /* the kind's */
};

/* link(2) has failed with this error: does it not work here at all? */
bool deliver_links_are_refused(int error);
/* errno says why the destination could not be made. -1, always: EX_CANTCREAT.
 */
int deliver_cannot_make(const char *path, struct err *err);

/* Names of our files: "poplar-" ident "-" number. */
#define SPOOL_NAME_MAX 64
void spool_name(const struct deliver *deliver, uint64_t number,
    char name[SPOOL_NAME_MAX]);
/* Is name (of len octets) such a one? *number may be NULL. */
bool spool_is_ours(const struct deliver *deliver, const char *name, size_t len,
    uint64_t *number);
/*
 * Make a file with the next free name in dirfd: new, not through a link, 0600.
 * *number is set. Returns a descriptor for reading and writing, or -1:
 * EX_IOERR.
 */
int spool_create(struct deliver *deliver, int dirfd, const char *dir,
    uint64_t *number, struct err *err);
/* The same in spool_dir without a name: it is gone with its descriptor. */
int spool_create_unnamed(struct deliver *deliver, struct err *err);
/* Write-back of a batch's file that is whole. */
void spool_start(struct deliver *deliver, int fd, uint64_t octets);
/* sync_batch(); dir for the sentence. */
int spool_sync(struct deliver *deliver, const int *fds, size_t n, int dirfd,
    const char *dir, struct err *err);
/* spool_dir as a descriptor, or -1: EX_CANTCREAT. */
int spool_open_dir(const struct deliver *deliver, struct err *err);
/* All of data to fd; what is named in a failure's sentence (EX_IOERR). */
int spool_write(int fd, const void *data, size_t len, const char *what,
    struct err *err);
/* All of len octets at offset: EX_IOERR, also when there are fewer. */
int spool_read(int fd, void *data, size_t len, uint64_t offset,
    const char *what, struct err *err);
/* Remove our files in dirfd that keep does not name; numbers go on behind those
 * that were there. */
void spool_sweep(struct deliver *deliver, int dirfd, const char *const *keep,
    size_t n);

/* handover.c: begin, write, end, drop, release of kinds that hand over an
 * unnamed spool file a message; item->fd holds it. */
int handover_open(struct deliver *deliver, struct err *err);
int handover_begin(struct deliver *deliver, struct deliver_item *item,
    struct err *err);
int handover_write(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err);
void handover_drop(struct deliver *deliver, struct deliver_item *item);
void handover_release(struct deliver *deliver,
    struct deliver_item *const *items, size_t n);
/*
 * apply: hand each item over with one; record what went well. one fails an
 * item with 1 and the sentence in item->err, and ends everything with -1. Once
 * a stop signal has come the rest is left for later.
 */
typedef int handover_one(struct deliver *deliver, struct deliver_item *item,
    const struct deliver_hooks *hooks, struct err *err);
int handover_apply(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, const struct deliver_hooks *hooks, handover_one *one,
    struct err *err);

#endif
