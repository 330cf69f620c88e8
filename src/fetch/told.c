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

/* FNV-1a; the number counts where the UIDL is not one message's. */
static uint64_t
hash(const struct mailbox *mailbox, size_t index)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	size_t len;
	const char *uid = mailbox_uid(mailbox, index, &len);

	if (len == 0 || mailbox_is_repeated(mailbox, index)) {
		uid = (const char *)&index;
		len = sizeof(index);
	}
	for (size_t i = 0; i < len; i++)
		value =
		    (value ^ (unsigned char)uid[i]) * UINT64_C(0x100000001b3);
	return value & ~FLAGS;
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
	told_clear(told);
}

void
told_clear(struct told *told)
{
	free(told->messages);
	memset(told, 0, sizeof(*told));
}
