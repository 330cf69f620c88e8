/* SPDX-License-Identifier: ISC */
/*
 * The plan: which messages are looked at, and which are retrieved. Whether a
 * message is new, mailbox has decided; here the message set, the sizes and the
 * limits are heeded.
 */
#include "fetch/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "account/account.h"
#include "base/err.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "fetch/carry.h"
#include "fetch/fetch_priv.h"
#include "fetch/renumber.h"
#include "mailbox/mailbox.h"
#include "state/state.h"

static bool
wants(const struct run *run, enum msgset_kind kind)
{
	const struct msgset *set = run->options->set;

	if (set == NULL || set->count == 0)
		return kind == MSGSET_NEW;
	return msgset_has(set, kind);
}

const char *
plan_uid(const struct run *run, const struct plan_item *item, size_t *len)
{
	return mailbox_uid(&run->mailbox, item->num - 1, len);
}

uint64_t
plan_octets(const struct run *run, const struct plan_item *item)
{
	return run->mailbox.messages[item->num - 1].octets;
}

static void
add_item(struct plan *plan, uint32_t num, unsigned int flags)
{
	if (plan->count == plan->room) {
		plan->room += plan->room / 4 + 64;
		plan->items = xreallocarray(plan->items, plan->room,
		    sizeof(*plan->items));
	}
	plan->items[plan->count++] =
	    (struct plan_item){ .num = num, .flags = (uint16_t)flags };
}

void
plan_look(struct run *run, size_t index)
{
	struct plan *plan = &run->plan;
	struct message *message;

	index = mailbox_first(&run->mailbox, index);
	message = &run->mailbox.messages[index];
	if (message->flags & MESSAGE_LOOKED)
		return;
	message->flags |= MESSAGE_LOOKED;
	if (plan->look_count == plan->look_room) {
		plan->look_room += plan->look_room / 4 + 64;
		plan->looks = xreallocarray(plan->looks, plan->look_room,
		    sizeof(*plan->looks));
	}
	plan->looks[plan->look_count++] = (uint32_t)index;
}

/* Do the options exclude it? What the server does not tell is not known. */
static bool
is_excluded(struct run *run, const struct message *message)
{
	const struct account *account = run->account;
	uint64_t octets = message->octets;

	if (!(message->flags & MESSAGE_SIZED)) {
		run->unjudged += account->max_size != 0 ||
		    account->min_size != 0 || account->max_bytes != 0;
		return account->max_size != 0 || account->min_size != 0 ||
		    account->max_bytes != 0;
	}
	return (account->max_size != 0 && octets > account->max_size) ||
	    (account->min_size != 0 && octets < account->min_size);
}

void
plan_add(struct run *run, size_t index, unsigned int flags)
{
	uint32_t num = (uint32_t)index + 1;

	if (is_excluded(run, &run->mailbox.messages[index])) {
		run_listed(run, num, REPORT_SKIPPED, false);
		return;
	}
	if (flags & PLAN_DELIBERATE)
		mailbox_open(&run->mailbox, index);
	add_item(&run->plan, num, flags);
	if (run->plan.made)
		carry_take(run, &run->plan.items[run->plan.count - 1]);
}

/* Was it asked for by number, uid: or the like? */
static bool
is_named(const struct run *run, size_t index)
{
	const struct msgset *set = run->options->set;
	uint32_t num = (uint32_t)index + 1;
	size_t len;
	const char *uid = mailbox_uid(&run->mailbox, index, &len);

	/* in a later session its number may be another one */
	if (run->carry.is_explicit)
		return carry_is_deliberate(run, num);
	return set != NULL &&
	    (msgset_matches(set, num, uid, len) ||
		(run->mailbox.messages[index].verdict == VERDICT_SEEN &&
		    wants(run, MSGSET_SEEN)));
}

static void
consider(struct run *run, size_t index)
{
	const struct message *message = &run->mailbox.messages[index];
	bool new = wants(run, MSGSET_NEW);

	if (is_named(run, index)) {
		plan_add(run, index, PLAN_DELIBERATE);
		return;
	}
	switch ((enum verdict)message->verdict) {
	case VERDICT_NEW:
	case VERDICT_COMPARE:
		if (new)
			plan_add(run, index, 0);
		break;
	case VERDICT_LOOK:
		if (new)
			plan_look(run, index);
		break;
	case VERDICT_SEEN:
		/* its deletion needs proof */
		if (message->flags & MESSAGE_DUE)
			plan_look(run, index);
		break;
	case VERDICT_NONE:
		break;
	}
}

bool
plan_is_enough(const struct run *run, uint64_t count, uint64_t sum,
    uint64_t octets)
{
	const struct account *account = run->account;

	/* an earlier session of this run counts, too */
	count += run->summary->delivered;
	sum += run->summary->octets;
	if (account->limit != 0 && count >= account->limit)
		return true;
	/* one always goes, else a big message would block the rest */
	return account->max_bytes != 0 && sum + octets > account->max_bytes &&
	    count > 0;
}

static void
reverse(struct plan *plan)
{
	for (size_t i = 0; i < plan->count / 2; i++) {
		struct plan_item item = plan->items[i];

		plan->items[i] = plan->items[plan->count - 1 - i];
		plan->items[plan->count - 1 - i] = item;
	}
}

/* What is sure to be delivered; what is only compared may not be. */
static bool
counts(const struct run *run, const struct plan_item *item)
{
	return (item->flags & PLAN_DELIBERATE) ||
	    run->mailbox.messages[item->num - 1].verdict == VERDICT_NEW;
}

static void
limit(struct run *run)
{
	struct plan *plan = &run->plan;
	uint64_t octets = 0, count = 0;
	size_t kept = 0;

	if (run->account->newest_first)
		reverse(plan);
	for (size_t i = 0; i < plan->count; i++) {
		struct plan_item *item = &plan->items[i];

		if (!(item->flags & PLAN_DONE) && counts(run, item)) {
			if (plan_is_enough(run, count, octets,
				plan_octets(run, item))) {
				run_message(run, item, REPORT_SKIPPED, NULL,
				    NULL);
				continue;
			}
			count++;
			octets += plan_octets(run, item);
		}
		plan->items[kept++] = *item;
	}
	plan->count = kept;
}

static void
warn_missing(void *arg, const struct err *err)
{
	run_warn(arg, err);
}

/* A policy about sizes, and no sizes: what is not fetched is said. */
static void
warn_unjudged(struct run *run)
{
	struct err err;

	if (run->unjudged == 0)
		return;
	(void)err_set(&err, EX_UNAVAILABLE,
	    "%s does not tell the sizes of %llu messages, so --max-size, "
	    "--min-size or --max-bytes cannot be heeded; they stay on the "
	    "server",
	    pop3_peer(run->session.pop3), (unsigned long long)run->unjudged);
	run_warn(run, &err);
}

static int
make(struct run *run, struct err *err)
{
	struct mailbox *mailbox = &run->mailbox;
	struct mailbox_policy policy;

	run_policy(run, &policy);
	if (mailbox_check_uidl(mailbox, &policy, run->session.pop3, err) ==
	    -1) {
		run->final = true;
		return -1;
	}
	/* a later session looks for messages, not for numbers */
	if (!run->carry.is_explicit)
		(void)mailbox_missing(mailbox, run->options->set, warn_missing,
		    run);
	if (wants(run, MSGSET_NEW) && !policy.renumbered &&
	    renumber_check(run, err) == -1)
		return -1;
	mailbox_decide(mailbox, &policy);
	run->unjudged = 0;
	for (size_t i = 0; i < mailbox->count; i++)
		if (mailbox->messages[i].flags & MESSAGE_LISTED)
			consider(run, i);
	warn_unjudged(run);
	return 0;
}

int
plan_make(struct run *run, struct err *err)
{
	int r;

	plan_clear(&run->plan);
	run->plan.is_explicit = wants(run, MSGSET_NUMBERS) ||
	    wants(run, MSGSET_UID) || wants(run, MSGSET_ALL) ||
	    wants(run, MSGSET_SEEN);
	r = make(run, err);
	if (r == 0) {
		carry_over(run);
		limit(run);
		if (strcmp(run->account->deliver_kind, "stdout") == 0 &&
		    run->plan.count > 1)
			r = err_set(err, EX_USAGE,
			    "--stdout takes one message and %zu are chosen; "
			    "several go to --mbox -",
			    run->plan.count);
	}
	run->plan.made = r == 0;
	return r;
}

static int
compare_items(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	return (x->num > y->num) - (x->num < y->num);
}

void
plan_sort(struct run *run)
{
	if (run->plan.count > 0)
		qsort(run->plan.items, run->plan.count,
		    sizeof(*run->plan.items), compare_items);
	if (run->account->newest_first)
		reverse(&run->plan);
}

void
plan_clear(struct plan *plan)
{
	free(plan->items);
	free(plan->looks);
	memset(plan, 0, sizeof(*plan));
}
