/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into poplar: a sync that finds $GATE_FROM files or more in
 * $GATE_DIR ends only when there are $GATE_TO of them. It fails after 20
 * seconds, for then nobody makes more of them while it lasts.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long
files(void)
{
	DIR *dir = opendir(getenv("GATE_DIR"));
	struct dirent *entry;
	long count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static int
gated(long number, int fd)
{
	long from = strtol(getenv("GATE_FROM"), NULL, 10);
	long to = strtol(getenv("GATE_TO"), NULL, 10);

	for (int turn = 0; files() >= from && files() < to; turn++) {
		if (turn == 2000) {
			errno = ETIMEDOUT;
			return -1;
		}
		usleep(10000);
	}
	return (int)syscall(number, fd);
}

int
fsync(int fd)
{
	return gated(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return gated(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
	return gated(SYS_syncfs, fd);
}
