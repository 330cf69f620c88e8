/* SPDX-License-Identifier: ISC */
/*
 * The first half of the decision: what the listing and the records say. One
 * pass over the groups, each ring of records walked once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mailbox/mailbox.h"
#include "mailbox/mailbox_priv.h"
#include "state/state.h"

#define FORGET_AFTER_S (30 * 86400)

enum verdict
mailbox_verdict(const struct group *group)
{
	size_t records = group->live + group->sent;

	if (records + group->gone == 0)
		return group->strangers ? VERDICT_COMPARE : VERDICT_NEW;
	if (group->is_short)
		return VERDICT_COMPARE;
	if (group->live > 0 && group->live == group->listed &&
	    group->same_sizes)
		return VERDICT_SEEN;
	/* an id given again, or a server that wrote into the message? */
	if (group->listed == 1 && records == 1 && group->has_print)
		return VERDICT_LOOK;
	return VERDICT_COMPARE;
}

bool
entry_is_live(const struct state_entry *entry)
{
	return !(entry->flags & (STATE_SENT | STATE_GONE));
}

bool
mailbox_is_short(const struct state *state, const struct state_entry *entry)
{
	return (entry->flags & STATE_SHORT) &&
	    !(state_server(state) & STATE_SERVER_ESTIMATES);
}

bool
mailbox_is_due(const struct mailbox_policy *policy, const struct state *state,
    const struct state_entry *entry)
{
	if ((entry->flags & (STATE_UNDELETABLE | STATE_MARKED)) ||
	    !(entry->flags & STATE_DELIVERED) || mailbox_is_short(state, entry))
		return false;
	if (policy->by_age && entry->time <= policy->older_than)
		return true;
	return policy->delivered ||
	    (policy->owed && (entry->flags & STATE_OWED));
}

size_t
group_next(const struct mailbox *mailbox, size_t index)
{
	uint32_t next = mailbox->messages[index].next;

	return next == 0 ? SIZE_MAX : next - 1;
}

static int
compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * Are two sorted lists of sizes the same, if those that are not told (the
 * largest value, so at the end) may be any?
 */
static bool
sizes_agree(const uint64_t *a, const uint64_t *b, size_t n)
{
	size_t a_blank = 0, b_blank = 0, a_rest = 0, b_rest = 0, i = 0, j = 0;

	while (a_blank < n && a[n - 1 - a_blank] == STATE_UNSIZED)
		a_blank++;
	while (b_blank < n && b[n - 1 - b_blank] == STATE_UNSIZED)
		b_blank++;
	while (i < n - a_blank && j < n - b_blank) {
		if (a[i] == b[j])
			i++, j++;
		else if (a[i] < b[j])
			i++, a_rest++;
		else
			j++, b_rest++;
	}
	a_rest += n - a_blank - i;
	b_rest += n - b_blank - j;
	return a_rest <= b_blank && b_rest <= a_blank;
}

static void
count_record(struct group *group, const struct mailbox *mailbox,
    const struct state_entry *entry)
{
	if (entry->flags & STATE_GONE)
		group->gone++;
	else if (entry->flags & STATE_SENT)
		group->sent++;
	else
		group->live++;
	group->has_print |=
	    !(entry->flags & (STATE_GONE | STATE_MARKED | STATE_WHOLE_ONLY));
	group->is_short |= !(entry->flags & STATE_GONE) &&
	    mailbox_is_short(mailbox->state, entry);
}

/* The sizes of a group whose records are as many as its messages. */
static bool
group_sizes_agree(struct mailbox *mailbox, size_t first, size_t n)
{
	uint64_t *listed, *live;
	size_t i = 0, j = 0;

	if (2 * n > mailbox->sizes_room) {
		mailbox->sizes_room = 2 * n + 64;
		mailbox->sizes = xreallocarray(mailbox->sizes,
		    mailbox->sizes_room, sizeof(*mailbox->sizes));
	}
	listed = mailbox->sizes;
	live = mailbox->sizes + n;
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m))
		listed[i++] = mailbox_size(mailbox, m);
	for (const struct state_entry *e = mailbox->messages[first].entry;
	     e != NULL; e = state_next(mailbox->state, e))
		if (entry_is_live(e))
			live[j++] = e->list_octets;
	if (n > 1) {
		qsort(listed, n, sizeof(*listed), compare_sizes);
		qsort(live, n, sizeof(*live), compare_sizes);
	}
	return sizes_agree(listed, live, n);
}

/* An accepted deletion was carried out, after all. */
static void
forget_sent(struct mailbox *mailbox, struct state_entry *first)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(mailbox->state, e))
		if (e->flags & STATE_SENT)
			state_gone(mailbox->state, e, mailbox->policy.now);
}

static bool
any_due(const struct mailbox *mailbox, struct state_entry *first)
{
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(mailbox->state, e))
		if (entry_is_live(e) &&
		    mailbox_is_due(&mailbox->policy, mailbox->state, e))
			return true;
	return false;
}

/* A message alone with its only record. */
static void
pair_alone(struct mailbox *mailbox, struct message *message,
    enum verdict verdict)
{
	struct state_entry *entry = message->entry;

	while (entry != NULL && (entry->flags & STATE_GONE))
		entry = state_next(mailbox->state, entry);
	if (verdict == VERDICT_SEEN)
		while (!entry_is_live(entry))
			entry = state_next(mailbox->state, entry);
	message->entry = entry;
	message->flags |= MESSAGE_SOLE;
	if (verdict != VERDICT_SEEN)
		return;
	message->flags |= MESSAGE_PAIRED;
	if (entry->list_octets == STATE_UNSIZED &&
	    (message->flags & MESSAGE_SIZED))
		state_learn_size(mailbox->state, entry, message->octets);
}

/* A message and a record, both alone, and as they were: nearly all are so. */
static bool
is_unchanged(const struct mailbox *mailbox, const struct message *message)
{
	const struct state_entry *entry = message->entry;

	return entry != NULL && (message->flags & MESSAGE_ALONE) &&
	    (entry->flags & ~(STATE_OWED | STATE_UNDELETABLE)) ==
	    STATE_DELIVERED &&
	    (message->flags & MESSAGE_SIZED) &&
	    message->octets == entry->list_octets &&
	    state_next(mailbox->state, entry) == NULL;
}

static void
decide_group(struct mailbox *mailbox, size_t first)
{
	struct message *message = &mailbox->messages[first];
	struct group group = { .strangers = mailbox->strangers };
	uint16_t flags = 0;
	enum verdict verdict;

	if (is_unchanged(mailbox, message)) {
		message->verdict = VERDICT_SEEN;
		message->flags |= MESSAGE_SOLE | MESSAGE_PAIRED |
		    (mailbox_is_due(&mailbox->policy, mailbox->state,
			 message->entry) ?
			    MESSAGE_DUE :
			    0);
		return;
	}
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m))
		group.listed++;
	for (struct state_entry *e = message->entry; e != NULL;
	     e = state_next(mailbox->state, e))
		count_record(&group, mailbox, e);
	if (group.live == group.listed)
		group.same_sizes =
		    group_sizes_agree(mailbox, first, group.listed);
	verdict = mailbox_verdict(&group);
	/* what is due is looked at, and that may show one of the sent ones */
	if (verdict == VERDICT_SEEN && any_due(mailbox, message->entry))
		flags |= MESSAGE_DUE;
	else if (verdict == VERDICT_SEEN && group.sent > 0)
		forget_sent(mailbox, message->entry);
	if (group.listed == 1 &&
	    (verdict == VERDICT_SEEN || group.live + group.sent == 1))
		pair_alone(mailbox, message, verdict);
	if (verdict == VERDICT_COMPARE || group.listed > 1)
		message->flags |= MESSAGE_OPEN;
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m)) {
		mailbox->messages[m].verdict = (uint8_t)verdict;
		mailbox->messages[m].flags |= flags;
	}
}

/* A complete listing says of each record whether its message is still there. */
static int
note_presence(void *arg, struct state_entry *entry)
{
	struct mailbox *mailbox = arg;
	uint32_t now = mailbox->policy.now;

	if (entry->uid_len == 0)
		mailbox->strangers = true;
	if (entry->uid_len == 0 || entry->listed != 0 ||
	    (entry->flags & STATE_COMMITTED) || !mailbox->complete ||
	    mailbox->policy.renumbered)
		return 0;
	if (!(entry->flags & STATE_GONE))
		state_gone(mailbox->state, entry, now);
	else if (entry->gone <= now && now - entry->gone > FORGET_AFTER_S)
		state_forget(mailbox->state, entry);
	return 0;
}

void
mailbox_decide(struct mailbox *mailbox, const struct mailbox_policy *policy)
{
	enum verdict without_uid =
	    mailbox->state == NULL || state_is_empty(mailbox->state) ?
	    VERDICT_NEW :
	    VERDICT_COMPARE;

	mailbox->policy = *policy;
	mailbox->strangers = policy->renumbered;
	if (mailbox->state != NULL)
		(void)state_each(mailbox->state, note_presence, mailbox);
	for (size_t i = 0; i < mailbox->count; i++) {
		struct message *message = &mailbox->messages[i];

		if (message->flags & MESSAGE_FIRST)
			decide_group(mailbox, i);
		else if ((message->flags & MESSAGE_LISTED) &&
		    message->uid_len == 0)
			message->verdict = (uint8_t)without_uid;
	}
}
