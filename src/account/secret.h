/* SPDX-License-Identifier: ISC */
/* Private to this room: files that hold secrets. */
#ifndef ACCOUNT_SECRET_H
#define ACCOUNT_SECRET_H

struct buf;
struct err;

/* -1, EX_CONFIG: the file path, open as fd, holds what ("a password") and is
 * not its owner's alone. */
int secret_check_mode(int fd, const char *path, const char *what,
    struct err *err);
/* Read all of it after that check, at most 64 KiB. EX_CONFIG, or EX_TEMPFAIL
 * if nothing comes in time (a FIFO). */
int secret_read_file(const char *path, const char *what, int timeout_ms,
    struct buf *out, struct err *err);

#endif
