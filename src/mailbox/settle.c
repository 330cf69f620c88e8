/* SPDX-License-Identifier: ISC */
/*
 * The second half of the decision: what TOP and RETR have shown. When in
 * doubt a message is new: one too many is a nuisance, one too few a loss.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mailbox/mailbox.h"
#include "mailbox/mailbox_priv.h"
#include "state/state.h"

#define UNKNOWN_GROUP 0x80000000u

uint32_t
group_name(const struct mailbox *mailbox, size_t index)
{
	const struct message *message = &mailbox->messages[index];

	if (message->uid_len == 0)
		return 0;
	if (message->entry != NULL)
		return message->entry->listed;
	return message->uid_at | UNKNOWN_GROUP;
}

size_t
mailbox_first(const struct mailbox *mailbox, size_t index)
{
	const struct message *message = &mailbox->messages[index];

	if (message->entry == NULL || message->entry->listed == 0)
		return index;
	return message->entry->listed - 1;
}

void
mailbox_open(struct mailbox *mailbox, size_t index)
{
	mailbox->messages[mailbox_first(mailbox, index)].flags |= MESSAGE_OPEN;
}

static struct prints *
open_prints(struct mailbox *mailbox)
{
	if (mailbox->prints == NULL)
		mailbox->prints = prints_new(mailbox);
	return mailbox->prints;
}

/* This message is this record's: pair them. */
static void
claim(struct mailbox *mailbox, struct message *message,
    struct state_entry *entry)
{
	struct state *state = mailbox->state;

	entry->claimed = CLAIM_TAKEN;
	message->entry = entry;
	message->verdict = VERDICT_SEEN;
	message->flags |= MESSAGE_PAIRED | MESSAGE_PROVED;
	if (entry->flags & STATE_GONE)
		state_back(state, entry);
	if (entry->flags & STATE_SENT)
		state_owe(state, entry); /* it was not deleted after all */
	if (message->flags & MESSAGE_SIZED)
		state_learn_size(state, entry, message->octets);
	if (mailbox_is_due(&mailbox->policy, state, entry))
		message->flags |= MESSAGE_DUE;
	else
		message->flags &= (uint16_t)~MESSAGE_DUE;
}

/* ---- TOP ---- */

static void
compare_it(struct message *message)
{
	message->verdict = VERDICT_COMPARE;
	message->flags &= (uint16_t) ~(MESSAGE_DUE | MESSAGE_PAIRED);
}

/*
 * A header without Message-ID may be that of any message of a kind: it is only
 * believed where nothing else speaks against it.
 */
static bool
is_as_recorded(const struct message *message)
{
	return !(message->entry->flags & STATE_SENT) &&
	    (!(message->flags & MESSAGE_SIZED) ||
		message->entry->list_octets == message->octets);
}

void
mailbox_look(struct mailbox *mailbox, size_t index, const struct shown *shown)
{
	struct message *message = &mailbox->messages[index];
	struct state_entry *entry = message->entry;

	if (shown != NULL && (message->flags & MESSAGE_SOLE) &&
	    !(entry->flags & (STATE_MARKED | STATE_WHOLE_ONLY)) &&
	    (fingerprint_same_id(&entry->print, &shown->print) ||
		(is_as_recorded(message) &&
		    fingerprint_same_header(&entry->print, &shown->print)))) {
		claim(mailbox, message, entry);
		return;
	}
	compare_it(message);
	mailbox_open(mailbox, index);
}

/* A header, but for what servers change, with a size: what TOP can tell. */
struct face {
	unsigned char header[FINGERPRINT_PART];
	uint64_t octets;
	struct message *message;
	struct state_entry *entry;
};

static int
compare_faces(const void *a, const void *b)
{
	const struct face *x = a, *y = b;
	int order = memcmp(x->header, y->header, sizeof(x->header));

	return order != 0 ? order :
			    (x->octets > y->octets) - (x->octets < y->octets);
}

/* How many from i on have the same face. */
static size_t
run_length(const struct face *faces, size_t n, size_t i)
{
	size_t end = i + 1;

	while (end < n && compare_faces(&faces[i], &faces[end]) == 0)
		end++;
	return end - i;
}

static bool
is_record_due(const struct mailbox *mailbox, const struct face *face)
{
	return mailbox_is_due(&mailbox->policy, mailbox->state, face->entry);
}

/*
 * Messages and records of one face. They pair where it makes no difference
 * which of them are which.
 */
static bool
pair_faces(struct mailbox *mailbox, struct face *messages, size_t listed,
    struct face *records, size_t recorded)
{
	if (listed != recorded)
		return false;
	for (size_t i = 1; i < recorded; i++)
		if (is_record_due(mailbox, &records[i]) !=
		    is_record_due(mailbox, &records[0]))
			return false;
	for (size_t i = 0; i < listed; i++)
		claim(mailbox, messages[i].message, records[i].entry);
	return true;
}

/* Pair what has the same face; false: the digests of bodies must decide. */
static bool
pair_all(struct mailbox *mailbox, struct face *messages, size_t listed,
    struct face *records, size_t recorded)
{
	size_t i = 0, j = 0;

	while (j < recorded) {
		size_t m, r = run_length(records, recorded, j);

		while (
		    i < listed && compare_faces(&messages[i], &records[j]) < 0)
			i++;
		if (i == listed ||
		    compare_faces(&messages[i], &records[j]) != 0)
			return false;
		m = run_length(messages, listed, i);
		if (!pair_faces(mailbox, &messages[i], m, &records[j], r))
			return false;
		i += m;
		j += r;
	}
	return true;
}

static void
set_face(struct face *face, const struct fingerprint *print, uint64_t octets)
{
	memcpy(face->header, print->stable, FINGERPRINT_PART);
	face->octets = octets;
}

/* Delivered records of the group; SIZE_MAX: TOP cannot tell of one of them. */
static size_t
collect_records(const struct mailbox *mailbox, struct state_entry *head,
    struct face *faces, size_t room)
{
	size_t n = 0;

	for (struct state_entry *e = head; e != NULL;
	     e = state_next(mailbox->state, e)) {
		if (!entry_is_live(e) || (e->flags & STATE_MARKED))
			continue;
		if ((e->flags & STATE_WHOLE_ONLY) || n == room)
			return SIZE_MAX;
		set_face(&faces[n], &e->print, e->list_octets);
		faces[n++].entry = e;
	}
	qsort(faces, n, sizeof(*faces), compare_faces);
	return n;
}

static size_t
collect_messages(struct mailbox *mailbox, size_t first,
    const struct shown *shown, struct face *faces)
{
	size_t n = 0;

	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m)) {
		set_face(&faces[n], &shown[n].print, mailbox_size(mailbox, m));
		faces[n].message = &mailbox->messages[m];
		n++;
	}
	qsort(faces, n, sizeof(*faces), compare_faces);
	return n;
}

static void
unclaim(struct mailbox *mailbox, struct state_entry *head)
{
	for (struct state_entry *e = head; e != NULL;
	     e = state_next(mailbox->state, e))
		e->claimed = CLAIM_NONE;
}

void
mailbox_look_group(struct mailbox *mailbox, size_t first,
    const struct shown *shown, size_t n)
{
	struct state_entry *head = mailbox->messages[first].entry;
	struct face *messages = xcalloc(n + 1, sizeof(*messages));
	struct face *records = xcalloc(n + 1, sizeof(*records));
	size_t recorded = SIZE_MAX, next;

	if (shown != NULL) {
		(void)collect_messages(mailbox, first, shown, messages);
		recorded = collect_records(mailbox, head, records, n);
	}
	if (recorded == SIZE_MAX ||
	    !pair_all(mailbox, messages, n, records, recorded)) {
		unclaim(mailbox, head);
		mailbox->messages[first].entry = head;
		mailbox_open(mailbox, first);
		for (size_t m = first; m != SIZE_MAX; m = next) {
			next = group_next(mailbox, m);
			mailbox->messages[m].entry = head;
			compare_it(&mailbox->messages[m]);
		}
	}
	free(messages);
	free(records);
}

/* ---- RETR ---- */

/*
 * It is alone, and so is its record: a message rendered anew. A record that
 * is short may be part of it only.
 */
static struct state_entry *
find_by_id(const struct mailbox *mailbox, const struct message *message,
    const struct shown *shown)
{
	struct state_entry *entry = message->entry;

	if (!(message->flags & MESSAGE_ALONE) ||
	    !(message->flags & MESSAGE_SOLE) || entry->claimed != CLAIM_NONE ||
	    (entry->flags & (STATE_MARKED | STATE_WHOLE_ONLY)) ||
	    mailbox_is_short(mailbox->state, entry) ||
	    !fingerprint_same_id(&entry->print, &shown->print))
		return NULL;
	return entry;
}

static struct state_entry *
find_record(struct mailbox *mailbox, size_t index, const struct shown *shown)
{
	struct prints *prints = open_prints(mailbox);
	const struct message *message = &mailbox->messages[index];
	uint32_t group = group_name(mailbox, index);
	struct state_entry *entry;

	entry = prints_find(prints, group, KIN_LIVE, shown);
	if (entry == NULL)
		entry = find_by_id(mailbox, message, shown);
	if (entry == NULL && group != 0)
		entry = prints_find(prints, 0, KIN_LIVE, shown);
	if (entry == NULL)
		entry = prints_find(prints, group, KIN_SENT, shown);
	if (entry == NULL && group != 0)
		entry = prints_find(prints, 0, KIN_SENT, shown);
	if (entry == NULL)
		entry = prints_find(prints, group, KIN_GONE, shown);
	if (entry == NULL && group != 0)
		entry = prints_find(prints, 0, KIN_GONE, shown);
	if (entry == NULL)
		entry = prints_find_marked(prints, group,
		    mailbox_size(mailbox, index));
	return entry;
}

/* Fewer octets than LIST said: perhaps not the whole message. */
static bool
is_part(const struct mailbox *mailbox, const struct message *message,
    const struct shown *shown)
{
	return (message->flags & MESSAGE_SIZED) &&
	    shown->octets < message->octets &&
	    !(state_server(mailbox->state) & STATE_SERVER_ESTIMATES);
}

/* What the record learns from the octets. The entry may move. */
static void
learn(struct mailbox *mailbox, size_t index, struct state_entry **entry,
    const struct shown *shown)
{
	const struct message *message = &mailbox->messages[index];
	uint32_t group = group_name(mailbox, index);
	size_t len;
	const char *uid = mailbox_uid(mailbox, index, &len);

	/* a second time the same: that is all there is */
	if ((*entry)->flags & STATE_SHORT)
		state_whole(mailbox->state, *entry);
	if (!((*entry)->flags & STATE_MARKED) &&
	    (((*entry)->flags & STATE_WHOLE_ONLY) ||
		!is_part(mailbox, message, shown)))
		state_learn_print(mailbox->state, *entry, shown->octets,
		    &shown->print);
	if (len > 0)
		state_learn_uid(mailbox->state, entry, uid, len);
	if (group != 0 && !(group & UNKNOWN_GROUP))
		(*entry)->listed = group;
}

/*
 * Its record was not live, had no UIDL, or another size: mark-seen passed it
 * over, and may have marked the message. Two records would hide another one.
 */
static void
forget_mark(struct mailbox *mailbox, size_t index)
{
	uint32_t group = group_name(mailbox, index);
	uint64_t octets = mailbox_size(mailbox, index);
	struct state_entry *mark =
	    prints_find_marked(mailbox->prints, group, octets);

	if (group == 0)
		return;
	if (mark == NULL) {
		prints_drop_marked(mailbox->prints, mailbox, group, octets);
		return;
	}
	mark->claimed = CLAIM_TAKEN;
	state_forget(mailbox->state, mark);
}

struct state_entry *
mailbox_settle(struct mailbox *mailbox, size_t index, const struct shown *shown)
{
	struct message *message = &mailbox->messages[index];
	struct state_entry *entry;

	message->flags |= MESSAGE_SETTLED;
	if (message->verdict == VERDICT_NEW)
		return NULL;
	entry = find_record(mailbox, index, shown);
	if (entry == NULL)
		return NULL;
	/* it may move: where it was, no other message may find it */
	entry->claimed = CLAIM_TAKEN;
	if (!entry_is_live(entry) || entry->uid_len == 0 ||
	    entry->list_octets != mailbox_size(mailbox, index))
		forget_mark(mailbox, index);
	learn(mailbox, index, &entry, shown);
	claim(mailbox, message, entry);
	return entry;
}

struct search {
	const struct shown *shown;
	bool found;
};

static int
search_entry(void *arg, struct state_entry *entry)
{
	struct search *search = arg;

	if (entry->flags & STATE_MARKED)
		return 0;
	search->found = entry_has_octets(entry, search->shown);
	return search->found ? -1 : 0;
}

bool
mailbox_is_recorded(const struct mailbox *mailbox, const struct shown *shown)
{
	struct search search = { .shown = shown };

	(void)state_each(mailbox->state, search_entry, &search);
	return search.found;
}

unsigned int
mailbox_next_copy(struct mailbox *mailbox, size_t index,
    const struct shown *shown)
{
	const struct message *message = &mailbox->messages[index];

	if (message->verdict == VERDICT_NEW && (message->flags & MESSAGE_ALONE))
		return 0;
	return prints_count_copy(open_prints(mailbox),
	    group_name(mailbox, index), shown);
}

void
mailbox_delivering(struct mailbox *mailbox, size_t index)
{
	if (mailbox->prints != NULL)
		prints_drop_marked(mailbox->prints, mailbox,
		    group_name(mailbox, index), mailbox_size(mailbox, index));
}

void
mailbox_delivered(struct mailbox *mailbox, size_t index,
    struct state_entry *entry)
{
	struct message *message = &mailbox->messages[index];
	uint32_t group = group_name(mailbox, index);

	entry->claimed = CLAIM_TAKEN;
	entry->listed =
	    group == 0 || (group & UNKNOWN_GROUP) ? (uint32_t)index + 1 : group;
	message->entry = entry;
	message->flags |= MESSAGE_PAIRED | MESSAGE_PROVED;
}

/* ---- the end of a session ---- */

static bool
is_settled(const struct mailbox *mailbox, size_t first)
{
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m))
		if (!(mailbox->messages[m].flags & MESSAGE_SETTLED))
			return false;
	return true;
}

static void
lose(struct mailbox *mailbox, struct state_entry *entry)
{
	if (entry->claimed == CLAIM_NONE && !(entry->flags & STATE_GONE))
		state_gone(mailbox->state, entry, mailbox->policy.now);
}

static int
lose_stranger(void *arg, struct state_entry *entry)
{
	struct mailbox *mailbox = arg;

	if (entry->uid_len == 0 || !mailbox->has_uidl)
		lose(mailbox, entry);
	return 0;
}

/* Does the listing name all that there is? */
static bool
is_complete(const struct mailbox *mailbox)
{
	if (mailbox->has_uidl)
		return mailbox->complete;
	return mailbox->uidl_asked && !mailbox->stat_odd &&
	    mailbox->named == mailbox->stat_count;
}

/* Was everything looked at that a record without a UIDL could be? */
static bool
all_compared(const struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->count; i++) {
		const struct message *message = &mailbox->messages[i];

		if ((message->flags & MESSAGE_LISTED) &&
		    message->verdict != VERDICT_SEEN &&
		    !(message->flags & MESSAGE_SETTLED))
			return false;
	}
	return true;
}

void
mailbox_finish(struct mailbox *mailbox)
{
	size_t len;
	const char *uid;

	if (mailbox->state == NULL)
		return;
	for (size_t i = 0; i < mailbox->count; i++) {
		if (!(mailbox->messages[i].flags & MESSAGE_FIRST) ||
		    !is_settled(mailbox, i))
			continue;
		uid = mailbox_uid(mailbox, i, &len);
		for (struct state_entry *e =
			 state_find(mailbox->state, uid, len);
		     e != NULL; e = state_next(mailbox->state, e))
			lose(mailbox, e);
	}
	if (is_complete(mailbox) && all_compared(mailbox))
		(void)state_each(mailbox->state, lose_stranger, mailbox);
}
