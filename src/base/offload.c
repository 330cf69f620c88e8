/* SPDX-License-Identifier: ISC */
/* One thread, one call at a time. */
#include "base/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define SPARE 8 /* descriptors that are left to our caller */

static struct offload
    meanwhile; /* busy is NULL outside offload_begin, offload_end */
static bool under_way;

static struct {
	bool running;
	int ends[2]; /* a pipe: readable when the call is done */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	int (*call)(void *job); /* NULL: none, or done */
	void *job;
	int result, error;
	bool ending;
} worker = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

static void *
serve(void *arg)
{
	int result;

	(void)arg;
	(void)pthread_mutex_lock(&worker.lock);
	while (!worker.ending) {
		if (worker.call == NULL) {
			(void)pthread_cond_wait(&worker.changed, &worker.lock);
			continue;
		}
		(void)pthread_mutex_unlock(&worker.lock);
		result = worker.call(worker.job);
		(void)pthread_mutex_lock(&worker.lock);
		worker.result = result;
		worker.error = errno;
		worker.call = NULL;
		(void)pthread_cond_signal(&worker.changed);
		if (write(worker.ends[1], "", 1) == -1) {
			/* it never fills, and no signal comes here */
		}
	}
	(void)pthread_mutex_unlock(&worker.lock);
	return NULL;
}

static void
close_ends(void)
{
	(void)close(worker.ends[0]);
	(void)close(worker.ends[1]);
}

/*
 * Where descriptors are scarce the messages need them more than we do. A number
 * beyond the limit is refused.
 */
static bool
room_is_left(void)
{
	int fd = fcntl(worker.ends[0], F_DUPFD_CLOEXEC, worker.ends[1] + SPARE);

	if (fd == -1)
		return false;
	(void)close(fd);
	return true;
}

/* Signals are the other thread's, whose poll(2) they end. */
static bool
start(void)
{
	sigset_t all, before;

	if (worker.running)
		return true;
	if (pipe2(worker.ends, O_CLOEXEC) == -1)
		return false;
	if (!room_is_left()) {
		close_ends();
		return false;
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	worker.running = pthread_create(&worker.thread, NULL, serve, NULL) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!worker.running)
		close_ends();
	return worker.running;
}

static void
hand_over(int (*call)(void *job), void *job)
{
	(void)pthread_mutex_lock(&worker.lock);
	worker.call = call;
	worker.job = job;
	(void)pthread_cond_signal(&worker.changed);
	(void)pthread_mutex_unlock(&worker.lock);
}

static bool
is_done(void)
{
	bool done;

	(void)pthread_mutex_lock(&worker.lock);
	done = worker.call == NULL;
	(void)pthread_mutex_unlock(&worker.lock);
	return done;
}

static int
take_back(void)
{
	char octet;

	(void)pthread_mutex_lock(&worker.lock);
	while (worker.call != NULL)
		(void)pthread_cond_wait(&worker.changed, &worker.lock);
	(void)pthread_mutex_unlock(&worker.lock);
	if (read(worker.ends[0], &octet, 1) == -1) {
		/* it is there */
	}
	errno = worker.error;
	return worker.result;
}

int
offload_call(int (*call)(void *job), void *job)
{
	if (under_way || meanwhile.busy == NULL ||
	    !meanwhile.busy(meanwhile.arg) || !start())
		return call(job);
	under_way = true;
	hand_over(call, job);
	while (!is_done() && meanwhile.busy(meanwhile.arg))
		meanwhile.work(meanwhile.arg, worker.ends[0]);
	under_way = false;
	return take_back();
}

void
offload_begin(const struct offload *offload)
{
	meanwhile = *offload;
}

void
offload_end(void)
{
	meanwhile.busy = NULL;
	if (!worker.running)
		return;
	(void)pthread_mutex_lock(&worker.lock);
	worker.ending = true;
	(void)pthread_cond_signal(&worker.changed);
	(void)pthread_mutex_unlock(&worker.lock);
	(void)pthread_join(worker.thread, NULL);
	worker.ending = worker.running = false;
	close_ends();
}
