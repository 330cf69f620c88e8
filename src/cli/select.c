/* SPDX-License-Identifier: ISC */
/* From operands to messages. */
#include "cli/select.h"

#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "pop3/pop3.h"
#include "session/session.h"
#include "state/state.h"

const char *
select_uid(const struct selection *selection, const struct message *message)
{
	return message->has_uid ? selection->uids.data + message->uid_at : NULL;
}

void
select_clear(struct selection *selection)
{
	free(selection->messages);
	buf_clear(&selection->uids);
	memset(selection, 0, sizeof(*selection));
}

/* What is filled while listings come in. */
struct loading {
	struct selection *selection;
	size_t cap;
	size_t listed; /* how many there were before this listing */
	size_t at;     /* where the next number probably is */
};

static int
compare(const void *a, const void *b)
{
	const struct message *ma = a, *mb = b;

	return ma->num < mb->num ? -1 : ma->num > mb->num;
}

static struct message *
find(const struct selection *selection, size_t count, uint32_t num)
{
	struct message key = { .num = num };

	if (count == 0)
		return NULL;
	return bsearch(&key, selection->messages, count, sizeof(key), compare);
}

/* The message of a listing's line; LIST and UIDL may disagree. */
static struct message *
message(struct loading *loading, uint32_t num)
{
	struct selection *selection = loading->selection;
	struct message *found;

	if (loading->at < loading->listed &&
	    selection->messages[loading->at].num == num)
		return &selection->messages[loading->at++];
	found = find(selection, loading->listed, num);
	if (found != NULL) {
		loading->at = (size_t)(found - selection->messages) + 1;
		return found;
	}
	if (selection->count == loading->cap) {
		loading->cap = loading->cap == 0 ? 64 : loading->cap * 2;
		selection->messages = xreallocarray(selection->messages,
		    loading->cap, sizeof(*found));
	}
	found = &selection->messages[selection->count++];
	memset(found, 0, sizeof(*found));
	found->num = num;
	return found;
}

static void
loading_end(struct loading *loading)
{
	struct selection *selection = loading->selection;

	if (selection->count > 0)
		qsort(selection->messages, selection->count,
		    sizeof(*selection->messages), compare);
	loading->listed = selection->count;
	loading->at = 0;
}

static int
on_list(void *arg, uint32_t num, uint64_t octets, struct err *err)
{
	struct message *m = message(arg, num);

	(void)err;
	m->has_octets = true;
	m->octets = octets;
	return 0;
}

static int
on_uidl(void *arg, uint32_t num, const char *uid, size_t len, struct err *err)
{
	struct loading *loading = arg;
	struct message *m = message(loading, num);

	(void)err;
	m->has_uid = true;
	m->uid_at = loading->selection->uids.len;
	m->uid_len = (uint32_t)len;
	buf_append(&loading->selection->uids, uid, len);
	return 0;
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
	size_t i;

	for (i = 0; i < set->count; i++)
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

/* Ask the server what it takes. */
static int
load(struct session *session, const struct msgset *set, unsigned int want,
    struct loading *loading, struct err *err)
{
	bool uids_needed = want & SELECT_UIDS || needs_state(set) ||
	    msgset_has(set, MSGSET_UID);
	bool uids = uids_needed || want & SELECT_STATE;
	uint32_t one = uids && !(want & SELECT_UIDS) ? 0 : only_number(set);
	size_t i;

	if (want == 0 && only_numbers(set)) {
		for (i = 0; i < set->count; i++) {
			message(loading, set->items[i].first);
			loading_end(loading);
		}
		return 0;
	}
	if (want & SELECT_STATE)
		one = 0; /* which copy of a repeated UIDL it is, all tell */
	if ((want & SELECT_OCTETS || !uids) &&
	    pop3_list(session->pop3, one, on_list, loading, err) == -1)
		return -1;
	loading_end(loading);
	if (uids &&
	    pop3_uidl(session->pop3, one, on_uidl, loading, err) == -1) {
		if (uids_needed || pop3_dead(session->pop3) ||
		    err->status == EX_PROTOCOL)
			return -1;
		err->status = 0; /* refused, and we can do without */
	}
	loading_end(loading);
	return 0;
}

static struct state *
open_state(const struct account *account, struct err *err)
{
	struct state *state;
	char *path = account->state_file != NULL ?
	    xstrdup(account->state_file) :
	    state_default_path(account->identity, err);

	if (path == NULL)
		return NULL;
	state = state_open(path, account->identity, STATE_READ, err);
	free(path);
	return state;
}

/*
 * A UIDL that occurs twice is new as often as it occurs more than it was
 * delivered, so each entry stands for one message: scratch marks the used ones.
 */
static void
judge(struct state *state, const struct selection *selection, struct message *m)
{
	struct state_entry *entry;

	m->state = MESSAGE_NEW;
	for (entry = state_find(state, select_uid(selection, m), m->uid_len);
	     entry != NULL; entry = state_next(state, entry)) {
		if (entry->scratch != 0 ||
		    !(entry->flags & (STATE_DELIVERED | STATE_MARKED)))
			continue;
		entry->scratch = 1;
		m->state =
		    entry->flags & STATE_OWED ? MESSAGE_OWED : MESSAGE_SEEN;
		return;
	}
}

static int
judge_all(const struct account *account, const struct selection *selection,
    struct err *err)
{
	struct state *state = NULL;
	size_t i;

	if (!account->no_state && (state = open_state(account, err)) == NULL)
		return -1;
	for (i = 0; i < selection->count; i++) {
		if (!selection->messages[i].has_uid)
			continue;
		if (state != NULL)
			judge(state, selection, &selection->messages[i]);
		else
			selection->messages[i].state = MESSAGE_NEW;
	}
	if (state != NULL)
		state_close(state);
	return 0;
}

static bool
chosen(const struct msgset *set, const struct selection *selection,
    const struct message *m)
{
	if (msgset_matches(set, m->num, select_uid(selection, m), m->uid_len))
		return true;
	switch (m->state) {
	case MESSAGE_NEW:
		return msgset_has(set, MSGSET_NEW);
	case MESSAGE_SEEN:
	case MESSAGE_OWED:
		return msgset_has(set, MSGSET_SEEN);
	default:
		return false;
	}
}

/* Does an item that names a message name one that exists? */
static bool
exists(const struct msgset_item *item, const struct selection *selection)
{
	const struct message *m;
	size_t i;

	if (item->kind == MSGSET_NUMBERS && item->first == item->last)
		return find(selection, selection->count, item->first) != NULL;
	for (i = 0; i < selection->count; i++) {
		m = &selection->messages[i];
		if (item->kind == MSGSET_NUMBERS && m->num >= item->first &&
		    m->num <= item->last)
			return true;
		if (item->kind == MSGSET_UID && m->has_uid &&
		    m->uid_len == item->uid_len &&
		    memcmp(select_uid(selection, m), item->uid,
			item->uid_len) == 0)
			return true;
	}
	return false;
}

/* Say which messages there are not. "3-" and words may mean none. */
static int
report_missing(const struct msgset *set, const struct session *session,
    const struct selection *selection)
{
	const char *peer = pop3_peer(session->pop3);
	const char *account = session->account->name;
	const struct msgset_item *item;
	struct err err = ERR_INIT;
	int status = 0;
	size_t i;
	char *uid;

	for (i = 0; i < set->count; i++) {
		item = &set->items[i];
		if ((item->kind != MSGSET_UID &&
			(item->kind != MSGSET_NUMBERS ||
			    item->last == UINT32_MAX)) ||
		    exists(item, selection))
			continue;
		if (item->kind == MSGSET_UID) {
			uid = text_uid(item->uid, item->uid_len);
			err_set(&err, EX_UNAVAILABLE,
			    "%s: %s has no message uid:%s", account, peer, uid);
			free(uid);
		} else if (item->first == item->last)
			err_set(&err, EX_UNAVAILABLE,
			    "%s: %s has no message %u", account, peer,
			    (unsigned int)item->first);
		else
			err_set(&err, EX_UNAVAILABLE,
			    "%s: %s has no messages %u-%u", account, peer,
			    (unsigned int)item->first,
			    (unsigned int)item->last);
		status = cli_fail(&err);
	}
	return status;
}

static void
keep_chosen(const struct msgset *set, struct selection *selection)
{
	size_t i, kept = 0;

	for (i = 0; i < selection->count; i++)
		if (chosen(set, selection, &selection->messages[i]))
			selection->messages[kept++] = selection->messages[i];
	selection->count = kept;
}

int
select_check(const struct cli *cli, struct err *err)
{
	struct msgset set = MSGSET_INIT;
	int result = 0;
	size_t i;

	for (i = 0; i < cli->operand_count && result == 0; i++)
		result = msgset_add(&set, cli->operands[i], err);
	msgset_clear(&set);
	return result;
}

int
select_messages(struct cli *cli, struct session *session, unsigned int want,
    struct selection *selection, struct err *err)
{
	struct loading loading = { .selection = selection };
	struct msgset set = MSGSET_INIT;
	int result = -1;
	size_t i;

	memset(selection, 0, sizeof(*selection));
	for (i = 0; i < cli->operand_count; i++)
		if (msgset_add(&set, cli->operands[i], err) == -1)
			goto out;
	if (load(session, &set, want, &loading, err) == -1)
		goto out;
	if ((want & SELECT_STATE || needs_state(&set)) &&
	    judge_all(session->account, selection, err) == -1)
		goto out;
	if (set.count > 0) {
		selection->status = report_missing(&set, session, selection);
		keep_chosen(&set, selection);
	}
	result = 0;
out:
	msgset_clear(&set);
	return result;
}
