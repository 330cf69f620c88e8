/* SPDX-License-Identifier: ISC */
/* Stop signals, and their way to the processes of accounts: base/signals.c. */
#include "unit/test.h"

#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"

/* Until fd is readable, signals or not. */
static int
wait_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&pollfd, 1, 10000);
	while (n == -1 && errno == EINTR);
	return n;
}

/*
 * A child that says when it has been asked to stop, and then ends when its
 * pipe is closed, with the signal it has noted; returns its wait status.
 */
static int
stopped_child(int first_signal)
{
	int said[2], hold[2], status = -1;
	char octet;
	pid_t pid;

	if (pipe(said) == -1 || pipe(hold) == -1 ||
	    (pid = child_fork()) == -1) {
		CHECK(!"a process");
		return -1;
	}
	if (pid == 0) {
		close(hold[1]);
		if (wait_readable(signals_fd()) == 1 &&
		    write(said[1], "", 1) == 1)
			(void)wait_readable(hold[0]);
		_exit(signals_stop());
	}
	close(hold[0]);
	if (first_signal != 0)
		kill(pid, first_signal);
	else
		signals_pass_on(pid);
	CHECK_INT(read(said[0], &octet, 1), 1);
	signals_pass_on(pid);
	signals_pass_on(pid);
	close(hold[1]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	close(said[0]);
	close(said[1]);
	return status;
}

static void
test_passed_on(void)
{
	int status = stopped_child(0);

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), SIGTERM);
	CHECK_INT(signals_stop(), 0);
}

/* One from the terminal and one passed on are not two. */
static void
test_never_a_second(void)
{
	int status = stopped_child(SIGINT);

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), SIGINT);
}

static void
test_second_ends(void)
{
	int status = -1;
	pid_t pid = child_fork();

	if (pid == 0) {
		raise(SIGTERM);
		raise(SIGINT);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

/* Whoever started us may have ignored and blocked what we need. */
static void
test_inherited(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	sigset_t all;
	size_t i;

	for (i = 0; i < 3; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			(void)signal(SIGCHLD, SIG_IGN);
			(void)sigfillset(&all);
			(void)sigprocmask(SIG_SETMASK, &all, NULL);
			signals_install();
			if (child_capture("echo x", 10, deadline_after(20000),
				&out, &err) == -1)
				_exit(1);
			(void)kill(getpid(), signals[i]);
			_exit(signals_stop() == signals[i] &&
				    wait_readable(signals_fd()) == 1 ?
				0 :
				2);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
	}
}

int
main(void)
{
	TEST(test_inherited);
	signals_install();
	TEST(test_passed_on);
	TEST(test_never_a_second);
	TEST(test_second_ends);
	return TEST_END();
}
