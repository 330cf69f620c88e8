/* SPDX-License-Identifier: ISC */
/* Signals that ask us to end. */
#include "base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const int signals_all[] = { SIGINT, SIGTERM, SIGHUP };
#define PASSED_ON SIGUSR1
#define STOP_SIGNALS (sizeof(signals_all) / sizeof(signals_all[0]))

static volatile sig_atomic_t came;
static volatile sig_atomic_t ours[STOP_SIGNALS];
static int pipe_fds[2] = { -1, -1 };

/* The default is restored at once, so that a second signal ends us. */
static void
on_signal(int sig)
{
	int saved = errno;
	size_t i;

	came = sig;
	for (i = 0; i < STOP_SIGNALS; i++) {
		struct sigaction action;

		if (!ours[i])
			continue;
		memset(&action, 0, sizeof(action));
		action.sa_handler = SIG_DFL;
		(void)sigaction(signals_all[i], &action, NULL);
	}
	if (write(pipe_fds[1], "", 1) == -1) {
		/* full or never made: came says it all the same */
	}
	errno = saved;
}

static void
make_pipe(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (pipe_fds[i] != -1)
			(void)close(pipe_fds[i]);
		pipe_fds[i] = -1;
	}
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == -1)
		pipe_fds[0] = pipe_fds[1] = -1;
}

void
signals_install(void)
{
	struct sigaction action, old;
	sigset_t none;
	size_t i;

	make_pipe();
	came = 0;
	memset(&action, 0, sizeof(action));
	(void)sigemptyset(&action.sa_mask);
	/* Both must not be noted as the first. */
	for (i = 0; i < STOP_SIGNALS; i++)
		(void)sigaddset(&action.sa_mask, signals_all[i]);
	action.sa_handler = on_signal;
	for (i = 0; i < STOP_SIGNALS; i++) {
		/* nohup(1) and a shell's background jobs ignore some */
		if (sigaction(signals_all[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		ours[i] = 1;
		(void)sigaction(signals_all[i], &action, NULL);
	}
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	/* a write beyond ulimit -f is to fail with EFBIG, not to kill us */
	(void)sigaction(SIGXFSZ, &action, NULL);
	/* whoever started us may have ignored it, and blocked any: without it
	 * no child can be waited for */
	action.sa_handler = SIG_DFL;
	(void)sigaction(SIGCHLD, &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
on_passed_on(int sig)
{
	int saved = errno;

	(void)sig;
	if (came == 0) {
		came = SIGTERM;
		if (write(pipe_fds[1], "", 1) == -1) {
			/* came says it all the same */
		}
	}
	errno = saved;
}

void
signals_pass_on(pid_t pid)
{
	(void)kill(pid, PASSED_ON);
}

void
signals_forked(void)
{
	struct sigaction action;

	if (pipe_fds[0] == -1)
		return;
	make_pipe();
	memset(&action, 0, sizeof(action));
	(void)sigemptyset(&action.sa_mask);
	action.sa_handler = on_passed_on;
	(void)sigaction(PASSED_ON, &action, NULL);
	if (came != 0 && write(pipe_fds[1], "", 1) == -1) {
		/* came says it all the same */
	}
}

int
signals_stop(void)
{
	return came;
}

int
signals_fd(void)
{
	return pipe_fds[0];
}
