/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into poplar: it may have $CHILDREN processes at a time, the first
 * $REFUSED attempts to start one fail, and poll(2) of more than $POLL_MAX
 * descriptors fails. Root is under no limit of the system's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long children, refused;

static long
number(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtol(text, NULL, 10);
}

pid_t
fork(void)
{
	pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	pid_t pid;

	if (children >= number("CHILDREN", 1000) ||
	    refused < number("REFUSED", 0)) {
		refused++;
		errno = EAGAIN;
		return -1;
	}
	pid = real();
	if (pid == 0)
		children = 0;
	else if (pid > 0)
		children++;
	return pid;
}

pid_t
waitpid(pid_t pid, int *status, int options)
{
	pid_t ended = wait4(pid, status, options, NULL);

	if (ended > 0)
		children--;
	return ended;
}

int
poll(struct pollfd *fds, nfds_t count, int ms)
{
	int (*real)(struct pollfd *, nfds_t, int) =
	    (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");

	if ((long)count > number("POLL_MAX", 1000)) {
		errno = ENOMEM;
		return -1;
	}
	return real(fds, count, ms);
}
