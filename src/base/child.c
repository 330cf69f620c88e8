/* SPDX-License-Identifier: ISC */
/* The only place that starts a process. */
#include "base/child.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/core.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/signals.h"

/* How long a child may go on after we have been asked to end. */
#define CHILD_STOP_MS 5000
#define OUTLIVES_S 10
/* How often a look is taken whether one has ended. */
#define WAIT_MS 20
/* How long one may take to end when it is told to. */
#define CHILD_END_MS 1000
/* How long to try to start one, and how often, where there are too many. */
#define CHILD_FORK_MS 5000
#define CHILD_RETRY_MS 20

/* In the child: exec must not inherit our handlers, ignores or mask. */
static void
default_signals(void)
{
	struct sigaction action;
	sigset_t none;
	int sig;

	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * In the child: fds become 0, 1 and 2. They are copied above 2 first, because
 * one of them may be where another has to go.
 */
static int
take_descriptors(const int fds[3])
{
	int copies[3], i;

	for (i = 0; i < 3; i++) {
		int null = -1, fd = fds[i];

		if (fd == -1 && i == 2)
			fd = STDERR_FILENO;
		if (fd == -1)
			fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
		copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (null != -1)
			(void)close(null);
		if (copies[i] == -1 && i < 2)
			return -1;
	}
	for (i = 0; i < 3; i++) {
		if (copies[i] != -1 && dup2(copies[i], i) == -1)
			return -1;
	}
	closefrom(3);
	return 0;
}

static _Noreturn void
become(const char *command, const char *const *env, const int fds[3], int tty)
{
	if (!tty)
		(void)setpgid(0, 0);
	if (take_descriptors(fds) == -1)
		_exit(126);
	for (; env != NULL && *env != NULL; env++) {
		/* the child's own copy; putenv(3) would keep the pointer */
		char *pair = strdup(*env), *value;

		if (pair == NULL || (value = strchr(pair, '=')) == NULL)
			_exit(126);
		*value++ = '\0';
		if (setenv(pair, value, 1) == -1)
			_exit(126);
	}
	default_signals();
	limit_restore();
	core_restore();
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/*
 * fork(2) with all signals held back, so that none of our handlers runs in
 * the child before it has become what it is to be.
 */
static pid_t
fork_quietly(sigset_t *old)
{
	sigset_t all;
	pid_t pid;
	int saved;

	(void)fflush(NULL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, old);
	pid = fork();
	if (pid != 0) {
		saved = errno;
		(void)sigprocmask(SIG_SETMASK, old, NULL);
		errno = saved;
	}
	return pid;
}

/*
 * The same. Where the user may have no more processes, one of them may be about
 * to end: that of another account, for example.
 */
static pid_t
fork_patiently(sigset_t *old)
{
	int64_t until_ms = deadline_after(CHILD_FORK_MS);
	pid_t pid = fork_quietly(old);

	while (pid == -1 && errno == EAGAIN && signals_stop() == 0 &&
	    deadline_poll(until_ms) != 0) {
		(void)poll(NULL, 0, CHILD_RETRY_MS);
		pid = fork_quietly(old);
	}
	return pid;
}

/* Is there a terminal that a command could ask at? Under cron there is none. */
static int
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		return 0;
	(void)close(fd);
	return 1;
}

int
child_start(struct child *child, const char *command, const char *const *env,
    int in, int out, int errfd, int tty, struct err *err)
{
	const int fds[3] = { in, out, errfd };
	sigset_t old;
	pid_t pid;

	tty = tty && has_terminal();
	pid = fork_patiently(&old);
	child->pid = -1;
	if (pid == -1)
		return err_sys(err, EX_OSERR, "cannot start a process");
	if (pid == 0)
		become(command, env, fds, tty);
	/* On both sides: whoever comes first, a kill reaches the group. */
	if (!tty)
		(void)setpgid(pid, pid);
	child->pid = pid;
	return 0;
}

pid_t
child_fork(void)
{
	sigset_t old;
	pid_t pid = fork_quietly(&old);

	if (pid == 0) {
		signals_forked();
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
	}
	return pid;
}

/* 1: it has ended, 0: not yet, -1: there is no such child. */
static int
reap(struct child *child, int *status, int flags)
{
	pid_t pid;

	do {
		pid = waitpid(child->pid, status, flags);
	} while (pid == -1 && errno == EINTR);
	if (pid != 0)
		child->pid = -1;
	return pid == 0 ? 0 : pid == -1 ? -1 : 1;
}

void
child_kill(struct child *child)
{
	int status;

	if (child->pid == -1)
		return;
	/* With the terminal it has no group of its own. */
	if (kill(-child->pid, SIGKILL) == -1)
		(void)kill(child->pid, SIGKILL);
	(void)reap(child, &status, 0);
}

void
child_end(struct child *child)
{
	int64_t until_ms = deadline_after(CHILD_END_MS);
	int status;

	if (child->pid == -1)
		return;
	if (kill(-child->pid, SIGTERM) == -1)
		(void)kill(child->pid, SIGTERM);
	while (reap(child, &status, WNOHANG) == 0) {
		if (deadline_poll(until_ms) == 0) {
			child_kill(child);
			return;
		}
		(void)poll(NULL, 0, 1);
	}
}

/* until_ms, or sooner once a stop signal has come. */
static int64_t
limit_when_stopping(int64_t until_ms, int64_t *stopped_ms)
{
	if (signals_stop() == 0)
		return until_ms;
	if (*stopped_ms == DEADLINE_NEVER)
		*stopped_ms = deadline_after(CHILD_STOP_MS);
	return deadline_earlier(until_ms, *stopped_ms);
}

int
child_wait(struct child *child, int64_t until_ms,
    void (*pump)(void *arg, int ms), void *arg, int *status, struct err *err)
{
	int64_t stopped_ms = DEADLINE_NEVER;
	int ms = 1;

	if (child->pid == -1)
		return err_set(err, EX_SOFTWARE, "no process to wait for");
	for (;;) {
		int ended = reap(child, status, WNOHANG), left;

		if (ended == 1)
			return 0;
		if (ended == -1)
			return err_sys(err, EX_OSERR, "cannot wait");
		left =
		    deadline_poll(limit_when_stopping(until_ms, &stopped_ms));
		if (left == 0) {
			child_kill(child);
			return err_set(err, EX_TEMPFAIL,
			    "the command did not end in time and was killed");
		}
		if (left != -1 && left < ms)
			ms = left;
		if (pump != NULL)
			pump(arg, ms);
		else
			(void)poll(NULL, 0, ms);
		ms = ms * 2 > WAIT_MS ? WAIT_MS : ms * 2;
	}
}

/* Take what lies in fd, which does not block. 1: more may come; 0: its end. */
static int
drain(int fd, size_t max, struct buf *out, struct err *err)
{
	size_t want;
	ssize_t n;

	for (;;) {
		/* one more is allowed: the newline taken off below */
		if (out->len > max + 1)
			return err_set(err, EX_CONFIG,
			    "the command prints more than %zu octets", max);
		want = max + 2 - out->len;
		if (want > 4096)
			want = 4096;
		n = read(fd, buf_grow(out, want), want);
		out->len -= want - (n > 0 ? (size_t)n : 0);
		if (n == -1 && errno == EAGAIN)
			return 1;
		if (n == -1 && errno != EINTR)
			return err_sys(err, EX_OSERR,
			    "cannot read from the command");
		if (n == 0)
			return 0;
	}
}

/*
 * All that the command prints until it ends: what it leaves behind (an agent)
 * may keep the pipe for ever.
 */
static int
collect(struct child *child, int fd, size_t max, int64_t until_ms,
    struct buf *out, int *status, struct err *err)
{
	int64_t stopped_ms = DEADLINE_NEVER, until;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int ended, left, ms = 1, more = 1;

	for (;;) {
		/* in this order: what it printed is in the pipe when it ends */
		ended = reap(child, status, WNOHANG);
		if (ended == -1)
			return err_sys(err, EX_OSERR, "cannot wait");
		if (more == 1)
			more = drain(fd, max, out, err);
		if (more == -1)
			return -1;
		if (ended == 1)
			return 0;
		until = limit_when_stopping(until_ms, &stopped_ms);
		left = deadline_poll(until);
		if (left == 0)
			return err_set(err, EX_TEMPFAIL,
			    "the command did not answer in time");
		if (left != -1 && left < ms)
			ms = left;
		ready.fd = more == 1 ? fd : -1;
		(void)poll(&ready, 1, ms);
		ms = ms * 2 > WAIT_MS ? WAIT_MS : ms * 2;
	}
}

static int
check_capture(int status, size_t max, struct buf *out, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, EX_CONFIG,
		    "the command was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(err, EX_CONFIG,
		    "the command failed with status %d", WEXITSTATUS(status));
	if (out->len > 0 && out->data[out->len - 1] == '\n')
		out->len--;
	if (out->len > max)
		return err_set(err, EX_CONFIG,
		    "the command prints more than %zu octets", max);
	if (out->len == 0)
		return err_set(err, EX_CONFIG, "the command prints nothing");
	return 0;
}

int
child_capture(const char *command, size_t max, int64_t until_ms,
    struct buf *out, struct err *err)
{
	struct child child = { -1 };
	int fds[2], status, result = -1;

	out->len = 0;
	if (pipe2(fds, O_CLOEXEC) == -1)
		return err_sys(err, EX_OSERR, "cannot make a pipe");
	if (child_start(&child, command, NULL, -1, fds[1], -1, true, err) ==
	    -1) {
		(void)close(fds[1]);
		goto out;
	}
	(void)close(fds[1]);
	/* of our end only: the command expects a blocking descriptor */
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	if (collect(&child, fds[0], max, until_ms, out, &status, err) == -1)
		goto out;
	result = check_capture(status, max, out, err);
out:
	child_kill(&child);
	(void)close(fds[0]);
	if (result == -1)
		buf_clear(out);
	return result;
}

/*
 * In the child: it keeps nothing open but fd, and outlives its use by little.
 * Not too little: that it has died is no news as long as it is waited for.
 */
static _Noreturn void
answer(child_call_fn *call, const void *arg, int fd, int64_t until_ms)
{
	struct buf out = BUF_INIT;
	int left = deadline_poll(until_ms);
	size_t sent = 0;
	ssize_t n;

	if (dup2(fd, 3) == -1)
		_exit(1);
	closefrom(4);
	default_signals();
	if (left != -1)
		(void)alarm((unsigned int)left / 1000 + OUTLIVES_S);
	call(arg, &out);
	while (sent < out.len) {
		n = write(3, out.data + sent, out.len - sent);
		if (n == -1 && errno != EINTR)
			_exit(1);
		sent += n > 0 ? (size_t)n : 0;
	}
	_exit(0);
}

/* Until the end of fd, until_ms or a stop signal. */
static int
hear(int fd, size_t max, int64_t until_ms, struct buf *out, struct err *err)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = signals_fd(), .events = POLLIN } };
	int more;

	for (;;) {
		if (signals_stop() != 0)
			return err_set(err, EX_TEMPFAIL, "interrupted");
		if (deadline_poll(until_ms) == 0)
			return err_set(err, EX_TEMPFAIL, "timed out");
		if (poll(fds, 2, deadline_poll(until_ms)) == -1 &&
		    errno != EINTR)
			return err_sys(err, EX_OSERR, "poll");
		more = drain(fd, max, out, err);
		if (more != 1)
			return more;
	}
}

int
child_answer(child_call_fn *call, const void *arg, size_t max, int64_t until_ms,
    struct buf *out, struct err *err)
{
	struct child child = { -1 };
	sigset_t old;
	int fds[2], result;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return err_sys(err, EX_OSERR, "cannot make a pipe");
	child.pid = fork_quietly(&old);
	if (child.pid == 0)
		answer(call, arg, fds[1], until_ms);
	(void)close(fds[1]);
	if (child.pid == -1)
		result = err_sys(err, EX_OSERR, "cannot start a process");
	else {
		(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
		result = hear(fds[0], max, until_ms, out, err);
	}
	(void)close(fds[0]);
	child_kill(&child);
	if (result == -1)
		buf_clear(out);
	return result;
}

int
child_tunnel(struct child *child, const char *command, struct err *err)
{
	int fds[2];

	child->pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		return err_sys(err, EX_OSERR, "cannot make a socket pair");
	/* The terminal stays reachable: ssh(1) may want to ask something. */
	if (child_start(child, command, NULL, fds[1], fds[1], -1, true, err) ==
	    -1) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return -1;
	}
	(void)close(fds[1]);
	/* of our end only: the command expects blocking descriptors */
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return fds[0];
}
