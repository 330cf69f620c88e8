/* SPDX-License-Identifier: ISC */
/*
 * What a session lists. Servers disagree with themselves (STAT 10, LIST 5, UIDL
 * 5 has been seen), so a message exists when any listing names it; only a
 * number that repeats or is out of range is refused, because then nobody knows
 * which message a DELE would hit.
 */
#include "mailbox/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mailbox/mailbox_priv.h"
#include "state/state.h"

/* Room for more, by an eighth: a full mailbox is to fit a small machine. */
static size_t
more_room(size_t needed)
{
	return needed + needed / 8 + 64;
}

static struct message *
slot(struct mailbox *mailbox, uint32_t num)
{
	if (num == 0 || num > MAILBOX_NUMBER_MAX)
		return NULL;
	if (num > mailbox->room) {
		mailbox->room = more_room(num);
		/* as many as STAT said at once: nothing is moved then */
		if (mailbox->room < mailbox->stat_count &&
		    mailbox->stat_count <= MAILBOX_NUMBER_MAX)
			mailbox->room = mailbox->stat_count;
		mailbox->messages = xreallocarray(mailbox->messages,
		    mailbox->room, sizeof(*mailbox->messages));
	}
	if (num > mailbox->count) {
		memset(mailbox->messages + mailbox->count, 0,
		    (num - mailbox->count) * sizeof(*mailbox->messages));
		mailbox->count = num;
	}
	return &mailbox->messages[num - 1];
}

static void
keep_uid(struct mailbox *mailbox, struct message *message, const char *uid,
    size_t len)
{
	if (mailbox->text_len + len > mailbox->text_room) {
		mailbox->text_room = more_room(mailbox->text_len + len);
		mailbox->text =
		    xreallocarray(mailbox->text, mailbox->text_room, 1);
	}
	memcpy(mailbox->text + mailbox->text_len, uid, len);
	message->uid_at = (uint32_t)mailbox->text_len;
	mailbox->text_len += len;
}

/* Put a message into the group of its first record. */
static void
join_entry(struct mailbox *mailbox, struct message *message)
{
	struct state_entry *entry = message->entry;
	uint32_t index = (uint32_t)(message - mailbox->messages) + 1;

	if (entry->listed == 0)
		message->flags |= MESSAGE_FIRST;
	else
		mailbox->messages[entry->listed - 1].next = index;
	entry->listed = index; /* the last one, until mailbox_join() */
}

bool
mailbox_take_uid(struct mailbox *mailbox, uint32_t num, const char *uid,
    size_t len)
{
	struct message *message = slot(mailbox, num);

	if (message == NULL || (message->flags & MESSAGE_LISTED) ||
	    len > UINT16_MAX)
		return false;
	message->flags |= MESSAGE_LISTED;
	message->uid_len = len & UINT16_MAX;
	if (len == 0)
		return true;
	if (mailbox->state != NULL)
		message->entry = state_find(mailbox->state, uid, len);
	if (message->entry != NULL)
		join_entry(mailbox, message);
	else
		keep_uid(mailbox, message, uid, len);
	return true;
}

bool
mailbox_take_size(struct mailbox *mailbox, uint32_t num, uint64_t octets)
{
	struct message *message = slot(mailbox, num);

	if (message == NULL || (message->flags & MESSAGE_SIZED))
		return false;
	message->flags |= MESSAGE_LISTED;
	if (octets > STATE_OCTETS_MAX)
		return true;
	message->flags |= MESSAGE_SIZED;
	message->octets = octets & STATE_UNSIZED;
	return true;
}

bool
mailbox_take_number(struct mailbox *mailbox, uint32_t num)
{
	struct message *message = slot(mailbox, num);

	if (message == NULL)
		return false;
	message->flags |= MESSAGE_LISTED;
	return true;
}

const char *
mailbox_uid(const struct mailbox *mailbox, size_t index, size_t *len)
{
	const struct message *message = &mailbox->messages[index];

	*len = message->uid_len;
	if (message->uid_len == 0)
		return "";
	return message->entry != NULL ? message->entry->uid :
					mailbox->text + message->uid_at;
}

uint64_t
mailbox_size(const struct mailbox *mailbox, size_t index)
{
	const struct message *message = &mailbox->messages[index];

	return message->flags & MESSAGE_SIZED ? message->octets : STATE_UNSIZED;
}

bool
mailbox_is_repeated(const struct mailbox *mailbox, size_t index)
{
	const struct message *message = &mailbox->messages[index];

	return message->uid_len > 0 && !(message->flags & MESSAGE_ALONE);
}

/* Sorting strange UIDLs: no server can make this quadratic. */
static const struct mailbox *sorting;

static int
compare_uids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	size_t x_len, y_len;
	const char *x_uid = mailbox_uid(sorting, x, &x_len);
	const char *y_uid = mailbox_uid(sorting, y, &y_len);
	int order;

	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	order = memcmp(x_uid, y_uid, x_len);
	return order != 0 ? order : (x > y) - (x < y);
}

static bool
same_uid(const struct mailbox *mailbox, uint32_t x, uint32_t y)
{
	size_t x_len, y_len;
	const char *x_uid = mailbox_uid(mailbox, x, &x_len);
	const char *y_uid = mailbox_uid(mailbox, y, &y_len);

	return x_len == y_len && memcmp(x_uid, y_uid, x_len) == 0;
}

/* The groups of UIDLs that no record has. */
static void
join_unknown(struct mailbox *mailbox)
{
	uint32_t *unknown =
	    xreallocarray(NULL, mailbox->count + 1, sizeof(*unknown));
	size_t n = 0;

	for (size_t i = 0; i < mailbox->count; i++)
		if (mailbox->messages[i].entry == NULL &&
		    mailbox->messages[i].uid_len > 0)
			unknown[n++] = (uint32_t)i;
	sorting = mailbox;
	qsort(unknown, n, sizeof(*unknown), compare_uids);
	for (size_t i = 0; i < n; i++) {
		struct message *message = &mailbox->messages[unknown[i]];
		struct message *before;

		if (i == 0 || !same_uid(mailbox, unknown[i - 1], unknown[i])) {
			message->flags |= MESSAGE_FIRST;
			continue;
		}
		before = &mailbox->messages[unknown[i - 1]];
		before->next = unknown[i] + 1;
		message->uid_at = before->uid_at; /* names the group */
	}
	free(unknown);
}

/* From here on all records of the group name its first message. */
static void
name_group(struct mailbox *mailbox, size_t first)
{
	struct message *message = &mailbox->messages[first];

	if (message->next == 0)
		message->flags |= MESSAGE_ALONE;
	for (struct state_entry *e = message->entry; e != NULL;
	     e = state_next(mailbox->state, e))
		e->listed = (uint32_t)first + 1;
}

/* The listings have come: give back what they did not need. */
static void
trim(struct mailbox *mailbox)
{
	if (mailbox->room > mailbox->count && mailbox->count > 0) {
		mailbox->room = mailbox->count;
		mailbox->messages = xreallocarray(mailbox->messages,
		    mailbox->room, sizeof(*mailbox->messages));
	}
	if (mailbox->text_room > mailbox->text_len && mailbox->text_len > 0) {
		mailbox->text_room = mailbox->text_len;
		mailbox->text =
		    xreallocarray(mailbox->text, mailbox->text_room, 1);
	}
}

void
mailbox_join(struct mailbox *mailbox)
{
	trim(mailbox);
	mailbox->named = 0;
	if (mailbox->text_len > 0)
		join_unknown(mailbox);
	for (size_t i = 0; i < mailbox->count; i++) {
		const struct message *message = &mailbox->messages[i];

		mailbox->named += message->flags & MESSAGE_LISTED ? 1 : 0;
		if (message->flags & MESSAGE_FIRST)
			name_group(mailbox, i);
	}
}

static int
forget_session(void *arg, struct state_entry *entry)
{
	(void)arg;
	entry->listed = 0;
	entry->claimed = 0;
	return 0;
}

void
mailbox_begin(struct mailbox *mailbox, struct state *state)
{
	struct mailbox fresh = { .messages = mailbox->messages,
		.room = mailbox->room,
		.text = mailbox->text,
		.text_room = mailbox->text_room,
		.sizes = mailbox->sizes,
		.sizes_room = mailbox->sizes_room,
		.state = state };

	/* as they are read, records know of no session */
	if (state != NULL && mailbox->state != NULL)
		(void)state_each(state, forget_session, NULL);
	prints_free(mailbox->prints);
	*mailbox = fresh;
}

void
mailbox_clear(struct mailbox *mailbox)
{
	free(mailbox->messages);
	free(mailbox->text);
	free(mailbox->sizes);
	prints_free(mailbox->prints);
	memset(mailbox, 0, sizeof(*mailbox));
}
