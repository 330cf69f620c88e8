/* SPDX-License-Identifier: ISC */
/*
 * The delete command: numbers and uid: may name anything; what is chosen
 * through the state is only what was delivered and is still what was
 * delivered, by UIDL and size (DELIVERY.md, "Owed").
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/msgset.h"
#include "fetch/repeated.h"
#include "fetch/run.h"
#include "state/state.h"

struct choice {
	struct run *run;
	const struct delete_options *options;
	uint64_t undelivered; /* named by all or new */
};

/* The delivered message this listed one is; NULL: none, or not surely. */
static struct state_entry *
delivered_entry(const struct run *run, const struct listed *listed)
{
	if ((listed->flags & LISTED_REPEATED) &&
	    !(listed->flags & LISTED_GROUP_SEEN))
		return NULL;
	for (struct state_entry *e = listed->entry; e != NULL;
	     e = state_next(run->state, e))
		if ((e->flags & STATE_DELIVERED) && !(e->flags & STATE_SHORT) &&
		    (listed->flags & LISTED_SIZED) &&
		    e->list_octets == listed->octets)
			return e;
	return NULL;
}

static bool
by_policy(const struct choice *choice, const struct state_entry *entry)
{
	const struct account *account = choice->run->account;

	if (entry == NULL)
		return false;
	if (choice->options->by_age)
		return plan_is_older(entry, choice->options->older_than_s);
	if (account->disposal == ACCOUNT_DELETE_AFTER)
		return plan_is_older(entry, account->delete_after_s);
	return false;
}

/* Does the item name it? all and new may name what was never delivered. */
static bool
names(const struct choice *choice, struct msgset_item *item, uint32_t num,
    const struct listed *listed, const struct state_entry *entry)
{
	struct msgset one = { item, 1 };
	size_t len;
	const char *uid = listing_uid(&choice->run->listing, num - 1, &len);

	if (item->kind == MSGSET_NEW)
		return listed->entry == NULL;
	if (item->kind == MSGSET_SEEN)
		return entry != NULL;
	return msgset_matches(&one, num, uid, len);
}

/* Is this message to go? */
static bool
chosen(struct choice *choice, uint32_t num, const struct listed *listed,
    struct state_entry *entry)
{
	const struct msgset *set = choice->options->set;

	if (choice->options->policy_only)
		return by_policy(choice, entry);
	if (choice->options->by_age && !by_policy(choice, entry))
		return false;
	for (size_t i = 0; i < set->count; i++) {
		enum msgset_kind kind = set->items[i].kind;

		if (!names(choice, &set->items[i], num, listed, entry))
			continue;
		if (entry == NULL && (kind == MSGSET_ALL || kind == MSGSET_NEW))
			choice->undelivered++;
		return true;
	}
	return false;
}

/* Mark what is to go. */
static int
choose(struct choice *choice, struct err *err)
{
	struct run *run = choice->run;
	struct listing *listing = &run->listing;

	if (plan_check_named(choice->options->set, listing, err) == -1)
		return -1;
	for (size_t i = 0; i < listing->count; i++) {
		struct listed *listed = &listing->messages[i];

		if ((listed->flags & LISTED_HERE) &&
		    chosen(choice, (uint32_t)i + 1, listed,
			delivered_entry(run, listed)))
			listed->flags |= LISTED_CHOSEN;
	}
	return 0;
}

static int
ask_first(const struct choice *choice, struct err *err)
{
	const struct delete_options *options = choice->options;

	if (choice->undelivered == 0 || options->force || options->dry_run)
		return 0;
	if (options->confirm != NULL &&
	    options->confirm(NULL, choice->undelivered))
		return 0;
	return err_set(err, EX_USAGE,
	    "%" PRIu64 " of these messages have never been delivered; --force "
	    "deletes them all the same",
	    choice->undelivered);
}

static int
remove_chosen(struct run *run, struct err *err)
{
	struct pop3 *pop3 = run->session.pop3;

	for (size_t i = 0; i < run->listing.count; i++) {
		const struct listed *listed = &run->listing.messages[i];

		if (!(listed->flags & LISTED_CHOSEN))
			continue;
		while (!pop3_has_room(pop3))
			if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
				return -1;
		remove_submit(run, delivered_entry(run, listed),
		    (uint32_t)i + 1);
	}
	/* the deletions are known to be owed before the server hears QUIT */
	if (state_sync(run->state, err) == -1) {
		pop3_abort(pop3, err);
		return -1;
	}
	return pop3_drain(pop3, err);
}

static void
report_chosen(struct run *run)
{
	for (size_t i = 0; i < run->listing.count; i++)
		if (run->listing.messages[i].flags & LISTED_CHOSEN)
			run_listed(run, (uint32_t)i + 1, REPORT_PLANNED, true);
}

static int
work(struct choice *choice, struct err *err)
{
	struct run *run = choice->run;
	int r;

	if (run_list(run, true, err) == -1)
		return -1;
	run->summary->on_server = run->listing.named;
	repeated_mark(&run->listing, run->state);
	r = choose(choice, err);
	if (r == 0)
		r = ask_first(choice, err);
	if (r == 0 && choice->options->dry_run)
		report_chosen(run);
	else if (r == 0)
		r = remove_chosen(run, err);
	return r;
}

int
fetch_delete(struct account *account, const struct delete_options *options,
    const struct report *report, struct report_summary *summary,
    struct err *err)
{
	struct run run = {
		.account = account,
		.report = report,
		.summary = summary,
		.until_ms = deadline_after(account->deadline_ms),
	};
	struct choice choice = { .run = &run, .options = options };
	struct err quit = ERR_INIT, local = ERR_INIT;
	int r;

	memset(summary, 0, sizeof(*summary));
	run.session.tunnel.pid = -1;
	r = run_open_state(&run, !options->dry_run, err);
	if (r == 0)
		r = run_open_session(&run, err);
	if (r == 0) {
		r = work(&choice, err);
		if (r == -1 && pop3_dead(run.session.pop3))
			run_leave(&run);
		else if (run_quit(&run, &quit) == -1 && r == 0) {
			*err = quit;
			r = -1;
		}
	}
	/* after a failure, too: the server may have asked for a pause */
	if (run.state != NULL && !options->dry_run &&
	    state_sync(run.state, r == 0 ? err : &local) == -1)
		r = -1;
	if (r == -1)
		run_status(&run, err->status);
	run_free(&run);
	return r;
}
