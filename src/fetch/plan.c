/* SPDX-License-Identifier: ISC */
/*
 * The plan: each message the server lists is new, seen, or for its digest to
 * decide; of the seen ones, some are to be deleted. One pass over the listing,
 * sorting where messages must be grouped: nothing here is quadratic.
 */
#include "fetch/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "fetch/carry.h"
#include "fetch/renumber.h"
#include "fetch/repeated.h"
#include "fetch/run.h"
#include "state/state.h"

enum standing {
	STANDING_NEW,
	STANDING_SEEN,
	STANDING_OPEN /* the digest decides */
};

static bool
wants(const struct run *run, enum msgset_kind kind)
{
	const struct msgset *set = run->options->set;

	if (set == NULL || set->count == 0)
		return kind == MSGSET_NEW;
	return msgset_has(set, kind);
}

bool
plan_is_older(const struct state_entry *entry, uint64_t age_s)
{
	uint64_t now = (uint64_t)time(NULL);

	return entry->time <= now && now - entry->time >= age_s;
}

static bool
is_old_enough(const struct run *run, const struct state_entry *entry)
{
	return run->account->disposal == ACCOUNT_DELETE_AFTER &&
	    (entry->flags & STATE_DELIVERED) &&
	    plan_is_older(entry, run->account->delete_after_s);
}

bool
plan_is_due(const struct run *run, const struct state_entry *entry)
{
	if (run->account->disposal == ACCOUNT_KEEP ||
	    (entry->flags & (STATE_UNDELETABLE | STATE_MARKED | STATE_SHORT)))
		return false;
	return (entry->flags & STATE_OWED) || is_old_enough(run, entry);
}

/* A message fetched again has an entry more, which may be the one owed. */
static bool
any_due(const struct run *run, struct state_entry *first)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(run->state, e))
		if (plan_is_due(run, e))
			return true;
	return false;
}

static bool
needs_sizes(const struct run *run)
{
	const struct listing *listing = &run->listing;

	if (run->plan.is_explicit || listing->repeated)
		return true;
	for (size_t i = 0; i < listing->count; i++) {
		const struct listed *listed = &listing->messages[i];

		if (!(listed->flags & LISTED_HERE))
			continue;
		if (listed->entry == NULL ||
		    (listed->entry->flags & (STATE_GONE | STATE_SHORT)) ||
		    any_due(run, listed->entry))
			return true;
	}
	return false;
}

/* Of the entries of one UIDL, is there one of this size? */
static struct state_entry *
entry_of_size(const struct run *run, struct state_entry *first, uint64_t octets)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(run->state, e))
		if (e->list_octets == octets)
			return e;
	return NULL;
}

static bool
any_flag(const struct run *run, struct state_entry *first, unsigned int flags)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(run->state, e))
		if (e->flags & flags)
			return true;
	return false;
}

static bool
all_gone(const struct run *run, struct state_entry *first)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(run->state, e))
		if (!(e->flags & STATE_GONE))
			return false;
	return true;
}

static const struct state_entry *
newest(const struct run *run, struct state_entry *first)
{
	struct state_entry *last = first;

	for (struct state_entry *e = first; e != NULL;
	     e = state_next(run->state, e))
		last = e;
	return last;
}

static enum standing
stand(const struct run *run, const struct listed *listed, bool strangers)
{
	if (listed->uid_len == 0)
		return STANDING_OPEN;
	if (listed->entry == NULL)
		return strangers || (listed->flags & LISTED_REPEATED) ?
		    STANDING_OPEN :
		    STANDING_NEW;
	if (any_flag(run, listed->entry, STATE_MARKED))
		return STANDING_SEEN;
	if (listed->flags & LISTED_REPEATED)
		return listed->flags & LISTED_GROUP_SEEN ? STANDING_SEEN :
							   STANDING_OPEN;
	if (newest(run, listed->entry)->flags & STATE_SHORT)
		return STANDING_OPEN;
	/* a UIDL that was away may have been given to another message */
	if (all_gone(run, listed->entry) &&
	    entry_of_size(run, listed->entry, listed->octets) == NULL)
		return STANDING_OPEN;
	return STANDING_SEEN;
}

struct census {
	struct state *state;
	bool complete;
	uint32_t now;
	bool uidless;
};

#define FORGET_AFTER_S (30 * 86400)

/* A complete listing says of each entry whether it is still there. */
static int
note_presence(void *arg, struct state_entry *entry)
{
	struct census *census = arg;

	if (entry->uid_len == 0) {
		census->uidless = true;
		return 0;
	}
	if (entry->flags & STATE_COMMITTED)
		return 0;
	if (entry->scratch == 0 && census->complete) {
		if (!(entry->flags & STATE_GONE))
			state_gone(census->state, entry, census->now);
		else if (entry->gone <= census->now &&
		    census->now - entry->gone > FORGET_AFTER_S)
			state_forget(census->state, entry);
	}
	return 0;
}

/* scratch counts only on a UIDL's first entry: pass it on to the others. */
static void
spread_presence(struct run *run)
{
	for (size_t i = 0; i < run->listing.count; i++) {
		struct state_entry *first = run->listing.messages[i].entry;

		if (first == NULL)
			continue;
		for (struct state_entry *e = state_next(run->state, first);
		     e != NULL; e = state_next(run->state, e))
			if (e->scratch == 0)
				e->scratch = 1;
	}
}

const char *
plan_uid(const struct run *run, const struct plan_item *item, size_t *len)
{
	return listing_uid(&run->listing, item->num - 1, len);
}

uint64_t
plan_octets(const struct run *run, const struct plan_item *item)
{
	return run->listing.messages[item->num - 1].octets;
}

static void
add_item(struct run *run, uint32_t num, unsigned int flags)
{
	struct plan *plan = &run->plan;

	if (plan->count == plan->room) {
		plan->room += plan->room / 4 + 64;
		plan->items = xreallocarray(plan->items, plan->room,
		    sizeof(*plan->items));
	}
	plan->items[plan->count++] =
	    (struct plan_item){ .num = num, .flags = (uint16_t)flags };
}

void
plan_remove(struct plan *plan, uint32_t num, struct state_entry *entry)
{
	if (plan->removal_count == plan->removal_room) {
		plan->removal_room += plan->removal_room / 4 + 64;
		plan->removals = xreallocarray(plan->removals,
		    plan->removal_room, sizeof(*plan->removals));
	}
	plan->removals[plan->removal_count++] =
	    (struct plan_removal){ entry, num };
}

/*
 * A DELE in a later session needs the UIDL and the size of what was
 * delivered; where the size differs, the message is retrieved and compared.
 */
static void
plan_removal(struct run *run, const struct listed *listed, uint32_t num)
{
	struct state_entry *entry = listed->entry;
	bool same;

	if (listed->flags & LISTED_SIZED)
		entry = entry_of_size(run, entry, listed->octets);
	for (struct state_entry *e = entry;
	     e != NULL && !(listed->flags & LISTED_REPEATED);
	     e = state_next(run->state, e))
		if (e->list_octets == listed->octets && plan_is_due(run, e)) {
			entry = e;
			break;
		}
	same = (listed->flags & LISTED_SIZED) && entry != NULL;
	if (!same)
		entry = listed->entry;
	if (!plan_is_due(run, entry) || remove_is_vain(run, entry, num))
		return;
	if (same)
		plan_remove(&run->plan, num, entry);
	else
		add_item(run, num,
		    PLAN_COMPARE | PLAN_DUE |
			(run->account->disposal == ACCOUNT_DELETE ?
				PLAN_DELETE :
				0));
}

static bool
is_too_big_or_small(const struct run *run, const struct listed *listed)
{
	const struct account *account = run->account;

	if (!(listed->flags & LISTED_SIZED))
		return false;
	return (account->max_size != 0 && listed->octets > account->max_size) ||
	    (account->min_size != 0 && listed->octets < account->min_size);
}

static void
consider(struct run *run, size_t index, bool strangers)
{
	const struct listed *listed = &run->listing.messages[index];
	const struct msgset *set = run->options->set;
	uint32_t num = (uint32_t)index + 1;
	unsigned int flags = 0;
	enum standing standing = stand(run, listed, strangers);
	size_t len;
	const char *uid = listing_uid(&run->listing, index, &len);
	/* in a later session its number may be another one */
	bool named = run->carry.is_explicit ?
	    carry_is_deliberate(run, num) :
	    set != NULL && msgset_matches(set, num, uid, len);

	if (standing == STANDING_SEEN && all_gone(run, listed->entry))
		for (struct state_entry *e = listed->entry; e != NULL;
		     e = state_next(run->state, e))
			state_back(run->state, e);
	if (named || (standing == STANDING_SEEN && wants(run, MSGSET_SEEN)))
		flags = PLAN_DELIBERATE;
	else if (standing == STANDING_OPEN)
		flags = PLAN_COMPARE;
	if (run->account->disposal == ACCOUNT_DELETE)
		flags |= PLAN_DELETE;
	if (named ||
	    (standing == STANDING_SEEN ? wants(run, MSGSET_SEEN) :
					 wants(run, MSGSET_NEW))) {
		if (is_too_big_or_small(run, listed))
			run_listed(run, num, REPORT_SKIPPED, false);
		else
			add_item(run, num, flags);
	} else if (standing == STANDING_SEEN) {
		plan_removal(run, listed, num);
	}
}

static bool
has_uid(const struct listing *listing, const struct msgset_item *item)
{
	const char *uid;
	size_t len;

	for (size_t i = 0; i < listing->count; i++) {
		uid = listing_uid(listing, i, &len);
		if (len == item->uid_len && memcmp(uid, item->uid, len) == 0)
			return true;
	}
	return false;
}

static int
no_such_message(const struct listing *listing, const struct msgset_item *item,
    struct err *err)
{
	char *uid;

	if (item->kind == MSGSET_NUMBERS)
		return err_set(err, EX_UNAVAILABLE,
		    "there is no message %" PRIu32
		    " on the server, which has %zu",
		    item->first > listing->count ? item->first : item->last,
		    listing->count);
	uid = log_safe(item->uid, item->uid_len);
	(void)err_set(err, EX_UNAVAILABLE,
	    "there is no message uid:%s on the server", uid);
	free(uid);
	return -1;
}

/* One of a range is enough. */
static bool
has_number(const struct listing *listing, const struct msgset_item *item)
{
	for (size_t i = item->first; i <= item->last && i <= listing->count;
	     i++)
		if (listing->messages[i - 1].flags & LISTED_HERE)
			return true;
	return false;
}

/* A range without end, and words, may mean none. */
static bool
is_there(const struct listing *listing, const struct msgset_item *item)
{
	if (item->kind == MSGSET_NUMBERS)
		return item->last == UINT32_MAX || has_number(listing, item);
	return item->kind != MSGSET_UID || has_uid(listing, item);
}

int
plan_check_named(const struct msgset *set, const struct listing *listing,
    struct err *err)
{
	for (size_t i = 0; set != NULL && i < set->count; i++)
		if (!is_there(listing, &set->items[i]))
			return no_such_message(listing, &set->items[i], err);
	return 0;
}

static void
limit(struct run *run)
{
	struct plan *plan = &run->plan;
	const struct account *account = run->account;
	/* an earlier session of this run counts, too */
	uint64_t octets = run->summary->octets;
	uint64_t count = run->summary->delivered;
	size_t n = 0;

	if (account->newest_first)
		for (size_t i = 0; i < plan->count / 2; i++) {
			struct plan_item item = plan->items[i];

			plan->items[i] = plan->items[plan->count - 1 - i];
			plan->items[plan->count - 1 - i] = item;
		}
	for (; n < plan->count; n++) {
		/* counted already */
		if (plan->items[n].flags & PLAN_DONE)
			continue;
		octets += plan_octets(run, &plan->items[n]);
		if (account->limit != 0 && count >= account->limit)
			break;
		/* one always goes, else a big message would block the rest */
		if (account->max_bytes != 0 && octets > account->max_bytes &&
		    count > 0)
			break;
		count++;
	}
	for (size_t i = n; i < plan->count; i++)
		run_message(run, &plan->items[i], REPORT_SKIPPED, NULL, NULL);
	plan->count = n;
}

static int
make(struct run *run, struct err *err)
{
	struct listing *listing = &run->listing;
	struct census census = { run->state,
		/* under new UIDLs nothing is gone */
		listing->complete && !run->account->renumbered,
		(uint32_t)time(NULL), false };
	bool strangers;

	if (needs_sizes(run) &&
	    listing_sizes(listing, run->session.pop3, err) == -1)
		return -1;
	/* a later session looks for messages, not for numbers */
	if (!run->carry.is_explicit &&
	    plan_check_named(run->options->set, listing, err) == -1)
		return -1;
	if (wants(run, MSGSET_NEW) && !run->account->renumbered &&
	    renumber_check(run, err) == -1)
		return -1;
	repeated_mark(listing, run->state);
	spread_presence(run);
	(void)state_each(run->state, note_presence, &census);
	strangers = census.uidless || run->account->renumbered;
	for (size_t i = 0; i < listing->count; i++)
		if (listing->messages[i].flags & LISTED_HERE)
			consider(run, i, strangers);
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

void
plan_clear(struct plan *plan)
{
	free(plan->items);
	free(plan->removals);
	memset(plan, 0, sizeof(*plan));
}
