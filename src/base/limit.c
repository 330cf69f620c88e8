/* SPDX-License-Identifier: ISC */
/* How many descriptors may be open. */
#include "base/limit.h"

#include <stdbool.h>
#include <sys/resource.h>

/* More is never of use, and closefrom(3) may try each of them. */
#define ENOUGH 4096

static struct rlimit initial;
static bool raised;

void
limit_raise(void)
{
	struct rlimit wanted;

	if (raised || getrlimit(RLIMIT_NOFILE, &initial) == -1 ||
	    initial.rlim_cur >= ENOUGH || initial.rlim_cur >= initial.rlim_max)
		return;
	wanted = initial;
	wanted.rlim_cur = initial.rlim_max < ENOUGH ? initial.rlim_max : ENOUGH;
	raised = setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

void
limit_restore(void)
{
	/* programs that use select(2) rely on the usual 1024 */
	if (raised)
		(void)setrlimit(RLIMIT_NOFILE, &initial);
}
