/* SPDX-License-Identifier: ISC */
/*
 * Calls that block, made by a thread, so that their caller can go on with
 * something else. Nothing but the call itself runs there; all other code stays
 * in one thread.
 */
#ifndef BASE_ASIDE_H
#define BASE_ASIDE_H

#include <stdbool.h>

/* What goes on meanwhile. An aside_call() in it is made as any other call. */
struct aside {
	/* Is there anything to do? If not, the call is made as any other. */
	bool (*busy)(void *arg);
	/* Do some of it, or wait for it until fd is readable. */
	void (*work)(void *arg, int fd);
	void *arg;
};

/*
 * From now on, until aside_end, calls are handed over. The thread is made when
 * it is first needed; where it cannot be, the caller waits as without.
 */
void aside_begin(const struct aside *aside);
void aside_end(void);

/* What call(job) returns, with errno as it left it. */
int aside_call(int (*call)(void *job), void *job);

#endif
