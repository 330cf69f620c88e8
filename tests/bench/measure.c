/* SPDX-License-Identifier: ISC */
/*
 * Runs a command and appends one line to FILE: wall, user and system time in
 * seconds, peak memory in KiB, wait status.
 *
 *	measure FILE COMMAND [ARGUMENT...]
 *
 * A program of its own because a child's peak memory begins with that of the
 * process that started it, and an interpreter's is larger than poplar's.
 */

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	FILE *file;
	double start;
	double wall;
	pid_t pid;
	int status;

	if (argc < 3)
		errx(64, "usage: measure FILE COMMAND [ARGUMENT...]");
	start = now();
	pid = vfork();
	if (pid == -1)
		err(71, "vfork");
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) == -1)
		err(71, "wait4");
	wall = now() - start;
	file = fopen(argv[1], "a");
	if (file == NULL ||
	    fprintf(file, "%.6f %.6f %.6f %ld %d\n", wall,
		seconds(usage.ru_utime), seconds(usage.ru_stime),
		usage.ru_maxrss, status) < 0 ||
	    fclose(file) == EOF)
		err(74, "%s", argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
