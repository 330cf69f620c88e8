/* SPDX-License-Identifier: ISC */
/*
 * A verified batch on its way to being delivered for good: sync, C records,
 * apply, A records, and only then DELE (poplar-delivery(7)).
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

/* So many sizes that were wrong show that all are estimates. */
#define PROOFS 3

struct commit {
	struct run *run;
	struct job **jobs; /* those to be delivered; owned */
	struct deliver_item **items;
	struct state_entry **entries;
	size_t count;
};

/* Its file is closed. */
static void
let_go(struct job *job)
{
	job->run->held -= job->held;
	job->held = false;
}

static void
job_free(struct run *run, struct job *job)
{
	let_go(job);
	job->next = run->free_jobs;
	run->free_jobs = job;
}

static void
batch_free(struct run *run, struct batch *batch)
{
	struct job *job, *next;

	for (job = batch->first; job != NULL; job = next) {
		next = job->next;
		job_free(run, job);
	}
	free(batch);
}

void
commit_drop(struct run *run, struct job *job)
{
	if (!job->begun)
		return;
	deliver_drop(run->deliver, &job->item);
	let_go(job);
	job->begun = false;
	job->whole = false;
}

void
commit_abandon(struct run *run, struct batch *batch)
{
	for (struct job *job = batch->first; job != NULL; job = job->next) {
		commit_drop(run, job);
		job->plan->flags &= (uint16_t)~PLAN_SUBMITTED;
	}
	batch_free(run, batch);
}

void
commit_fail(struct run *run, struct job *job, const struct err *err)
{
	commit_drop(run, job);
	job->plan->flags |= PLAN_DONE | PLAN_FAILED;
	run_message(run, job->plan, REPORT_FAILED, NULL, err);
}

/* Fewer octets than announced, by a server whose sizes are to be believed. */
static bool
is_short(const struct job *job)
{
	const struct run *run = job->run;

	return (job_message(job)->flags & MESSAGE_SIZED) &&
	    job->request.octets < plan_octets(run, job->plan) &&
	    !(state_server(run->state) & STATE_SERVER_ESTIMATES);
}

/*
 * What was retrieved alone and still looks like another's reply is believed if
 * it has the size that LIST gave, or comes a second time with the same octets.
 */
static bool
is_doubtful(struct job *job)
{
	struct run *run = job->run;

	if (!job->suspect || job->request.octets == plan_octets(run, job->plan))
		return false;
	return run->doubted != job->plan->num ||
	    memcmp(&run->doubted_print, &job->shown.print,
		sizeof(run->doubted_print)) != 0;
}

/* Retrieve it once more; a third time would tell nothing new. */
static void
doubt(struct run *run, struct job *job)
{
	struct err err;

	if (run->doubted == job->plan->num) {
		(void)err_set(&err, EX_PROTOCOL,
		    "%s sent something that is not the message",
		    pop3_peer(run->session.pop3));
		commit_fail(run, job, &err);
		return;
	}
	run->doubted = job->plan->num;
	run->doubted_print = job->shown.print;
	commit_drop(run, job);
	run->uncommitted--; /* it will be counted again */
	job->plan->flags &= (uint16_t)~PLAN_SUBMITTED;
	run->next = (size_t)(job->plan - run->plan.items);
}

/* Retrieved in this session, and safe now: QUIT may delete it. */
static void
count_safe(struct run *run, const struct plan_item *plan)
{
	run->uncommitted--;
	if (run->probed != plan->num)
		return;
	/* it was retrieved twice */
	run->uncommitted--;
	run->probed = 0;
}

/* Retrieved before, here or under another UIDL: it stays as it is. */
static void
settle_known(struct run *run, struct job *job)
{
	struct plan_item *plan = job->plan;

	commit_drop(run, job);
	/* what is only marked was never delivered */
	if (!(job->known->flags & STATE_MARKED))
		count_safe(run, plan);
	plan->flags |= PLAN_DONE;
	run_message(run, plan, REPORT_KNOWN, NULL, NULL);
	dele_due(run, plan->num - 1);
}

/* New, but one more than is wanted: it stays on the server, and new. */
static bool
is_too_much(const struct commit *commit, const struct job *job)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < commit->count; i++)
		octets += commit->items[i]->octets;
	return plan_is_enough(commit->run, commit->count, octets,
	    job->item.octets);
}

/* A whole message: is it to be delivered? */
static void
judge_whole(struct commit *commit, struct job *job)
{
	struct run *run = commit->run;
	size_t index = job->plan->num - 1, len;
	const char *uid = plan_uid(run, job->plan, &len);

	state_set_vain(run->state, uid, len, 0, 0);
	job->known = mailbox_settle(&run->mailbox, index, &job->shown);
	if (state_proved(run->state) >= PROOFS || run->longer >= PROOFS)
		state_set_server(run->state, STATE_SERVER_ESTIMATES);
	if (job->known != NULL && !(job->plan->flags & PLAN_DELIBERATE)) {
		settle_known(run, job);
	} else if (is_too_much(commit, job)) {
		commit_drop(run, job);
		job->plan->flags |= PLAN_DONE;
		run_message(run, job->plan, REPORT_SKIPPED, NULL, NULL);
	} else {
		job->copy =
		    mailbox_next_copy(&run->mailbox, index, &job->shown);
		mailbox_delivering(&run->mailbox, index);
		commit->items[commit->count] = &job->item;
		commit->jobs[commit->count++] = job;
	}
}

/* Those of the batch that are to be delivered, and how the others ended. */
static void
sort_out(struct commit *commit, struct batch *batch)
{
	struct run *run = commit->run;

	for (struct job *job = batch->first; job != NULL; job = job->next) {
		struct err err = ERR_INIT;

		if (job->request.result == POP3_ERR) {
			(void)pop3_refused(run->session.pop3, &job->request,
			    &err);
			commit_fail(run, job, &err);
		} else if (job->no_room) {
			commit_fail(run, job, &run->no_room_err);
		} else if (!job->whole) {
			commit_drop(run, job);
			job->plan->flags &= (uint16_t)~PLAN_SUBMITTED;
		} else if (is_doubtful(job)) {
			doubt(run, job);
		} else {
			judge_whole(commit, job);
		}
	}
}

static void
fill_record(const struct run *run, const struct job *job, const char *spool,
    struct state_record *record)
{
	const struct plan_item *plan = job->plan;

	record->uid = plan_uid(run, plan, &record->uid_len);
	record->kind = deliver_kind(run->deliver);
	record->path = deliver_path(run->deliver);
	record->device = deliver_device(run->deliver);
	record->name = job->item.name;
	record->spool = spool;
	record->list_octets = mailbox_size(&run->mailbox, plan->num - 1);
	record->octets = job->request.octets;
	record->print = job->shown.print;
	record->copy = (uint16_t)job->copy;
	record->time = (uint32_t)time(NULL);
	record->is_short = is_short(job);
	/* a short one is not deleted before it has proved to be whole */
	record->is_owed = run->account->disposal == ACCOUNT_DELETE ||
	    (job->known != NULL && (job->known->flags & STATE_OWED));
}

/* Step 3: the records of the batch, durable before anything is visible. */
static int
write_records(struct commit *commit, struct err *err)
{
	struct run *run = commit->run;
	struct state_record *records = xcalloc(commit->count, sizeof(*records));
	char **spools = xcalloc(commit->count, sizeof(*spools));
	int r;

	for (size_t i = 0; i < commit->count; i++) {
		spools[i] = deliver_spool(run->deliver, commit->items[i]);
		fill_record(run, commit->jobs[i], spools[i], &records[i]);
	}
	r = state_commit(run->state, records, commit->count, commit->entries,
	    err);
	for (size_t i = 0; i < commit->count; i++)
		free(spools[i]);
	free(spools);
	free(records);
	if (r == -1)
		return -1;
	/* this sync made the A records before it durable, too */
	(void)commit_finish(run, err);
	for (size_t i = 0; i < commit->count; i++)
		commit->jobs[i]->entry = commit->entries[i];
	return 0;
}

static int
mark(void *arg, uint64_t device, uint64_t inode, uint64_t before,
    uint64_t length, const unsigned char digest[DIGEST_LEN], struct err *err)
{
	struct commit *commit = arg;
	struct state_mark mark = {
		.path = deliver_path(commit->run->deliver),
		.device = device,
		.inode = inode,
		.before = before,
		.length = length,
		.first = commit->entries[0]->serial,
		.last = commit->entries[commit->count - 1]->serial,
	};

	memcpy(mark.digest, digest, DIGEST_LEN);
	return state_mark(commit->run->state, &mark, err);
}

static int
delivered(void *arg, struct deliver_item *item, struct err *err)
{
	struct commit *commit = arg;
	struct job *job = item->arg;
	struct state_record record;

	if (!commit->run->records)
		return 0;
	fill_record(commit->run, job, "", &record);
	return state_delivered(commit->run->state, &record, &job->entry, err);
}

static void
pump(void *arg, int ms)
{
	struct commit *commit = arg;

	keepalive_pump(commit->run, ms);
}

static void
warn_short(struct run *run, const struct job *job)
{
	struct err err;

	(void)err_set(&err, EX_TEMPFAIL,
	    "message %u came with %llu octets where %llu were announced; it "
	    "was delivered and stays on the server",
	    (unsigned int)job->plan->num,
	    (unsigned long long)job->request.octets,
	    (unsigned long long)plan_octets(run, job->plan));
	run_warn(run, &err);
}

static void
settle_delivered(struct run *run, struct job *job)
{
	struct plan_item *plan = job->plan;

	plan->flags |= PLAN_DONE;
	if (job->entry != NULL)
		mailbox_delivered(&run->mailbox, plan->num - 1, job->entry);
	count_safe(run, plan);
	run->summary->octets += job->item.octets;
	run_message(run, plan, REPORT_DELIVERED,
	    job->item.name[0] != '\0' ? job->item.name : NULL, NULL);
	if (is_short(job))
		warn_short(run, job);
	else if (run->account->disposal == ACCOUNT_DELETE)
		dele_submit(run, job->entry, plan->num);
}

/* Step 5, and what becomes of each. */
static int
settle(struct commit *commit, struct err *err)
{
	struct run *run = commit->run;
	bool journalled = deliver_is_journalled(run->deliver);
	size_t n = 0;

	for (size_t i = 0; i < commit->count; i++) {
		struct job *job = commit->jobs[i];

		if (!job->item.failed) {
			commit->entries[n++] = job->entry;
			/* delivered again: the new record takes its place */
			if (job->known != NULL && job->entry != NULL)
				state_forget(run->state, job->known);
		} else if (journalled &&
		    state_void(run->state, job->entry, err) == -1)
			return -1;
	}
	if (journalled &&
	    state_applied(run->state, commit->entries, n, err) == -1)
		return -1;
	/* no DELE before what cannot be recovered is on the disk */
	if (!journalled && run->records && state_sync(run->state, err) == -1)
		return -1;
	for (size_t i = 0; i < commit->count; i++) {
		struct job *job = commit->jobs[i];

		if (job->item.failed)
			commit_fail(run, job, &job->item.err);
		else
			settle_delivered(run, job);
	}
	return 0;
}

static int
deliver_batch(struct commit *commit, struct err *err)
{
	struct run *run = commit->run;
	struct deliver_hooks hooks = { mark, delivered, pump, commit };
	uint32_t now = (uint32_t)time(NULL);
	unsigned char digest[DIGEST_LEN];

	for (size_t i = 0; i < commit->count; i++) {
		struct job *job = commit->jobs[i];

		job->item.uid = plan_uid(run, job->plan, &job->item.uid_len);
		job->item.arg = job;
		memcpy(digest, job->shown.print.header, FINGERPRINT_PART);
		memcpy(digest + FINGERPRINT_PART, job->shown.print.body,
		    FINGERPRINT_PART);
		deliver_name(run->deliver, &job->item, now, digest, job->copy);
	}
	if (deliver_sync(run->deliver, commit->items, commit->count, err) == -1)
		return -1;
	if (deliver_is_journalled(run->deliver)) {
		for (size_t i = 0; i < commit->count; i++)
			let_go(commit->jobs[i]);
		if (write_records(commit, err) == -1)
			return -1;
	}
	if (deliver_apply(run->deliver, commit->items, commit->count, &hooks,
		err) == -1)
		return -1;
	return settle(commit, err);
}

/* What is on record needs its files no more. */
static void
release(struct run *run, struct batch *batch)
{
	struct deliver_item **items =
	    xcalloc(batch->count, sizeof(struct deliver_item *));
	size_t n = 0;

	for (struct job *job = batch->first; job != NULL; job = job->next)
		if (job->begun)
			items[n++] = &job->item;
	deliver_release(run->deliver, items, n);
	free(items);
	batch_free(run, batch);
}

int
commit_batch(struct run *run, struct batch *batch, struct err *err)
{
	struct commit commit = { .run = run };
	int r = 0;

	commit.jobs = xcalloc(batch->count, sizeof(struct job *));
	commit.items = xcalloc(batch->count, sizeof(struct deliver_item *));
	commit.entries = xcalloc(batch->count, sizeof(struct state_entry *));
	sort_out(&commit, batch);
	if (commit.count > 0)
		r = deliver_batch(&commit, err);
	free(commit.jobs);
	free(commit.items);
	free(commit.entries);
	if (r == -1)
		batch_free(run, batch); /* its files are for recovery */
	else if (commit.count > 0 && deliver_is_journalled(run->deliver))
		run->unreleased = batch;
	else
		release(run, batch);
	return r;
}

void
commit_leave(struct run *run)
{
	if (run->unreleased != NULL)
		batch_free(run, run->unreleased);
	run->unreleased = NULL;
}

int
commit_finish(struct run *run, struct err *err)
{
	if (run->unreleased == NULL)
		return 0;
	if (state_sync(run->state, err) == -1)
		return -1;
	release(run, run->unreleased);
	run->unreleased = NULL;
	return 0;
}
