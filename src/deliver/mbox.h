/* SPDX-License-Identifier: ISC */
/* Private to this room: the destination file of an mbox, for mbox.c and
 * mbox_recover.c. */
#ifndef DELIVER_MBOX_H
#define DELIVER_MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "deliver/mbox_lock.h"

struct deliver;
struct deliver_hooks;
struct deliver_item;
struct deliver_pending;
struct err;

/* A message in a spool file, quoted. */
struct mbox_part {
	int fd; /* borrowed */
	uint64_t offset, length;
};

/* The destination, open and locked. */
struct mbox_file {
	int fd;
	const char *path; /* borrowed */
	uint64_t device, inode, size;
	struct mbox_lock lock;
};

/*
 * Open path for reading and writing, made 0600 if it is missing and make is
 * set. Returns a descriptor, or -1: EX_CANTCREAT, EX_CONFIG not a file.
 */
int mbox_open_path(const char *path, bool make, bool fix_mode, struct err *err);
/* Open an existing one and lock it: EX_TEMPFAIL missing or locked. */
int mbox_file_open(struct mbox_file *file, const char *path, struct err *err);
void mbox_file_close(struct mbox_file *file);

/* Digest of newlines and the parts behind them. EX_IOERR. */
int mbox_digest(const unsigned char key[DIGEST_KEY_LEN], size_t newlines,
    const struct mbox_part *parts, size_t n, unsigned char digest[DIGEST_LEN],
    struct err *err);
/*
 * Mark, append, sync: an empty line first where the file does not end with
 * one. After a failure it is cut back to what it was.
 */
int mbox_append(struct deliver *deliver, struct mbox_file *file,
    const struct mbox_part *parts, size_t n, const struct deliver_hooks *hooks,
    struct err *err);

int mbox_recover(struct deliver *deliver, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err);
void mbox_recovered(struct deliver *deliver,
    const struct deliver_pending *pending, size_t n);

#endif
