/* SPDX-License-Identifier: ISC */
/*
 * The pipelined loop: RETRs go out batch by batch with a sentinel behind each
 * batch, bodies stream into the destination's files, and a batch whose
 * sentinel came back right is committed (poplar-delivery(7)).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/log.h"
#include "base/offload.h"
#include "base/parse.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "fetch/sentinel.h"
#include "state/state.h"

#define DRAIN_MS 5000
/* So many messages in a row that do not fit: nothing does. */
#define NO_ROOM_MAX 3
/* So many runs that could not retrieve a message are enough. */
#define VAIN_RUNS 3
/* Messages that wait for a command, each with a descriptor. */
#define HELD_MAX 512
/* What else is open: the connection, the state, directories, a child's pipes.
 */
#define OTHER_DESCRIPTORS 32
/* A message may be longer than LIST said, but not without end. */
/* A message that takes its time: those before it are committed first. */
#define LARGE_OCTETS (UINT64_C(1024) * 1024)
/* Servers add a line end that a message lacks, and do not count it. */
#define LINE_END_OCTETS 2
#define BODY_SLACK (UINT64_C(16) * 1024 * 1024)

static struct batch *
batch_open(struct run *run)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));

	batch->run = run;
	batch->last = &batch->first;
	batch->since = deadline_now();
	if (run->batches == NULL)
		run->last_batch = &run->batches;
	*run->last_batch = batch;
	run->last_batch = &batch->next;
	run->open = batch;
	return batch;
}

static struct job *
job_new(struct run *run)
{
	struct job *job = run->free_jobs;

	if (job == NULL)
		job = xmalloc(sizeof(*job));
	else
		run->free_jobs = job->next;
	memset(job, 0, sizeof(*job));
	job->run = run;
	job->item.fd = -1;
	return job;
}

const struct message *
job_message(const struct job *job)
{
	return &job->run->mailbox.messages[job->plan->num - 1];
}

/* A local fault in a callback: remembered, the loop ends on it. */
static int
fault(struct run *run, struct err *err)
{
	if (run->fault.status == 0)
		run->fault = *err;
	return -1;
}

/*
 * There is no room for this message: its octets go, so that others fit, and
 * the rest of it is only read. Where nothing fits that is the end.
 */
static int
take_no_more(struct job *job, struct err *err)
{
	struct run *run = job->run;

	if (err->cause != ERR_NO_ROOM || run->no_room == NO_ROOM_MAX)
		return fault(run, err);
	run->no_room++;
	run->no_room_err = *err;
	commit_drop(run, job);
	job->no_room = true;
	return -1;
}

static int
job_start(struct job *job, struct err *err)
{
	job->begun = job->held = true;
	/* no more files may be open: no more replies before the caller has
	 * looked */
	if (++job->run->held >= job->run->held_max)
		pop3_pause(job->run->session.pop3);
	job->run->uncommitted++;
	return deliver_begin(job->run->deliver, &job->item, err);
}

/* "+OK 123 octets": a count that is a neighbour's instead of its own. */
static int
job_status(void *arg, const char *text, size_t len, struct err *err)
{
	struct job *job = arg;
	const struct run *run = job->run;
	const struct plan *plan = &run->plan;
	size_t index = (size_t)(job->plan - plan->items);
	uint64_t announced;

	(void)err;
	if (parse_u64(text, len, INT64_MAX, &announced) == 0 ||
	    announced == plan_octets(run, job->plan))
		return 0;
	job->suspect =
	    (index > 0 && plan_octets(run, job->plan - 1) == announced) ||
	    (index + 1 < plan->count &&
		plan_octets(run, job->plan + 1) == announced);
	return 0;
}

static int
job_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct job *job = arg;
	struct run *run = job->run;

	if (run->fault.status != 0)
		return -1;
	if ((!job->begun && job_start(job, err) == -1) ||
	    deliver_write(run->deliver, &job->item, data, len, err) == -1)
		return take_no_more(job, err);
	fingerprinter_update(run->printer, data, len);
	run->progress.octets += len;
	if (run->report->progress != NULL)
		run->report->progress(run->report->arg, &run->progress);
	return 0;
}

static bool
looks_like_status(const struct pop3_request *request)
{
	return (request->head_len >= 3 &&
		   memcmp(request->head, "+OK", 3) == 0) ||
	    (request->head_len >= 4 && memcmp(request->head, "-ERR", 4) == 0);
}

/* A whole body has come: could it be another message's? */
static void
judge(struct job *job)
{
	const struct pop3_request *request = &job->request;
	struct run *run = job->run;
	uint64_t octets = plan_octets(run, job->plan);

	if ((job_message(job)->flags & MESSAGE_SIZED) &&
	    request->octets > octets + LINE_END_OCTETS)
		run->longer++;
	if (looks_like_status(request) || (request->octets <= 2 && octets > 2))
		job->suspect = true;
	if (request->octets != octets || octets == run->previous_octets ||
	    job->suspect)
		job->batch->doubtful = true;
	run->previous_octets = octets;
}

static void
job_done(void *arg, struct pop3_request *request)
{
	struct job *job = arg;
	struct run *run = job->run;
	struct err err = ERR_INIT;

	run->spoken_at = deadline_now();
	run->lost_seen |= request->result == POP3_LOST;
	if (job->begun || request->result == POP3_OK)
		fingerprinter_final(run->printer, &job->shown.print,
		    job->shown.whole);
	job->shown.octets = request->octets;
	if (request->result != POP3_OK || request->failed ||
	    run->fault.status != 0)
		return;
	if ((!job->begun && job_start(job, &err) == -1) ||
	    deliver_end(run->deliver, &job->item, &err) == -1) {
		(void)take_no_more(job, &err);
		return;
	}
	job->whole = true;
	run->no_room = 0;
	run->stalls = 0;
	judge(job);
	run->progress.messages++;
	if (run->report->progress != NULL)
		run->report->progress(run->report->arg, &run->progress);
}

static int
submit_retr(struct run *run, struct plan_item *plan, struct err *err)
{
	struct batch *batch = run->open != NULL ? run->open : batch_open(run);
	struct job *job = job_new(run);
	struct pop3_request *request = &job->request;
	uint64_t octets = plan_octets(run, plan);

	job->plan = plan;
	job->batch = batch;
	request->shape = POP3_BODY;
	request->weight = octets;
	if (run->mailbox.messages[plan->num - 1].flags & MESSAGE_SIZED)
		request->max_octets = octets * 4 + BODY_SLACK;
	request->begin = job_status;
	request->body = job_body;
	request->done = job_done;
	request->arg = job;
	request->failure = NULL;
	if (pop3_submit(run->session.pop3, request, err, "RETR %" PRIu32,
		plan->num) == -1) {
		job->next = run->free_jobs;
		run->free_jobs = job;
		return -1;
	}
	plan->flags |= PLAN_SUBMITTED;
	*batch->last = job;
	batch->last = &job->next;
	batch->count++;
	batch->octets += octets;
	return 0;
}

static size_t
held_max(void)
{
	long limit = sysconf(_SC_OPEN_MAX);

	if (limit == -1 || limit >= HELD_MAX + OTHER_DESCRIPTORS)
		return HELD_MAX;
	return limit > OTHER_DESCRIPTORS ? (size_t)limit - OTHER_DESCRIPTORS :
					   1;
}

static size_t
at_most(const struct run *run, size_t count)
{
	return count < run->held_max ? count : run->held_max;
}

/* On a line that keeps breaking, smaller batches get something home. */
static size_t
batch_messages(const struct run *run)
{
	size_t count = 1;

	if (run->losses == 0)
		count = run->summary->delivered >= BATCH_FIRST ?
		    BATCH_MESSAGES :
		    BATCH_FIRST;
	else if (run->losses < 3)
		count = BATCH_FIRST >> (2 * run->losses);
	return at_most(run, count);
}

/*
 * What has no sentinel yet is lost when the server ends the session, as some do
 * after so many messages: a small part of what has come.
 */
static size_t
lockstep_messages(const struct run *run)
{
	size_t count = (size_t)(run->summary->delivered / LOCKSTEP_PART) + 1;

	if (run->losses > 0)
		count = 1;
	return at_most(run,
	    count < LOCKSTEP_MESSAGES ? count : LOCKSTEP_MESSAGES);
}

static bool
is_due(const struct batch *batch, size_t messages, int64_t ms)
{
	return batch->count >= messages || batch->octets >= BATCH_OCTETS ||
	    deadline_now() - batch->since >= ms;
}

/*
 * In lock-step nothing is under way when this is asked. Sizes that all agree
 * and differ from their neighbours' show that nothing has shifted; only where
 * they do not is a sentinel worth its round trip.
 */
static int
close_lockstep(struct run *run, bool last, struct err *err)
{
	struct batch *batch = run->open;

	if (pop3_outstanding(run->session.pop3) > 0)
		return 0;
	if (!batch->doubtful) {
		if (last || is_due(batch, batch_messages(run), BATCH_MS))
			sentinel_spare(run);
		return 0;
	}
	if (last || is_due(batch, lockstep_messages(run), LOCKSTEP_MS))
		return sentinel_submit(run, err);
	return 0;
}

static int
close_when_due(struct run *run, bool last, struct err *err)
{
	if (run->open == NULL)
		return 0;
	if (!pop3_pipelining(run->session.pop3))
		return close_lockstep(run, last, err);
	if (last || is_due(run->open, batch_messages(run), BATCH_MS))
		return sentinel_submit(run, err);
	return 0;
}

static bool
is_verified(const struct batch *batch)
{
	return batch != NULL && batch->stage == BATCH_VERIFIED;
}

/* A message to be taken with care goes alone, with a sentinel of its own. */
static int
submit_careful(struct run *run, struct plan_item *plan, struct err *err)
{
	if (submit_retr(run, plan, err) == -1)
		return -1;
	run->next++;
	return sentinel_submit(run, err);
}

static int
submit_messages(struct run *run, struct err *err)
{
	struct pop3 *pop3 = run->session.pop3;

	/* in lock-step only now, before a RETR, nothing is under way */
	if (close_when_due(run, false, err) == -1)
		return -1;
	if (is_verified(run->batches) && !pop3_pipelining(pop3))
		return 0; /* to be committed */
	while (run->next < run->plan.count && pop3_has_room(pop3)) {
		struct plan_item *plan = &run->plan.items[run->next];

		if (plan->flags & (PLAN_DONE | PLAN_SUBMITTED)) {
			run->next++;
			continue;
		}
		if (run->one_by_one)
			plan->flags |= PLAN_CAREFUL;
		if (plan->flags & PLAN_CAREFUL) {
			if (run->open != NULL &&
			    sentinel_submit(run, err) == -1)
				return -1;
			if (run->batches != NULL || pop3_outstanding(pop3) > 0)
				return 0;
			return submit_careful(run, plan, err);
		}
		/* small ones need not wait for a large one */
		if (run->open != NULL &&
		    plan_octets(run, plan) >= LARGE_OCTETS &&
		    close_when_due(run, true, err) == -1)
			return -1;
		if (run->next > 0 && run->batches != NULL &&
		    (run->batches->first->plan->flags & PLAN_CAREFUL))
			return 0;
		if (submit_retr(run, plan, err) == -1)
			return -1;
		run->next++;
		if (close_when_due(run, false, err) == -1)
			return -1;
	}
	return close_when_due(run, run->next == run->plan.count, err);
}

static int
submit_more(struct run *run, struct err *err)
{
	if (run->stopping)
		return close_when_due(run, true, err);
	return submit_messages(run, err);
}

static void
begin_stopping(struct run *run)
{
	if (run->stopping || signals_stop() == 0)
		return;
	run->stopping = true;
	log_info("%s: interrupted: delivering what has come; once more to "
		 "leave at once",
	    run->account->name);
	run->stop_at = deadline_after(DRAIN_MS);
	pop3_on_stop(run->session.pop3, POP3_STOP_IGNORED);
	pop3_until(run->session.pop3, run->stop_at);
}

static struct batch *
take_first(struct run *run)
{
	struct batch *batch = run->batches;

	run->batches = batch->next;
	if (batch == run->open)
		run->open = NULL;
	batch->next = NULL;
	return batch;
}

/* What callbacks have found. */
static int
check(const struct run *run, struct err *err)
{
	if (run->fault.status != 0) {
		*err = run->fault;
		return -1;
	}
	if (run->batches != NULL && run->batches->stage == BATCH_SUSPECT)
		return err_set(err, EX_PROTOCOL,
		    "%s sent a reply that may belong to another message",
		    pop3_peer(run->session.pop3));
	return 0;
}

static int
commit_first(struct run *run, struct err *err)
{
	if (commit_batch(run, take_first(run), err) == -1)
		return fault(run, err);
	return 0;
}

/* In one run it may be the line's fault; after several it is said as what will
 * not pass. */
static void
fail_vainly(struct run *run, struct job *job, const struct err *err)
{
	size_t len;
	const char *uid = plan_uid(run, job->plan, &len);
	unsigned int runs = state_vain(run->state, uid, len) + 1;
	struct err said = *err;

	if (run->records)
		state_set_vain(run->state, uid, len, runs,
		    (uint32_t)time(NULL));
	if (runs >= VAIN_RUNS)
		(void)err_set(&said, EX_UNAVAILABLE,
		    "it could not be retrieved in %u runs: %s", runs,
		    err->text);
	commit_fail(run, job, &said);
}

/*
 * The session is over with these items unfinished. Lost: the one at the head
 * may be what the server chokes on. Out of step: each may be another's body.
 */
static void
mark_unfinished(struct run *run, const struct err *err)
{
	bool out_of_step = err->status == EX_PROTOCOL, head = true;
	bool stalled = pop3_was_silent(run->session.pop3);

	run->stalls += stalled;

	for (struct batch *b = run->batches; b != NULL; b = b->next) {
		for (struct job *job = b->first; job != NULL; job = job->next) {
			struct plan_item *plan = job->plan;
			bool alone = plan->flags & PLAN_CAREFUL;

			plan->flags &= (uint16_t)~PLAN_SUBMITTED;
			if (head && !job->whole &&
			    job->request.result != POP3_ERR) {
				head = false;
				plan->losses++;
			}
			if ((alone && (out_of_step || plan->losses > 2)) ||
			    plan->losses > 3 ||
			    (stalled && plan->losses > 0 && run->stalls < 2))
				fail_vainly(run, job, err);
			else if (out_of_step || plan->losses > 1)
				plan->flags |= PLAN_CAREFUL;
		}
	}
}

/* Nothing of what has not been verified may stay. */
static void
abandon_rest(struct run *run, const struct err *err)
{
	if (run->fault.status == 0 && !run->stopping)
		mark_unfinished(run, err);
	while (run->batches != NULL)
		commit_abandon(run, take_first(run));
	run->open = NULL;
}

/* In lock-step, what came whole before the line was lost is good. */
static void
save_lockstep(struct run *run, const struct err *err)
{
	struct batch *batch = run->open;

	if (batch != NULL && !pop3_pipelining(run->session.pop3) &&
	    !batch->doubtful && run->batches == batch) {
		if (run->fault.status == 0 && !run->stopping)
			mark_unfinished(run, err);
		sentinel_spare(run);
	}
}

static int
end(struct run *run, struct err *err)
{
	struct err local = ERR_INIT;

	/* what is under way points into the batches */
	pop3_abort(run->session.pop3, err);
	if (err->status != EX_PROTOCOL)
		save_lockstep(run, err);
	while (run->fault.status == 0 && is_verified(run->batches))
		(void)commit_first(run, &local);
	if (run->fault.status != 0)
		*err = run->fault;
	abandon_rest(run, err);
	return -1;
}

static int64_t
step_until(const struct run *run)
{
	if (run->stopping)
		return run->stop_at;
	if (run->open != NULL && pop3_pipelining(run->session.pop3))
		return run->open->since + BATCH_MS;
	return DEADLINE_NEVER;
}

static bool
is_idle(const struct run *run)
{
	return pop3_outstanding(run->session.pop3) == 0 &&
	    run->batches == NULL &&
	    (run->stopping || run->next == run->plan.count);
}

static int
turn(struct run *run, struct err *err)
{
	begin_stopping(run);
	if (submit_more(run, err) == -1)
		return -1;
	/* it may have died while a command was fed */
	if (!is_verified(run->batches) &&
	    (pop3_outstanding(run->session.pop3) > 0 ||
		pop3_dead(run->session.pop3)) &&
	    pop3_step(run->session.pop3, step_until(run), err) == -1)
		return -1;
	if (check(run, err) == -1 ||
	    (is_verified(run->batches) && commit_first(run, err) == -1))
		return -1;
	/* and meanwhile, more was taken in */
	return check(run, err);
}

static int
serve(struct run *run, struct err *err)
{
	while (!is_idle(run) || pop3_dead(run->session.pop3))
		if (turn(run, err) == -1)
			return end(run, err);
	return 0;
}

int
retrieve(struct run *run, struct err *err)
{
	struct offload offload = { keepalive_is_busy, keepalive_work, run };
	int r;

	run->retrieving = true;
	run->held_max = held_max();
	run->next = 0;
	run->doubted = 0;
	run->previous_octets = UINT64_MAX;
	run->spoken_at = deadline_now();
	pop3_on_stop(run->session.pop3, POP3_STOP_RETURNS);
	offload_begin(&offload);
	r = serve(run, err);
	offload_end();
	/* there is nothing to drain any more: a signal need not wait for QUIT
	 */
	if (r == 0 && !run->stopping)
		pop3_on_stop(run->session.pop3, POP3_STOP_DIES);
	return r;
}
