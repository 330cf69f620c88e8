/* SPDX-License-Identifier: ISC */
/* Sentinels: asked, answered, and what to do where one is refused. */
#include "fetch/sentinel.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "fetch/fetch_priv.h"

/* number blank; 0 if it is not ours. twisted leaves it out. */
static size_t
skip_number(const char *text, size_t len, uint32_t num)
{
	uint64_t value;
	size_t n = parse_u64(text, len, UINT32_MAX, &value);

	if (n == 0 || value != num || n == len || text[n] != ' ')
		return 0;
	while (n < len && text[n] == ' ')
		n++;
	return n;
}

static int
answer(void *arg, const char *text, size_t len, struct err *err)
{
	struct batch *batch = arg;
	const struct plan_item *asked = batch->asked;
	size_t n = skip_number(text, len, asked->num), uid_len;
	const char *uid = plan_uid(batch->run, asked, &uid_len);
	uint64_t octets;

	(void)err;
	if (batch->asked_by == SENTINEL_UIDL) {
		batch->answered_right =
		    len - n == uid_len && memcmp(text + n, uid, uid_len) == 0;
		return 0;
	}
	batch->answered_right = n > 0 &&
	    parse_u64(text + n, len - n, INT64_MAX, &octets) > 0 &&
	    octets == plan_octets(batch->run, asked);
	return 0;
}

static bool
any_suspect(const struct batch *batch)
{
	for (const struct job *job = batch->first; job != NULL; job = job->next)
		if (job->suspect && !(job->plan->flags & PLAN_CAREFUL))
			return true;
	return false;
}

static void
verify(struct batch *batch)
{
	batch->stage = any_suspect(batch) ? BATCH_SUSPECT : BATCH_VERIFIED;
	/* what streams in from here on belongs to the next batch */
	deliver_cut(batch->run->deliver);
	/* and waits until the caller has seen this one */
	pop3_pause(batch->run->session.pop3);
}

static int ask(struct batch *batch, struct err *err);

static const struct plan_item *
any_whole(const struct batch *batch)
{
	for (const struct job *job = batch->first; job != NULL; job = job->next)
		if (job->whole)
			return job->plan;
	return NULL;
}

static bool
was_refused(const struct batch *batch)
{
	const struct job *job = batch->first;

	while (job->plan != batch->asked)
		job = job->next;
	return job->request.result == POP3_ERR;
}

/*
 * A refused sentinel: the message may be gone, as its RETR was refused too;
 * else UIDL n or LIST n is not served, and the next way is taken from now on.
 */
static int
ask_again(struct batch *batch, struct err *err)
{
	if (!was_refused(batch)) {
		/* others that are under way may learn the same */
		if (batch->run->sentinel == batch->asked_by)
			batch->run->sentinel++;
	} else
		batch->asked = any_whole(batch);
	if (batch->asked == NULL) {
		verify(batch); /* there is nothing in it to deliver */
		return 0;
	}
	return ask(batch, err);
}

static bool
is_alone(const struct batch *batch)
{
	return (batch->first->plan->flags & PLAN_CAREFUL) != 0;
}

static void
answered(void *arg, struct pop3_request *request)
{
	struct batch *batch = arg;
	struct err err = ERR_INIT;

	batch->run->lost_seen |= request->result == POP3_LOST;
	if (request->result == POP3_LOST)
		return;
	if (request->result == POP3_ERR && batch->asked_by != SENTINEL_NONE) {
		if (ask_again(batch, &err) == -1)
			batch->stage = BATCH_SUSPECT;
		return;
	}
	if (batch->answered_right) {
		verify(batch);
	} else if (is_alone(batch) && batch->asked_by == SENTINEL_UIDL) {
		/* perhaps UIDL n is answered in a form of its own */
		batch->run->sentinel = SENTINEL_LIST;
		if (ask(batch, &err) == -1)
			batch->stage = BATCH_SUSPECT;
	} else {
		batch->stage = BATCH_SUSPECT;
		/* without a sentinel and sizes nothing else is sure */
		if (batch->asked_by == SENTINEL_NONE)
			batch->run->one_by_one = true;
	}
}

/* Octets decide; NOOP keeps the answer in its place in the stream. */
static int
octets_right(void *arg, const char *text, size_t len, struct err *err)
{
	struct batch *batch = arg;

	(void)text;
	(void)len;
	(void)err;
	batch->answered_right = !batch->doubtful || batch->count == 1;
	return 0;
}

static int
ask(struct batch *batch, struct err *err)
{
	struct run *run = batch->run;
	struct pop3_request *request = &batch->sentinel;
	uint32_t num = batch->asked->num;
	size_t uid_len;

	memset(request, 0, sizeof(*request));
	request->shape = POP3_LINE;
	request->is_listing = true;
	request->begin = answer;
	request->done = answered;
	request->arg = batch;
	(void)plan_uid(run, batch->asked, &uid_len);
	if (run->sentinel == SENTINEL_UIDL && uid_len == 0)
		run->sentinel = SENTINEL_LIST;
	batch->asked_by = run->sentinel;
	switch (run->sentinel) {
	case SENTINEL_UIDL:
		return pop3_submit(run->session.pop3, request, err,
		    "UIDL %" PRIu32, num);
	case SENTINEL_LIST:
		return pop3_submit(run->session.pop3, request, err,
		    "LIST %" PRIu32, num);
	case SENTINEL_NONE:
		break;
	}
	request->begin = octets_right;
	return pop3_submit(run->session.pop3, request, err, "NOOP");
}

int
sentinel_submit(struct run *run, struct err *err)
{
	struct batch *batch = run->open;
	const struct job *job = batch->first;

	while (job->next != NULL)
		job = job->next;
	batch->asked = job->plan;
	batch->stage = BATCH_CLOSED;
	run->open = NULL;
	return ask(batch, err);
}

void
sentinel_spare(struct run *run)
{
	struct batch *batch = run->open;

	run->open = NULL;
	verify(batch);
}
