/* SPDX-License-Identifier: ISC */
/*
 * A library to be preloaded: every sync call takes SLOWSYNC_MS milliseconds
 * more (5 where nothing is said), as on a slower disk.  SLOWSYNC_MS=off skips
 * them, which prepares a client's state quickly.
 */

#include <sys/syscall.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int
slow(long number, int fd)
{
	const char *setting = getenv("SLOWSYNC_MS");
	struct timespec pause = { 0, 5000000 };
	long ms;

	if (setting != NULL && strcmp(setting, "off") == 0)
		return 0;
	if (setting != NULL) {
		ms = strtol(setting, NULL, 10);
		pause.tv_sec = ms / 1000;
		pause.tv_nsec = ms % 1000 * 1000000;
	}
	nanosleep(&pause, NULL);
	return (int)syscall(number, fd);
}

int
fsync(int fd)
{
	return slow(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return slow(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
	return slow(SYS_syncfs, fd);
}

void
sync(void)
{
	slow(SYS_sync, 0);
}
