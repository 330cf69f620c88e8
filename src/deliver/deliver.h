/* SPDX-License-Identifier: ISC */
/*
 * Where messages go. A kind is a file and one constant struct (kind.h, private
 * to this room). The steps are poplar-delivery(7)'s: receive whole, sync,
 * (commit by the caller), apply, release.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/sync.h"

struct deliver;

struct deliver_spec {
	const char *kind; /* "maildir", "mbox", "pipe", "lmtp", "stdout" */
	const char *path; /* DIR, FILE ("-": stdout), CMD, ADDRESS (HOST:PORT or
			     /SOCKET, "!" RECIPIENT allowed behind it) */
	const char *identity;  /* user@host */
	const char *spool_dir; /* for what has no tmp/ of its own: the state's
				  directory; NULL: one of its own in $TMPDIR,
				  which goes with the deliver */
	const char *account;   /* POPLAR_ACCOUNT */
	const unsigned char *key; /* DIGEST_KEY_LEN, of the journal */
	enum sync_mode sync;
	int64_t until_ms;      /* deadline.h: no hand-over after it; 0: none */
	int timeout_ms;        /* for children and LMTP; -1 none */
	const char *recipient; /* LMTP RCPT TO: user when NULL */
	/* to standard output: print this file in a way of the caller's, not as
	 * it is; may be NULL */
	int (*show)(int fd, struct err *err);
	const char
	    *received; /* a Received: field body to put on top, or NULL */
};

/* One message from its first octet until it is released. */
struct deliver_item {
	/* deliver's */
	int fd;                  /* spool or tmp file; -1 */
	uint64_t number;         /* N in poplar-IDENTITY-N, or of the spool */
	uint64_t offset, length; /* in an mbox batch's spool */
	uint64_t octets;         /* delivered so far */
	/* the caller's, set before apply */
	char name[256];  /* final name: deliver_name() */
	const char *uid; /* borrowed */
	size_t uid_len;
	void *arg;
	/* by apply, for each: 0, or status and sentence in err */
	int failed;
	struct err err;
};

struct deliver_hooks {
	/* mbox: these octets are about to be appended; journal it, synced */
	int (*mark)(void *arg, uint64_t device, uint64_t inode, uint64_t before,
	    uint64_t length, const unsigned char digest[DIGEST_LEN],
	    struct err *err);
	/* pipe, LMTP, stdout: this one is delivered; record it now */
	int (*delivered)(void *arg, struct deliver_item *item, struct err *err);
	/* serve the server's line for up to ms while a child works; may be NULL
	 */
	void (*pump)(void *arg, int ms);
	void *arg;
};

/*
 * Open a destination. A missing maildir: its last component and tmp, new, cur
 * are made. EX_CANTCREAT cannot be opened, made or written, or is something
 * else; found here, before login.
 */
struct deliver *deliver_open(const struct deliver_spec *spec, struct err *err);
void deliver_close(struct deliver *deliver);

/* C and A records, or one D record after the fact? */
bool deliver_is_journalled(const struct deliver *deliver);
const char *deliver_kind(const struct deliver *deliver);
const char *deliver_path(
    const struct deliver *deliver); /* absolute where it is a path */
uint64_t deliver_device(const struct deliver *deliver);
/*
 * Does a maildir hold mail of this identity? Its names have "p" and 8 hex
 * digits of the identity's hash after the first dot. Nothing is opened for
 * delivery, and nothing made: 0 also for what is not there. 1, 0, or -1:
 * EX_CANTCREAT or EX_IOERR.
 */
int deliver_has_own(const struct deliver_spec *spec, struct err *err);
/* Is it there, if that is not known since it was opened (LMTP, pipe)? 0, or -1:
 * EX_TEMPFAIL, EX_CANTCREAT. */
int deliver_probe(struct deliver *deliver, struct err *err);
/* For people: the same, and is it locked by something just now (mbox)? 0, or
 * -1: EX_TEMPFAIL. */
int deliver_look(struct deliver *deliver, struct err *err);

/*
 * Receive: begin, write (octets with LF ends), end. The first begin opens
 * what base/sync.c needs. -1: EX_IOERR (disk full, quota): the batch is
 * to be abandoned. drop: the message is not wanted after all; its file goes
 * away. Items of a batch may be dropped in any order.
 */
int deliver_begin(struct deliver *deliver, struct deliver_item *item,
    struct err *err);
int deliver_write(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err);
int deliver_end(struct deliver *deliver, struct deliver_item *item,
    struct err *err);
void deliver_drop(struct deliver *deliver, struct deliver_item *item);

/*
 * The next begin starts a new batch (mbox: a new spool file). What came before
 * is still to be synced, applied and released.
 */
void deliver_cut(struct deliver *deliver);

/* Name for the C record: 8 hex of the identity, 16 hex of (identity, UIDL,
 * digest, copy). Fills item->name. */
void deliver_name(struct deliver *deliver, struct deliver_item *item,
    uint32_t seconds, const unsigned char digest[DIGEST_LEN],
    unsigned int copy);
/* The C record's spool field. The caller frees. */
char *deliver_spool(struct deliver *deliver, const struct deliver_item *item);

/* Step 1: the batch's files and tmp/ are durable. Descriptors are closed. */
int deliver_sync(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, struct err *err);
/*
 * Step 4: link and sync new/; append and sync; or hand over one by one. 0 when
 * the destination itself works: see each item's failed. -1: it does not
 * (EX_IOERR ..): nothing more may be sent for these messages; recovery will
 * decide.
 */
int deliver_apply(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, const struct deliver_hooks *hooks, struct err *err);
/* Their A records are durable: remove tmp names and spools. Not synced; failure
 * is harmless. */
void deliver_release(struct deliver *deliver, struct deliver_item *const *items,
    size_t n);

/* Recovery, one destination at a time. */
struct deliver_pending {
	const char *name, *spool; /* from the C record */
	const char *uid;
	size_t uid_len;
	uint64_t octets; /* as received */
	/* mbox, when an M record covers it */
	bool marked;
	uint64_t device, inode, before, length;
	unsigned char mark_digest[DIGEST_LEN];
	uint32_t group; /* items of one M record share it */
	/* the decision */
	enum {
		DELIVER_APPLIED,
		DELIVER_VOID
	} decision;
};
/*
 * Decide and do, for C records without A of this destination: Recovery in
 * poplar-delivery(7). All is synced on return 0. hooks->mark is called when
 * mbox octets have to be appended. -1: EX_TEMPFAIL the destination is not there
 * (not mounted: another device), EX_IOERR.
 */
int deliver_recover(const struct deliver_spec *spec, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err);
/* After their A records are synced: remove what recovery left (tmp names,
 * spools). */
void deliver_recovered(const struct deliver_spec *spec,
    const struct deliver_pending *pending, size_t n);
/* Remove tmp files and spools of this identity that no record needs (keep: the
 * spool fields still needed). Call before the first begin. */
void deliver_sweep(struct deliver *deliver, const char *const *keep, size_t n);

#endif
