/* SPDX-License-Identifier: ISC */
/*
 * Private to this room: an mbox's locks. An fcntl lock (of the open file
 * description where there are such), then a dotlock: PATH.lock, holding
 * "PID:HOST" as Dovecot writes it. One whose process is dead on this host is
 * removed; so is, while fcntl's lock is held, one of five minutes whose process
 * is not known to live.
 */
#ifndef DELIVER_MBOX_LOCK_H
#define DELIVER_MBOX_LOCK_H

#include <stdint.h>

struct err;

struct mbox_lock {
	char *path; /* owned; of the dotlock, NULL: there is none */
};

/*
 * Both locks for fd, which is path, until until_ms (deadline.h): EX_TEMPFAIL
 * somebody else holds one, EX_IOERR. Where no dotlock may be made: fcntl alone.
 */
int mbox_lock(struct mbox_lock *lock, int fd, const char *path,
    int64_t until_ms, struct err *err);
void mbox_unlock(struct mbox_lock *lock, int fd);
/*
 * Remove a dotlock of fd, which is path, whose process is dead, though nothing
 * is to be appended now: it could not be removed when it was given back.
 */
void mbox_lock_sweep(int fd, const char *path);
/* 0, or -1: EX_TEMPFAIL there is a dotlock, as old as the sentence says. */
int mbox_lock_look(const char *path, struct err *err);

#endif
