/* SPDX-License-Identifier: ISC */
/*
 * A limit of 0 is not enough: Linux does not apply it where core_pattern names
 * a program. A limit of 1 means none in either case (core(5)), and where that
 * may not be had, the process is made one that cannot be dumped; its own user
 * can then not trace it, either. That ends with exec(3), so that only the limit
 * has to be restored.
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

#ifdef __linux__
#define NO_CORE 1
#else
#define NO_CORE 0
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
		none.rlim_cur = before.rlim_max == 0 ? 0 : NO_CORE;
		lowered = setrlimit(RLIMIT_CORE, &none) == 0;
	}
	if (!lowered || none.rlim_cur != NO_CORE)
		forbid_tracing();
}

void
core_restore(void)
{
	if (lowered)
		(void)setrlimit(RLIMIT_CORE, &before);
}
