/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into poplar: the clock of the machine is $CLOCK_OFFSET seconds off,
 * and what deadlines are measured by runs $CLOCK_SPEED times as fast, so that
 * it waits for as much less.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t id, struct timespec *now)
{
	static long long began;
	const char *speed = getenv("CLOCK_SPEED");
	int result = (int)syscall(SYS_clock_gettime, id, now);
	long long ns = now->tv_sec * 1000000000LL + now->tv_nsec;

	if (result == -1 || id != CLOCK_MONOTONIC || speed == NULL)
		return result;
	if (began == 0)
		began = ns;
	ns = began + (ns - began) * strtol(speed, NULL, 10);
	now->tv_sec = ns / 1000000000;
	now->tv_nsec = ns % 1000000000;
	return 0;
}

time_t
time(time_t *out)
{
	const char *offset = getenv("CLOCK_OFFSET");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (offset != NULL)
		now.tv_sec += strtol(offset, NULL, 10);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	const char *speed = getenv("CLOCK_SPEED");
	long long ns = timeout_ms * 1000000LL;
	struct timespec wait;

	if (speed != NULL)
		ns /= strtol(speed, NULL, 10);
	wait.tv_sec = ns / 1000000000;
	wait.tv_nsec = ns % 1000000000;
	return ppoll(fds, count, timeout_ms < 0 ? NULL : &wait, NULL);
}

/* What poll(2) is called by where the compiler checks its arguments. */
int
__poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
	(void)size;
	return poll(fds, count, timeout_ms);
}
