/* SPDX-License-Identifier: ISC */
/* Errors as values: a sysexits status and one sentence, printed once, in main.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <sysexits.h>

/* What callers need to know of a failure beyond its status. */
enum err_cause {
	ERR_OTHER,
	ERR_NO_ROOM /* a full disk, a quota, a limit on the size of files */
};

struct err {
	int status; /* EX_*, or 0 while nothing has failed */
	enum err_cause cause;
	char text[1024];
};

#define ERR_INIT                                                               \
	{                                                                      \
		0, ERR_OTHER, ""                                               \
	}

/*
 * Set status and sentence. Text longer than the buffer is cut. Returns -1,
 * so that a function can end with `return err_set(...)`.
 */
int err_set(struct err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* err_set with the cause, ": " and strerror(errno) added. Returns -1. */
int err_sys(struct err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " in front of the sentence. Returns -1. */
int err_prefix(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The more telling of two exit statuses: the first present of 70 71 74 73 65
 * 78 77 76 69 68 75 (poplar(1), EXIT STATUS); others (64, 128+n) win over
 * all of these. 0 is the least.
 */
int err_worse(int a, int b);

#endif
