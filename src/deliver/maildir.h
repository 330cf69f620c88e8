/* SPDX-License-Identifier: ISC */
/* Private to this room: what the maildir files share. */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include <sys/types.h>

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deliver;
struct deliver_hooks;
struct deliver_pending;
struct err;

struct maildir {
	int tmp, new, cur; /* directories; -1 */
	uint64_t device;
	bool no_links; /* refused once: rename from then on */
};

/*
 * Open, and make what is missing if make is set. -1: EX_CANTCREAT cannot be
 * opened, made or written, EX_CONFIG it is something else.
 */
int maildir_init(struct maildir *maildir, const char *path, bool make,
    struct err *err);
void maildir_clear(struct maildir *maildir);
/*
 * tmp/from as new/to too; rename where links are refused. The same file there
 * already is success. -1 and errno: EEXIST another one is there. Not synced.
 */
int maildir_link(struct maildir *maildir, const char *from, const char *to);

/* Names in a directory, but for those that begin with a dot. */
struct maildir_scan {
	DIR *dir;
};
int maildir_scan_begin(struct maildir_scan *scan, int at, const char *name);
const char *maildir_scan_next(struct maildir_scan *scan);
void maildir_scan_end(struct maildir_scan *scan);

/* A file of tmp/ that may have been filed in a folder. */
struct maildir_filed {
	dev_t device;
	ino_t inode;
	bool found;
};
/* Look for n of them in new/ and cur/ of path and of the folders below it. */
void maildir_find_filed(const char *path, struct maildir_filed *list, size_t n);

int maildir_has_own(struct deliver *deliver, struct err *err);
int maildir_recover(struct deliver *deliver, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err);
void maildir_recovered(struct deliver *deliver,
    const struct deliver_pending *pending, size_t n);

#endif
