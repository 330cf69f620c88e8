/* SPDX-License-Identifier: ISC */
/* Points in time on the monotonic clock. */
#include "base/deadline.h"

#include <limits.h>
#include <time.h>

int64_t
deadline_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
deadline_after(int64_t ms)
{
	int64_t now = deadline_now();

	return ms < 0 || ms > DEADLINE_NEVER - now ? DEADLINE_NEVER : now + ms;
}

int64_t
deadline_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int
deadline_poll(int64_t at)
{
	int64_t left;

	if (at == DEADLINE_NEVER)
		return -1;
	left = at - deadline_now();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
