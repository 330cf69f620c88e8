/* SPDX-License-Identifier: ISC */
/* Message sets (base/msgset.h), resolved against what is listed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "mailbox/mailbox.h"
#include "mailbox/mailbox_priv.h"
#include "state/state.h"

bool
mailbox_is_chosen(const struct mailbox *mailbox, size_t index,
    const struct msgset *set)
{
	const struct message *message = &mailbox->messages[index];
	size_t len;
	const char *uid = mailbox_uid(mailbox, index, &len);

	if (!(message->flags & MESSAGE_LISTED))
		return false;
	if (msgset_matches(set, (uint32_t)index + 1, uid, len))
		return true;
	return msgset_has(set,
	    message->verdict == VERDICT_SEEN ? MSGSET_SEEN : MSGSET_NEW);
}

static bool
has_uid(const struct mailbox *mailbox, const struct msgset_item *item)
{
	const char *uid;
	size_t len;

	for (size_t i = 0; i < mailbox->count; i++) {
		uid = mailbox_uid(mailbox, i, &len);
		if (len == item->uid_len && memcmp(uid, item->uid, len) == 0)
			return true;
	}
	return false;
}

/* One of a range is enough. */
static bool
has_number(const struct mailbox *mailbox, const struct msgset_item *item)
{
	for (size_t i = item->first; i <= item->last && i <= mailbox->count;
	     i++)
		if (mailbox->messages[i - 1].flags & MESSAGE_LISTED)
			return true;
	return false;
}

static bool
is_there(const struct mailbox *mailbox, const struct msgset_item *item)
{
	if (item->kind == MSGSET_NUMBERS)
		return item->last == UINT32_MAX || has_number(mailbox, item);
	return item->kind != MSGSET_UID || has_uid(mailbox, item);
}

static void
describe(const struct mailbox *mailbox, const struct msgset_item *item,
    struct err *err)
{
	char *uid;

	if (item->kind == MSGSET_UID) {
		uid = log_uid(item->uid, item->uid_len);
		(void)err_set(err, EX_UNAVAILABLE,
		    "there is no message uid:%s on the server", uid);
		free(uid);
	} else if (item->first == item->last)
		(void)err_set(err, EX_UNAVAILABLE,
		    "there is no message %" PRIu32
		    " on the server, which has %" PRIu64,
		    item->first, mailbox->named);
	else
		(void)err_set(err, EX_UNAVAILABLE,
		    "there are no messages %" PRIu32 "-%" PRIu32
		    " on the server, which has %" PRIu64,
		    item->first, item->last, mailbox->named);
}

size_t
mailbox_missing(const struct mailbox *mailbox, const struct msgset *set,
    void (*missing)(void *arg, const struct err *err), void *arg)
{
	size_t count = 0;
	struct err err;

	for (size_t i = 0; set != NULL && i < set->count; i++) {
		if (is_there(mailbox, &set->items[i]))
			continue;
		describe(mailbox, &set->items[i], &err);
		missing(arg, &err);
		count++;
	}
	return count;
}

/* ---- mark-seen ---- */

/* The sizes of a group's live records, to be taken one by one. */
struct size {
	uint64_t octets;
	size_t count;
};

struct supply {
	struct size *sizes; /* owned; sorted, each once */
	size_t count;
	size_t any; /* those before it are used up */
};

static int
compare_sizes(const void *a, const void *b)
{
	const struct size *x = a, *y = b;

	return (x->octets > y->octets) - (x->octets < y->octets);
}

static void
supply_add(struct supply *supply, uint64_t octets)
{
	supply->sizes[supply->count++] = (struct size){ octets, 1 };
}

static void
supply_sort(struct supply *supply)
{
	struct size *sizes = supply->sizes;
	size_t kept = 0;

	qsort(sizes, supply->count, sizeof(*sizes), compare_sizes);
	for (size_t i = 0; i < supply->count; i++) {
		if (kept > 0 && sizes[kept - 1].octets == sizes[i].octets)
			sizes[kept - 1].count++;
		else
			sizes[kept++] = sizes[i];
	}
	supply->count = kept;
}

/* Sent records count as gone. */
static void
supply_init(struct supply *supply, struct mailbox *mailbox,
    struct state_entry *first)
{
	size_t n = 0;

	for (struct state_entry *e = first; e != NULL;
	     e = state_next(mailbox->state, e)) {
		if (e->flags & STATE_SENT)
			state_gone(mailbox->state, e, mailbox->policy.now);
		n += entry_is_live(e);
	}
	*supply =
	    (struct supply){ .sizes = xcalloc(n + 1, sizeof(struct size)) };
	for (struct state_entry *e = first; e != NULL;
	     e = state_next(mailbox->state, e))
		if (entry_is_live(e))
			supply_add(supply, e->list_octets);
	supply_sort(supply);
}

static bool
take_size(struct supply *supply, uint64_t octets)
{
	struct size key = { .octets = octets }, *found;

	found = bsearch(&key, supply->sizes, supply->count, sizeof(key),
	    compare_sizes);
	if (found == NULL || found->count == 0)
		return false;
	found->count--;
	return true;
}

/* A record of this size, or of none; any one if the size was not told. */
static bool
supply_take(struct supply *supply, uint64_t octets)
{
	if (take_size(supply, octets) || take_size(supply, STATE_UNSIZED))
		return true;
	if (octets != STATE_UNSIZED)
		return false;
	while (supply->any < supply->count &&
	    supply->sizes[supply->any].count == 0)
		supply->any++;
	if (supply->any == supply->count)
		return false;
	supply->sizes[supply->any].count--;
	return true;
}

static bool
is_wanted(const struct mailbox *mailbox, size_t index, const struct msgset *set)
{
	return set->count == 0 || mailbox_is_chosen(mailbox, index, set);
}

/* How many of the group were added. */
static size_t
mark_group(struct mailbox *mailbox, size_t first, const struct msgset *set,
    size_t *known)
{
	struct supply supply;
	size_t added = 0, len;

	supply_init(&supply, mailbox, mailbox->messages[first].entry);
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m)) {
		const char *uid = mailbox_uid(mailbox, m, &len);
		uint64_t octets = mailbox_size(mailbox, m);

		if (!is_wanted(mailbox, m, set))
			continue;
		if (supply_take(&supply, octets)) {
			(*known)++;
			continue;
		}
		(void)state_add_marked(mailbox->state, uid, len, octets,
		    mailbox->policy.now);
		added++;
	}
	free(supply.sizes);
	return added;
}

size_t
mailbox_mark(struct mailbox *mailbox, const struct msgset *set, size_t *known)
{
	size_t added = 0;
	bool wanted;

	*known = 0;
	for (size_t i = 0; i < mailbox->count; i++) {
		if (!(mailbox->messages[i].flags & MESSAGE_FIRST))
			continue;
		wanted = false;
		for (size_t m = i; m != SIZE_MAX && !wanted;
		     m = group_next(mailbox, m))
			wanted = is_wanted(mailbox, m, set);
		if (wanted)
			added += mark_group(mailbox, i, set, known);
	}
	return added;
}
