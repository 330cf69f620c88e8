/* SPDX-License-Identifier: ISC */
/*
 * The delete command: numbers and uid: may name anything; what is chosen
 * through the state is only what was delivered, and is deleted only if its
 * header shows that it still is that message.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/fingerprint.h"
#include "base/msgset.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

struct choice {
	struct run *run;
	const struct delete_options *options;
	uint64_t undelivered; /* named by all or new */
};

static const struct msgset everything = { NULL, 0 };

/* Is it chosen through the state? Then only with proof. */
static bool
is_by_policy(const struct choice *choice, enum msgset_kind kind)
{
	return choice->options->by_age || kind == MSGSET_SEEN;
}

/* Does one item of the set name it? */
static bool
item_names(const struct choice *choice, size_t index, struct msgset_item *item)
{
	const struct mailbox *mailbox = &choice->run->mailbox;
	const struct msgset one = { item, 1 };

	return mailbox_is_chosen(mailbox, index, &one);
}

/* Named by number, uid:, all or new: no proof is needed. */
static bool
is_direct(struct choice *choice, size_t index)
{
	const struct msgset *set = choice->options->set;
	const struct message *message = &choice->run->mailbox.messages[index];

	for (size_t i = 0; set != NULL && i < set->count; i++) {
		enum msgset_kind kind = set->items[i].kind;

		if (is_by_policy(choice, kind) ||
		    !item_names(choice, index, &set->items[i]))
			continue;
		if (message->verdict != VERDICT_SEEN &&
		    (kind == MSGSET_ALL || kind == MSGSET_NEW))
			choice->undelivered++;
		return true;
	}
	return false;
}

/*
 * Chosen through the state, and due: proof is wanted. Whether a message that
 * has another size now is due, its header tells.
 */
static bool
is_due(const struct choice *choice, size_t index)
{
	const struct message *message = &choice->run->mailbox.messages[index];
	const struct msgset *set =
	    choice->options->policy_only ? &everything : choice->options->set;
	bool resized = message->verdict == VERDICT_LOOK;

	if (!(message->flags & MESSAGE_DUE) && !resized)
		return false;
	if (choice->options->policy_only)
		return true;
	for (size_t i = 0; i < set->count; i++)
		if (is_by_policy(choice, set->items[i].kind) &&
		    ((resized && set->items[i].kind == MSGSET_SEEN) ||
			item_names(choice, index, &set->items[i])))
			return true;
	return false;
}

static void
warn_missing(void *arg, const struct err *err)
{
	run_warn(arg, err);
}

/* Mark what is to go; plan to look at what is to go with proof. */
static void
choose(struct choice *choice)
{
	struct run *run = choice->run;
	struct mailbox *mailbox = &run->mailbox;

	(void)mailbox_missing(mailbox, choice->options->set, warn_missing, run);
	for (size_t i = 0; i < mailbox->count; i++) {
		struct message *message = &mailbox->messages[i];

		if (!(message->flags & MESSAGE_LISTED))
			continue;
		if (is_direct(choice, i))
			message->flags |= MESSAGE_CHOSEN;
		else if (is_due(choice, i)) {
			message->flags |= MESSAGE_WANTED;
			plan_look(run, i);
		}
	}
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

/* What was named goes without proof. */
static int
remove_chosen(struct run *run, struct err *err)
{
	struct pop3 *pop3 = run->session.pop3;
	const struct mailbox *mailbox = &run->mailbox;

	for (size_t i = 0; i < mailbox->count; i++) {
		const struct message *message = &mailbox->messages[i];

		if (!(message->flags & MESSAGE_CHOSEN))
			continue;
		if (run->dry_run) {
			run_listed(run, (uint32_t)i + 1, REPORT_PLANNED, true);
			continue;
		}
		while (!pop3_has_room(pop3))
			if (pop3_step(pop3, DEADLINE_NEVER, err) == -1)
				return -1;
		dele_submit(run,
		    message->flags & MESSAGE_PAIRED ? message->entry : NULL,
		    (uint32_t)i + 1);
	}
	return 0;
}

/* The deletions are known to be owed before the server hears QUIT. */
static int
finish(struct run *run, struct err *err)
{
	if (!run->dry_run && state_sync(run->state, err) == -1) {
		pop3_abort(run->session.pop3, err);
		return -1;
	}
	return pop3_drain(run->session.pop3, err);
}

static void
delete_policy(const struct choice *choice, struct mailbox_policy *policy)
{
	const struct delete_options *options = choice->options;

	run_policy(choice->run, policy);
	policy->owed = false;
	if (options->by_age) {
		policy->by_age = options->older_than_s <= policy->now;
		policy->older_than =
		    policy->now - (uint32_t)options->older_than_s;
	}
	policy->delivered = options->set != NULL && !options->by_age &&
	    msgset_has(options->set, MSGSET_SEEN);
}

static int
work(struct choice *choice, struct err *err)
{
	struct run *run = choice->run;
	struct mailbox_policy policy;

	if (run_list(run, err) == -1)
		return -1;
	run->summary->on_server = run->mailbox.named;
	run->summary->listed = true;
	delete_policy(choice, &policy);
	if (mailbox_check_uidl(&run->mailbox, &policy, run->session.pop3,
		err) == -1)
		return -1;
	mailbox_decide(&run->mailbox, &policy);
	choose(choice);
	if (ask_first(choice, err) == -1 || remove_chosen(run, err) == -1 ||
	    look(run, true, err) == -1)
		return -1;
	return finish(run, err);
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
		.dry_run = options->dry_run,
		.until_ms = deadline_after(account->deadline_ms),
	};
	struct choice choice = { .run = &run, .options = options };
	struct err quit = ERR_INIT, local = ERR_INIT;
	int r;

	memset(summary, 0, sizeof(*summary));
	run.session.tunnel.pid = -1;
	r = run_open_state(&run, !options->dry_run, err);
	if (r == 0) {
		run.printer = fingerprinter_new(state_key(run.state),
		    state_has_old(run.state));
		r = run_open_session(&run, err);
	}
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
