/* SPDX-License-Identifier: ISC */
/*
 * Calls that block, made by a thread, so that their caller can go on with
 * something else. Nothing but the call itself runs there; all other code stays
 * in one thread.
 */
#ifndef BASE_OFFLOAD_H
#define BASE_OFFLOAD_H

#include <stdbool.h>

/* What goes on meanwhile. An offload_call() in it is made as any other call. */
struct offload {
	/* Is there anything to do? If not, the call is made as any other. */
	bool (*busy)(void *arg);
	/* Do some of it, or wait for it until fd is readable. */
	void (*work)(void *arg, int fd);
	void *arg;
};

/*
 * From now on, until offload_end, calls are handed over. The thread is made
 * when it is first needed; where it cannot be, the caller waits as without.
 */
void offload_begin(const struct offload *offload);
void offload_end(void);

/* What call(job) returns, with errno as it left it. */
int offload_call(int (*call)(void *job), void *job);

#endif
