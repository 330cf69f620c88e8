/* SPDX-License-Identifier: ISC */
/*
 * What was told of messages, from one listing to the next. A mailbox may be
 * huge, so a message is eight octets: a hash of its UIDL, and the flags in the
 * lowest bits. Two that agree cost no more than a line that is not printed.
 */
#include "fetch/told.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mailbox/mailbox.h"

#define SKIPPED UINT64_C(1)
#define FAILED UINT64_C(2)
#define FLAGS (SKIPPED | FAILED)

/* FNV-1a */
static uint64_t
hash_octets(const char *text, size_t len)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		value =
		    (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return value;
}

/* The number counts where the UIDL is not one message's. */
static uint64_t
hash(const struct mailbox *mailbox, size_t index)
{
	size_t len;
	const char *uid = mailbox_uid(mailbox, index, &len);

	if (len == 0 || mailbox_is_repeated(mailbox, index)) {
		uid = (const char *)&index;
		len = sizeof(index);
	}
	return hash_octets(uid, len) & ~FLAGS;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a & ~FLAGS;
	uint64_t y = *(const uint64_t *)b & ~FLAGS;

	return (x > y) - (x < y);
}

void
told_keep(struct told *told, const struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->count; i++) {
		unsigned int flags = mailbox->messages[i].flags;
		uint64_t mark = (flags & MESSAGE_SKIPPED ? SKIPPED : 0) |
		    (flags & MESSAGE_FAILED ? FAILED : 0);

		if (mark == 0)
			continue;
		if (told->count == told->room) {
			told->room += told->room / 4 + 64;
			told->messages = xreallocarray(told->messages,
			    told->room, sizeof(*told->messages));
		}
		told->messages[told->count++] = hash(mailbox, i) | mark;
	}
	if (told->count > 1)
		qsort(told->messages, told->count, sizeof(*told->messages),
		    compare);
}

static void
forget_messages(struct told *told)
{
	free(told->messages);
	told->messages = NULL;
	told->count = told->room = 0;
}

void
told_carry(struct told *told, struct mailbox *mailbox)
{
	for (size_t i = 0; i < mailbox->count && told->count > 0; i++) {
		struct message *listed = &mailbox->messages[i];
		uint64_t key = hash(mailbox, i);
		const uint64_t *found = bsearch(&key, told->messages,
		    told->count, sizeof(*told->messages), compare);

		if (found != NULL && (*found & SKIPPED))
			listed->flags |= MESSAGE_SKIPPED;
		if (found != NULL && (*found & FAILED))
			listed->flags |= MESSAGE_FAILED;
	}
	forget_messages(told);
}

bool
told_first(struct told *told, const char *text)
{
	uint64_t key = hash_octets(text, strlen(text));

	for (size_t i = 0; i < told->warning_count; i++)
		if (told->warnings[i] == key)
			return false;
	told->warnings = xreallocarray(told->warnings, told->warning_count + 1,
	    sizeof(*told->warnings));
	told->warnings[told->warning_count++] = key;
	return true;
}

void
told_clear(struct told *told)
{
	forget_messages(told);
	free(told->warnings);
	told->warnings = NULL;
	told->warning_count = 0;
}
