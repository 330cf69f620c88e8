/* SPDX-License-Identifier: ISC */
/* What the files of this room share: the open journal. Not for other rooms. */
#ifndef STATE_STATE_PRIV_H
#define STATE_STATE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "state/index.h"
#include "state/state.h"

struct err;
struct record;

/*
 * A batch: no more than this is ever unsynced. After each sync a P line says
 * that all before it is durable: no crash can have damaged that.
 */
#define BATCH_OCTETS ((size_t)64 * 1024)
#define BATCH_LINES ((size_t)256)

struct state_vain {
	char *uid; /* owned */
	size_t len;
	uint32_t runs, time;
};

struct state {
	char *path, *identity; /* owned */
	enum state_mode mode;
	int fd, lock_fd, dir_fd; /* -1: none */
	uint64_t size;           /* of the journal, as we left it */
	uint64_t made;           /* its size when we made it; 0: we did not */
	uint64_t lines;          /* in it, with the header */
	uint64_t long_lines;     /* C and D among them */
	uint32_t last_serial;
	uint32_t login_after, listed;
	unsigned int server, proved;
	struct state_vain *vain; /* owned; the one set last is last */
	size_t vain_count;
	struct index index;
	unsigned char key[DIGEST_KEY_LEN];

	struct buf out; /* records not yet written */
	size_t out_lines;
	size_t unsynced, unsynced_lines; /* written, not yet synced; SIZE_MAX:
					    perhaps, by an earlier run */
	bool dead; /* a write or a sync failed: nothing more is written */

	struct state_pending *pending; /* owned; as found at open */
	size_t pending_count;
	char **strings; /* owned; pending's */
	size_t string_count;
};

/* ---- file.c: files and directories ---- */

/* The directory of path, made with up to three levels if make. -1 on error. */
int file_open_dir(const char *path, bool make, struct err *err);
/* PATH.lock, locked. -1: EX_TEMPFAIL held, EX_CANTCREAT. */
int file_lock(const char *path, struct err *err);
/* The journal. -1: EX_CANTCREAT or EX_IOERR; errno is kept. */
int file_open(const char *path, enum state_mode mode, struct err *err);
/* PATH.new, empty, for file_install. */
int file_create(const char *path, struct err *err);
/* Sync it, put it where path is, sync the directory. *installed: since the
 * rename there is no way back. */
int file_install(const char *path, int fd, int dir_fd, bool *installed,
    struct err *err);
/* Take PATH.new away again. */
void file_discard(const char *path);
/* And the journal and its lock, which must be held, from their directory. */
void file_remove(const char *path, int dir_fd);
int file_size(int fd, const char *path, uint64_t *size, struct err *err);
int file_cut(int fd, const char *path, uint64_t size, struct err *err);
/* Up to len octets at offset; *got 0: there are none. */
int file_read(int fd, const char *path, char *data, size_t len, uint64_t offset,
    size_t *got, struct err *err);
/* All of it at offset (write(2) may do less). */
int file_write(int fd, const char *path, const char *data, size_t len,
    uint64_t offset, struct err *err);

/* ---- load.c ---- */

/* From an open fd to a filled state; *valid is where the last valid line
 * ends. */
int load_journal(struct state *state, const char *identity, uint64_t *valid,
    struct err *err);

/* C lines without their A, and M lines, by their place in the file. */
struct load_line {
	uint64_t offset;
	uint32_t first, last, len;
};
struct loader {
	struct state *state;
	struct buf scratch;
	struct load_line *commits, *marks; /* owned */
	size_t commit_count, commit_cap, commit_prune;
	size_t mark_count, mark_cap, mark_prune;
};
void loader_init(struct loader *loader, struct state *state);
void loader_clear(struct loader *loader);
/* Take one record in. -1 and *why if it cannot follow what came before. */
int loader_apply(struct loader *loader, const struct record *record,
    uint64_t offset, size_t len, const char **why);

/* ---- writer.c ---- */

/* Write the buffered records as they are, a batch at a time. */
int writer_records(struct state *state, struct err *err);
/*
 * Write the buffered events. Very many are written by a new file instead,
 * which takes them from the index: not for records that begin an entry.
 */
int writer_events(struct state *state, struct err *err);
/* 0 if the state was opened for writing and no write to it has failed. */
int writer_allowed(const struct state *state, struct err *err);
/* Before such records: may there be any, and a new file now if the events are
 * very many. */
int writer_prepare(struct state *state, struct err *err);
/* What was written is durable, and a P line says so. */
int writer_sync(struct state *state, struct err *err);
/* Has nobody else written to it, as far as its size tells? -1: EX_TEMPFAIL or
 * EX_IOERR, and nothing more is written. */
int writer_alone(struct state *state, struct err *err);
/* After a failure: cut back to size, write no more. Returns -1. */
int writer_fail(struct state *state, uint64_t size);

/* ---- vain.c: see state_vain() ---- */

void vain_set(struct state *state, const char *uid, size_t len, uint32_t runs,
    uint32_t time);
void vain_clear(struct state *state);
/* A line for each that is not forgotten; how many. */
size_t vain_put(const struct state *state, struct buf *out);

/* ---- compact.c ---- */

int compact_rewrite(struct state *state, struct err *err);

#endif
