/* SPDX-License-Identifier: ISC */
/* From operands to messages, by way of mailbox. */
#include "cli/select.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "pop3/pop3.h"
#include "session/session.h"
#include "state/state.h"

void
select_clear(struct selection *selection)
{
	free(selection->nums);
	mailbox_clear(&selection->mailbox);
	state_close(selection->state);
	memset(selection, 0, sizeof(*selection));
}

/* The only number that the set has, or 0. */
static uint32_t
only_number(const struct msgset *set)
{
	if (set->count == 1 && set->items[0].kind == MSGSET_NUMBERS &&
	    set->items[0].first == set->items[0].last)
		return set->items[0].first;
	return 0;
}

/* Are they all single numbers? Then no listing is needed to know them. */
static bool
only_numbers(const struct msgset *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].kind != MSGSET_NUMBERS ||
		    set->items[i].first != set->items[i].last)
			return false;
	return set->count > 0;
}

static bool
needs_state(const struct msgset *set)
{
	return msgset_has(set, MSGSET_NEW) || msgset_has(set, MSGSET_SEEN);
}

static int
take_numbers(struct mailbox *mailbox, const struct msgset *set)
{
	mailbox_begin(mailbox, NULL);
	for (size_t i = 0; i < set->count; i++)
		(void)mailbox_take_number(mailbox, set->items[i].first);
	mailbox_join(mailbox);
	return 0;
}

/* What is needed, and what the server does not refuse. */
static int
check_served(const struct mailbox *mailbox, unsigned int needed,
    struct err *err)
{
	if (((needed & SELECT_OCTETS) && !mailbox->has_list) ||
	    ((needed & SELECT_UIDS) && !mailbox->has_uidl)) {
		*err = mailbox->refusal;
		return -1;
	}
	return 0;
}

/* Ask the server as little as will do. */
static int
load(struct session *session, struct selection *selection,
    const struct msgset *set, unsigned int want, struct err *err)
{
	struct mailbox *mailbox = &selection->mailbox;
	unsigned int ask = 0;

	if (want == 0 && only_numbers(set))
		return take_numbers(mailbox, set);
	if (msgset_has(set, MSGSET_UID))
		want |= SELECT_UIDS;
	if (!(want & (SELECT_UIDS | SELECT_STATE)))
		want |= SELECT_OCTETS;
	ask |= want & SELECT_OCTETS ? MAILBOX_LIST : 0;
	ask |= want & SELECT_UIDS ? MAILBOX_UIDL : 0;
	if (!(want & SELECT_STATE) && only_number(set) != 0)
		return mailbox_ask_one(mailbox, session->pop3, only_number(set),
		    ask, err);
	if (want & SELECT_STATE)
		ask = MAILBOX_ALL;
	if (mailbox_ask(mailbox, session->pop3, selection->state, ask, err) ==
	    -1)
		return -1;
	return check_served(mailbox, want, err);
}

static int
open_state(const struct account *account, struct selection *selection,
    struct err *err)
{
	char *path;

	if (account->no_state)
		return 0;
	path = account->state_file != NULL ?
	    xstrdup(account->state_file) :
	    state_default_path(account->identity, err);
	if (path == NULL)
		return -1;
	selection->state = state_open(path, account->identity, STATE_READ, err);
	free(path);
	return selection->state == NULL ? -1 : 0;
}

struct selected
select_get(const struct selection *selection, size_t place)
{
	const struct mailbox *mailbox = &selection->mailbox;
	uint32_t num = selection->nums[place];
	const struct message *message = &mailbox->messages[num - 1];
	struct selected selected = { .num = num,
		.has_octets = message->flags & MESSAGE_SIZED,
		.has_uid = mailbox->has_uidl,
		.octets = message->octets };

	if (selected.has_uid)
		selected.uid = mailbox_uid(mailbox, num - 1, &selected.uid_len);
	if (message->verdict == VERDICT_NEW)
		selected.state = SELECTED_NEW;
	if (message->verdict == VERDICT_SEEN)
		selected.state = message->flags & MESSAGE_DUE ? SELECTED_OWED :
								SELECTED_SEEN;
	return selected;
}

static void
report_missing(void *arg, const struct err *err)
{
	struct selection *selection = arg;
	struct err copy = *err;

	(void)err_prefix(&copy, "%s", selection->account);
	selection->status = cli_fail(&copy);
}

/* As fetch would decide, were it asked to delete what is owed. */
static void
decide(struct selection *selection)
{
	struct mailbox_policy policy = { .owed = true,
		.now = (uint32_t)time(NULL) };

	mailbox_decide(&selection->mailbox, &policy);
}

int
select_check(const struct cli *cli, struct err *err)
{
	struct msgset set = MSGSET_INIT;
	int result = cli_messages(cli, &set, err);

	msgset_clear(&set);
	return result;
}

static int
resolve(struct session *session, const struct msgset *set, unsigned int want,
    struct selection *selection, struct err *err)
{
	struct mailbox *mailbox = &selection->mailbox;

	if (needs_state(set))
		want |= SELECT_STATE;
	if ((want & SELECT_STATE) &&
	    open_state(session->account, selection, err) == -1)
		return -1;
	if (load(session, selection, set, want, err) == -1)
		return -1;
	if (mailbox->sizes_odd)
		log_warn("%s: %s answered LIST with sizes that are no numbers",
		    session->account->name, pop3_peer(session->pop3));
	if (want & SELECT_STATE)
		decide(selection);
	selection->nums =
	    xreallocarray(NULL, mailbox->count + 1, sizeof(*selection->nums));
	for (size_t i = 0; i < mailbox->count; i++)
		if ((mailbox->messages[i].flags & MESSAGE_LISTED) &&
		    (set->count == 0 || mailbox_is_chosen(mailbox, i, set)))
			selection->nums[selection->count++] = (uint32_t)i + 1;
	(void)mailbox_missing(mailbox, set, report_missing, selection);
	return 0;
}

int
select_messages(struct cli *cli, struct session *session, unsigned int want,
    struct selection *selection, struct err *err)
{
	struct msgset set = MSGSET_INIT;
	int result = cli_messages(cli, &set, err);

	memset(selection, 0, sizeof(*selection));
	selection->account = session->account->name;
	if (result == 0)
		result = resolve(session, &set, want, selection, err);
	msgset_clear(&set);
	return result;
}
