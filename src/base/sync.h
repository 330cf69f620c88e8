/* SPDX-License-Identifier: ISC */
/*
 * The only place that syncs.
 */
#ifndef BASE_SYNC_H
#define BASE_SYNC_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum sync_mode {
	SYNC_AUTO, /* one syncfs a batch of 8 or more where that is sound */
	SYNC_FILES /* fsync each file */
};

struct sync;

/* One for each file system that is delivered to. */
struct sync *sync_new(enum sync_mode mode);
void sync_free(struct sync *sync);

/*
 * Before the first file is made: dirfd is a directory on its file system.
 * Opens the descriptor whose first syncfs reports errors since now, and each
 * later one those since the one before. Another call does nothing.
 */
int sync_begin(struct sync *sync, int dirfd, struct err *err);
/*
 * A file of the batch is whole: start write-back, without waiting, where that
 * is worth a call: it will be synced by itself, or it is large.
 */
void sync_start(struct sync *sync, int fd, uint64_t octets);
/*
 * Make the batch's files and the directory they are in durable. n
 * counts messages: an fd of -1 has its octets in another one's file. EX_IOERR;
 * after that nothing may be retried.
 */
int sync_batch(struct sync *sync, const int *fds, size_t n, int dirfd,
    struct err *err);

/* fdatasync, fsync, fsync of a directory. EX_IOERR naming what (a path). */
int sync_data(int fd, const char *what, struct err *err);
int sync_file(int fd, const char *what, struct err *err);
int sync_dir(int dirfd, const char *what, struct err *err);
/* The directory that path is in. EX_CANTCREAT if it cannot be opened. */
int sync_parent(const char *path, struct err *err);

#endif
