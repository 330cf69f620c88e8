/* SPDX-License-Identifier: ISC */
/*
 * The limit alone is not enough: Linux does not apply it where core_pattern
 * names a program. What forbids that also ends with exec(3), so that only the
 * limit has to be restored.
 */
#include "base/core.h"

#include <stdbool.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __FreeBSD__
#include <sys/procctl.h>
#include <unistd.h>
#endif

static struct rlimit before;
static bool lowered;

static void
forbid_tracing(void)
{
#ifdef __linux__
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
#ifdef __FreeBSD__
	int how = PROC_TRACE_CTL_DISABLE;

	(void)procctl(P_PID, getpid(), PROC_TRACE_CTL, &how);
#endif
}

void
core_forbid(void)
{
	struct rlimit none;

	if (getrlimit(RLIMIT_CORE, &before) == 0) {
		none = before;
		none.rlim_cur = 0;
		lowered = setrlimit(RLIMIT_CORE, &none) == 0;
	}
	forbid_tracing();
}

void
core_restore(void)
{
	if (lowered)
		(void)setrlimit(RLIMIT_CORE, &before);
}
