/* SPDX-License-Identifier: ISC */
/* The line is served while a child works, or the disk. */
#include <poll.h>
#include <string.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"
#include "fetch/fetch_priv.h"

#define IDLE_MS 60000

/* No more messages than may be held, but NOOPs and DELEs do not count. */
static bool
is_full(const struct run *run)
{
	return run->held >= run->held_max && run->batches != NULL;
}

void
keepalive_pump(void *arg, int ms)
{
	struct run *run = arg;
	struct pop3 *pop3 = run->session.pop3;
	struct err err = ERR_INIT;

	if (pop3 == NULL || pop3_dead(pop3) || is_full(run)) {
		(void)poll(NULL, 0, ms);
		return;
	}
	if (pop3_outstanding(pop3) == 0 &&
	    deadline_now() - run->spoken_at >= IDLE_MS) {
		memset(&run->noop, 0, sizeof(run->noop));
		run->noop.shape = POP3_LINE;
		run->spoken_at = deadline_now();
		(void)pop3_submit(pop3, &run->noop, &err, "NOOP");
	}
	if (pop3_outstanding(pop3) == 0 ||
	    pop3_step(pop3, deadline_after(ms), &err) == 0)
		(void)poll(NULL, 0,
		    pop3_outstanding(pop3) == 0 || signals_stop() != 0 ? ms :
									 0);
}

bool
keepalive_is_busy(void *arg)
{
	const struct run *run = arg;
	const struct pop3 *pop3 = run->session.pop3;

	/* one batch that waits for the disk is enough */
	if (run->batches != NULL && run->batches->stage > BATCH_CLOSED)
		return false;
	return !pop3_dead(pop3) && pop3_outstanding(pop3) > 0 &&
	    !is_full(run) && run->fault.status == 0 && signals_stop() == 0;
}

void
keepalive_work(void *arg, int fd)
{
	struct pop3 *pop3 = ((struct run *)arg)->session.pop3;
	struct err err = ERR_INIT;

	/* if the line is lost, retrieve() will see it */
	pop3_wake(pop3, fd);
	(void)pop3_step(pop3, DEADLINE_NEVER, &err);
	pop3_wake(pop3, -1);
}
