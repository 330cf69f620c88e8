/* SPDX-License-Identifier: ISC */
/* Where calls are made, what goes on meanwhile, and what comes back. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/offload.h"
#include "test.h"

struct call {
	pthread_t made_by;
	int gate; /* read before it returns; -1: none */
	int result, error;
};

struct work {
	bool busy;
	int gate; /* written to at the third turn */
	int turns;
	bool ends; /* with that turn, before the call does */
};

static int
make(void *arg)
{
	struct call *call = arg;
	char octet;

	call->made_by = pthread_self();
	if (call->gate != -1 && read(call->gate, &octet, 1) != 1)
		call->result = -2;
	errno = call->error;
	return call->result;
}

static bool
is_busy(void *arg)
{
	return ((struct work *)arg)->busy;
}

/* The call may end from the third turn on, and is waited for. */
static void
do_some(void *arg, int fd)
{
	struct work *work = arg;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (++work->turns == 3) {
		CHECK_INT(poll(&pfd, 1, 0), 0);
		CHECK_INT(write(work->gate, "", 1), 1);
	}
	if (work->ends)
		work->busy = work->turns < 3;
	else if (work->turns >= 3)
		CHECK_INT(poll(&pfd, 1, -1), 1);
}

static void
made_by_the_caller(void)
{
	struct work work = { .busy = false };
	struct offload aside = { is_busy, do_some, &work };
	struct call call = { .gate = -1, .result = 7 };

	CHECK_INT(offload_call(make, &call), 7);
	CHECK(pthread_equal(call.made_by, pthread_self()));
	/* there is nothing else to do */
	offload_begin(&aside);
	call.made_by = (pthread_t)0;
	CHECK_INT(offload_call(make, &call), 7);
	CHECK(pthread_equal(call.made_by, pthread_self()));
	/* and nobody any more who would do it */
	work.busy = true;
	offload_end();
	call.made_by = (pthread_t)0;
	CHECK_INT(offload_call(make, &call), 7);
	CHECK(pthread_equal(call.made_by, pthread_self()));
	CHECK_INT(work.turns, 0);
}

static void
made_by_a_thread(bool work_ends)
{
	int gate[2];
	struct work work = { .ends = work_ends };
	struct offload aside = { is_busy, do_some, &work };
	struct call call = { .result = -1, .error = EDQUOT };

	CHECK_INT(pipe(gate), 0);
	call.gate = gate[0];
	work.gate = gate[1];
	for (int round = 0; round < 2; round++) {
		offload_begin(&aside);
		for (int n = 0; n < 2; n++) {
			call.made_by = pthread_self();
			work.busy = true;
			work.turns = 0;
			errno = 0;
			CHECK_INT(offload_call(make, &call), -1);
			CHECK_INT(errno, EDQUOT);
			CHECK(work.turns >= 3);
			CHECK(!pthread_equal(call.made_by, pthread_self()));
		}
		offload_end();
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
}

static void
the_call_ends_first(void)
{
	made_by_a_thread(false);
}

static void
the_work_ends_first(void)
{
	made_by_a_thread(true);
}

int
main(void)
{
	TEST(made_by_the_caller);
	TEST(the_call_ends_first);
	TEST(the_work_ends_first);
	return TEST_END();
}
