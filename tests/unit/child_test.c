/* SPDX-License-Identifier: ISC */
/* Processes: what they inherit, how they end; stop signals. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"
#include "test.h"

static struct err err;

static int
capture(const char *command, size_t max, struct buf *out)
{
	err = (struct err)ERR_INIT;
	return child_capture(command, max, deadline_after(20000), out, &err);
}

static void
captures(void)
{
	struct buf out = BUF_INIT;

	CHECK_INT(capture("printf 'two\\n\\n'", 4, &out), 0);
	CHECK_MEM(out.data, out.len, "two\n", 4);
	CHECK_INT(capture("printf secret", 6, &out), 0);
	CHECK_STR(buf_text(&out), "secret");
	CHECK_INT(capture("cat; echo end", 10, &out), 0);
	CHECK_STR(buf_text(&out), "end");
	CHECK_INT(capture("printf toolong", 6, &out), -1);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_STR(err.text, "the command prints more than 6 octets");
	CHECK_INT(capture("while :; do echo endless; done", 6, &out), -1);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_INT(capture("true", 6, &out), -1);
	CHECK_STR(err.text, "the command prints nothing");
	CHECK_INT(capture("echo x; exit 3", 6, &out), -1);
	CHECK_STR(err.text, "the command failed with status 3");
	CHECK_INT(err.status, EX_CONFIG);
	CHECK_INT(capture("kill -9 $$", 6, &out), -1);
	CHECK_STR(err.text, "the command was ended by signal 9");
	CHECK_INT(child_capture("sleep 30", 6, deadline_after(10), &out, &err),
	    -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	buf_clear(&out);
}

/* It has said all when it has ended, whoever keeps the pipe open. */
static void
captures_what_leaves_others_behind(void)
{
	static const struct {
		const char *command, *want;
	} table[] = {
		{ "sleep 30 & echo pw", "pw" },
		{ "(sleep 30; echo late) & echo pw", "pw" },
		{ "sleep 30 & sleep 30 & printf 'a\nb'", "a\nb" },
		{ "sleep 30 & sleep 0.1; echo pw", "pw" },
		{ "sleep 30 & exec 1>&-; sleep 0.05", NULL },
	};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int64_t began = deadline_now();

		CHECK_INT(capture(table[i].command, 100, &out),
		    table[i].want != NULL ? 0 : -1);
		if (table[i].want != NULL)
			CHECK_STR(buf_text(&out), table[i].want);
		CHECK(deadline_now() - began < 10000);
	}
	/* more than a pipe holds, and the end of it */
	CHECK_INT(capture("sleep 30 & head -c 200000 /dev/zero; printf x",
		      300000, &out),
	    0);
	CHECK_INT(out.len, 200001);
	CHECK(out.len == 200001 && out.data[200000] == 'x');
	buf_clear(&out);
}

static void
say(const void *arg, struct buf *out)
{
	buf_puts(out, arg);
}

static void
say_much(const void *arg, struct buf *out)
{
	memset(buf_grow(out, 200000), *(const char *)arg, 200000);
}

static void
say_open_descriptors(const void *arg, struct buf *out)
{
	(void)arg;
	for (int fd = 0; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			buf_printf(out, "%d ", fd);
}

static void
never(const void *arg, struct buf *out)
{
	(void)arg;
	buf_puts(out, "x");
	for (;;)
		(void)pause();
}

static void
crash(const void *arg, struct buf *out)
{
	buf_puts(out, arg);
	(void)raise(SIGKILL);
}

/* Calls in a process of their own. */
static void
answers(void)
{
	struct buf out = BUF_INIT;
	int64_t began = deadline_now();
	int status = 0;
	pid_t pid;

	err = (struct err)ERR_INIT;
	CHECK_INT(child_answer(say, "hello", 100, deadline_after(20000), &out,
		      &err),
	    0);
	CHECK_STR(buf_text(&out), "hello");
	out.len = 0;
	CHECK_INT(child_answer(say_much, "y", 300000, DEADLINE_NEVER, &out,
		      &err),
	    0);
	CHECK_INT(out.len, 200000);
	out.len = 0;
	CHECK_INT(child_answer(say_open_descriptors, NULL, 100,
		      deadline_after(20000), &out, &err),
	    0);
	CHECK_STR(buf_text(&out), "0 1 2 3 ");
	out.len = 0;
	CHECK_INT(child_answer(crash, "half", 100, deadline_after(20000), &out,
		      &err),
	    0);
	CHECK_INT(out.len, 0);
	CHECK_INT(child_answer(never, NULL, 100, deadline_after(50), &out,
		      &err),
	    -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_STR(err.text, "timed out");
	/* a signal ends it, and nobody is left */
	signals_install();
	pid = child_fork();
	if (pid == 0) {
		(void)raise(SIGTERM);
		_exit(child_answer(never, NULL, 100, DEADLINE_NEVER, &out,
			  &err) == -1 &&
			    strcmp(err.text, "interrupted") == 0 &&
			    waitpid(-1, NULL, WNOHANG) == -1 ?
			7 :
			1);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK(deadline_now() - began < 10000);
	buf_clear(&out);
}

/* Descriptors that are not close-on-exec, blocked and ignored signals. */
static void
inheritance(void)
{
	struct buf out = BUF_INIT;
	sigset_t set, old;
	int fd = open("/dev/null", O_RDONLY);

	(void)signal(SIGUSR1, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	/* ls itself has the directory open as 3 */
	CHECK_INT(capture("ls /proc/self/fd | tr '\\n' ' '", 100, &out), 0);
	CHECK_STR(buf_text(&out), "0 1 2 3 ");
	/* glibc's posix_spawn, which make uses, leaves its own 32 and 33
	 * ignored, and lets nobody change that */
	CHECK_INT(capture("grep -E '^Sig(Blk|Ign)' /proc/self/status |"
			  "sed s/180000000\\$/000000000/ | tr -d '\\t\\n'",
		      100, &out),
	    0);
	CHECK_STR(buf_text(&out),
	    "SigBlk:0000000000000000SigIgn:0000000000000000");
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGUSR1, SIG_DFL);
	(void)close(fd);
	buf_clear(&out);
}

static void
environment_and_descriptors(void)
{
	static const char *const env[] = { "POPLAR_A=1=2", "PATH_X=y", NULL };
	struct child child = { -1 };
	int in[2], out[2], status;
	char got[64];
	ssize_t n;

	CHECK_INT(pipe2(in, O_CLOEXEC), 0);
	CHECK_INT(pipe2(out, O_CLOEXEC), 0);
	CHECK_INT(setenv("POPLAR_B", "kept", 1), 0);
	CHECK_INT(child_start(&child,
		      "read x; echo \"$x $POPLAR_A $POPLAR_B\" >&2; exit 7",
		      env, in[0], -1, out[1], 0, &err),
	    0);
	CHECK_INT(write(in[1], "in\n", 3), 3);
	CHECK_INT(child_wait(&child, deadline_after(20000), NULL, NULL, &status,
		      &err),
	    0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK_INT(child.pid, -1);
	n = read(out[0], got, sizeof(got));
	CHECK_MEM(got, (size_t)n, "in 1=2 kept\n", 12);
	CHECK(getenv("POPLAR_A") == NULL);
	/* our ends are still open, and may be 1 for 0 and 0 for 1 */
	CHECK_INT(write(in[1], "x", 1), 1);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[0]);
	(void)close(out[1]);
}

static void
release(void *arg, int ms)
{
	int *fd = arg;

	CHECK(ms >= 1 && ms <= 20);
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

/* The child ends only because pump does something for it. */
static void
pumping(void)
{
	struct child child = { -1 };
	int ends[2], status;

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK_INT(child_start(&child, "cat", NULL, ends[0], -1, -1, 0, &err),
	    0);
	CHECK_INT(child_wait(&child, deadline_after(20000), release, &ends[1],
		      &status, &err),
	    0);
	CHECK_INT(status, 0);
	(void)close(ends[0]);
}

/* Late: grandchildren in the group are killed too. */
static void
lateness(void)
{
	struct child child = { -1 };
	int ends[2], status;
	char octet;

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	CHECK_INT(child_start(&child, "sleep 60 & echo; wait", NULL, -1,
		      ends[1], -1, 0, &err),
	    0);
	(void)close(ends[1]);
	CHECK_INT(read(ends[0], &octet, 1), 1);
	CHECK_INT(child_wait(&child, deadline_after(1), NULL, NULL, &status,
		      &err),
	    -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK_INT(child.pid, -1);
	CHECK_INT(read(ends[0], &octet, 1), 0);
	(void)close(ends[0]);
	child_kill(&child);
}

static void
tunnel(void)
{
	struct child child = { -1 };
	int status, fd = child_tunnel(&child, "read x; echo got $x", &err);
	char got[16];

	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_INT(write(fd, "it\n", 3), 3);
	CHECK_INT(child_wait(&child, deadline_after(20000), NULL, NULL, &status,
		      &err),
	    0);
	CHECK_INT(read(fd, got, sizeof(got)), 7);
	CHECK_MEM(got, 7, "got it\n", 7);
	(void)close(fd);
}

/* In a process of its own: the first signal is noted, the second ends it. */
static void
stopping(void)
{
	static const int second[] = { SIGTERM, SIGINT };
	size_t i;

	for (i = 0; i < 2; i++) {
		int status = 0;
		pid_t pid;

		signals_install();
		CHECK_INT(signals_stop(), 0);
		pid = child_fork();
		if (pid == 0) {
			char octet;

			(void)raise(SIGTERM);
			if (signals_stop() != SIGTERM ||
			    read(signals_fd(), &octet, 1) != 1)
				_exit(1);
			(void)raise(second[i]);
			_exit(2);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_INT(WTERMSIG(status), second[i]);
		CHECK_INT(signals_stop(), 0);
	}
}

int
main(void)
{
	TEST(captures);
	TEST(captures_what_leaves_others_behind);
	TEST(answers);
	TEST(inheritance);
	TEST(environment_and_descriptors);
	TEST(pumping);
	TEST(lateness);
	TEST(tunnel);
	TEST(stopping);
	return TEST_END();
}
