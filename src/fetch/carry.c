/* SPDX-License-Identifier: ISC */
/* From one session's plan to the next one's. */
#include "fetch/carry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "fetch/fetch_priv.h"
#include "state/state.h"

struct carried {
	uint64_t octets;
	const char *uid; /* owned, but in keys */
	uint32_t num;
	uint16_t uid_len, flags;
	uint8_t losses;
	bool wanted; /* not had yet */
	bool found;  /* in the next plan */
	uint32_t
	    passed; /* of its equals, if it is their first: see take_equal */
};

static int
compare_uids(const void *a, const void *b)
{
	const struct carried *x = a, *y = b;

	if (x->uid_len != y->uid_len)
		return x->uid_len < y->uid_len ? -1 : 1;
	return x->uid_len > 0 ? memcmp(x->uid, y->uid, x->uid_len) : 0;
}

/* Equals are those of one UIDL and one size, whatever their numbers. */
static int
compare_equals(const void *a, const void *b)
{
	const struct carried *x = a, *y = b;
	int order = compare_uids(x, y);

	return order != 0 ? order :
			    (x->octets > y->octets) - (x->octets < y->octets);
}

static int
compare(const void *a, const void *b)
{
	const struct carried *x = a, *y = b;
	int order = compare_equals(x, y);

	return order != 0 ? order : (x->num > y->num) - (x->num < y->num);
}

static struct carried
describe(const struct run *run, const struct plan_item *item)
{
	struct carried carried = { .octets = plan_octets(run, item),
		.num = item->num,
		.flags = item->flags,
		.losses = item->losses,
		.wanted = !(item->flags & PLAN_DONE) };
	size_t len;

	carried.uid = plan_uid(run, item, &len);
	carried.uid_len = (uint16_t)len;
	return carried;
}

/* What the next session must know of it. DONE without DELIBERATE: the state
 * knows. */
static unsigned int
lasting(const struct plan_item *item)
{
	unsigned int keep = PLAN_CAREFUL | PLAN_FAILED | PLAN_DELIBERATE;

	if (item->flags & (PLAN_FAILED | PLAN_DELIBERATE))
		keep |= PLAN_DONE;
	return item->flags & keep;
}

static void
keep_item(struct run *run, const struct plan_item *item)
{
	struct carry *carry = &run->carry;
	struct carried carried = describe(run, item);
	char *uid;

	if (carry->count == carry->room) {
		carry->room += carry->room / 4 + 16;
		carry->items = xreallocarray(carry->items, carry->room,
		    sizeof(*carry->items));
	}
	carried.flags = (uint16_t)lasting(item);
	if (carried.uid_len > 0) {
		uid = xmalloc(carried.uid_len);
		memcpy(uid, carried.uid, carried.uid_len);
		carried.uid = uid;
	}
	carry->items[carry->count++] = carried;
}

void
carry_remember(struct run *run)
{
	struct plan *plan = &run->plan;
	struct carry *carry = &run->carry;

	if (!plan->made)
		return; /* what was taken over before has not been used yet */
	carry_clear(carry);
	carry->is_explicit = plan->is_explicit;
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_item *item = &plan->items[i];

		if (plan->is_explicit || lasting(item) != 0 || item->losses > 0)
			keep_item(run, item);
	}
	if (carry->count > 0)
		qsort(carry->items, carry->count, sizeof(*carry->items),
		    compare);
	plan_clear(plan);
	plan->is_explicit = carry->is_explicit;
}

static struct carried *
find_same(const struct carry *carry, const struct carried *key)
{
	return bsearch(key, carry->items, carry->count, sizeof(*key), compare);
}

/* Its first equal, or NULL. */
static struct carried *
find_equal(const struct carry *carry, const struct carried *key)
{
	size_t low = 0, high = carry->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_equals(&carry->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < carry->count &&
		compare_equals(&carry->items[low], key) == 0 ?
	    &carry->items[low] :
	    NULL;
}

/*
 * Sizes may be others: there are servers that know a message's after its first
 * RETR, and guess it before. Its UIDL is enough, where nothing else has it.
 */
static struct carried *
find_resized(const struct run *run, const struct carried *key)
{
	const struct carry *carry = &run->carry;
	struct carried *end = carry->items + carry->count, *was;

	if (mailbox_is_repeated(&run->mailbox, key->num - 1))
		return NULL;
	was = bsearch(key, carry->items, carry->count, sizeof(*key),
	    compare_uids);
	if (was == NULL ||
	    (was > carry->items && compare_uids(was - 1, key) == 0) ||
	    (was + 1 < end && compare_uids(was + 1, key) == 0))
		return NULL;
	return was;
}

bool
carry_is_deliberate(const struct run *run, uint32_t num)
{
	struct plan_item item = { .num = num };
	const struct carried *was;
	struct carried key;

	if (run->carry.count == 0)
		return false;
	key = describe(run, &item);
	if (key.uid_len == 0)
		return false; /* its number may be another's now */
	was = find_same(&run->carry, &key);
	if (was == NULL)
		was = find_equal(&run->carry, &key);
	if (was == NULL)
		was = find_resized(run, &key);
	return was != NULL && (was->flags & PLAN_DELIBERATE);
}

/* One of its equals that has not been found, in their order. */
static struct carried *
take_equal(const struct carry *carry, const struct carried *key)
{
	const struct carried *end = carry->items + carry->count;
	struct carried *first = find_equal(carry, key), *was;

	if (first == NULL)
		return NULL;
	for (was = first + first->passed;
	     was < end && compare_equals(was, key) == 0; was++) {
		first->passed++;
		if (!was->found)
			return was;
	}
	return NULL;
}

static void
take(struct plan_item *item, struct carried *was)
{
	was->found = true;
	item->flags |= was->flags | PLAN_TAKEN;
	item->losses = was->losses;
}

void
carry_take(struct run *run, struct plan_item *item)
{
	const struct carry *carry = &run->carry;
	struct carried key = describe(run, item), *was;

	if (carry->count == 0 || key.uid_len == 0)
		return;
	was = find_same(carry, &key);
	if (was == NULL || was->found)
		was = find_equal(carry, &key) != NULL ?
		    take_equal(carry, &key) :
		    find_resized(run, &key);
	if (was != NULL)
		take(item, was);
}

/*
 * What has its number still is the same; then what has another. Of what has no
 * UIDL only the number is known: not enough for what was asked for.
 */
static void
take_all(struct run *run)
{
	const struct carry *carry = &run->carry;
	struct plan *plan = &run->plan;

	for (size_t i = 0; i < plan->count; i++) {
		struct carried key = describe(run, &plan->items[i]);
		struct carried *was = find_same(carry, &key);

		if (was != NULL && (key.uid_len > 0 || !carry->is_explicit))
			take(&plan->items[i], was);
	}
	for (size_t i = 0; i < plan->count; i++) {
		struct carried key = describe(run, &plan->items[i]);
		struct carried *was;

		if (key.uid_len == 0 || (plan->items[i].flags & PLAN_TAKEN))
			continue;
		was = find_equal(carry, &key) != NULL ?
		    take_equal(carry, &key) :
		    find_resized(run, &key);
		if (was != NULL)
			take(&plan->items[i], was);
	}
}

/* What was asked for and is not had is not success. */
static void
warn_missing(struct run *run)
{
	const struct carry *carry = &run->carry;
	const struct carried *missing = NULL;
	int status = EX_UNAVAILABLE;
	size_t count = 0;
	struct err err;

	for (size_t i = 0; i < carry->count; i++) {
		if (!carry->items[i].wanted || carry->items[i].found)
			continue;
		missing = &carry->items[i];
		count++;
		/* it may be there all the same */
		if (missing->uid_len == 0 || !run->mailbox.has_uidl)
			status = EX_TEMPFAIL;
	}
	if (count == 0)
		return;
	if (count == 1)
		(void)err_set(&err, status,
		    "message %" PRIu32
		    " was asked for, and is not found after the lost "
		    "connection",
		    missing->num);
	else
		(void)err_set(&err, status,
		    "%zu messages were asked for, and are not found after the "
		    "lost connection",
		    count);
	run_warn(run, &err);
}

void
carry_over(struct run *run)
{
	struct plan *plan = &run->plan;
	const struct carry *carry = &run->carry;
	size_t kept = 0;

	if (carry->count == 0 && !carry->is_explicit)
		return;
	if (carry->count > 0)
		take_all(run);
	for (size_t i = 0; i < plan->count; i++) {
		struct plan_item *item = &plan->items[i];

		const struct message *message =
		    &run->mailbox.messages[item->num - 1];

		if (!(item->flags & PLAN_TAKEN) && carry->is_explicit)
			continue;
		/* delivered in this run; its deletion did not come through,
		 * or nobody knows */
		if ((item->flags & PLAN_DONE) && !(item->flags & PLAN_FAILED) &&
		    ((message->flags & MESSAGE_DUE) ||
			message->verdict == VERDICT_LOOK))
			plan_look(run, item->num - 1);
		plan->items[kept++] = *item;
	}
	plan->count = kept;
	if (carry->is_explicit)
		warn_missing(run);
}

void
carry_clear(struct carry *carry)
{
	for (size_t i = 0; i < carry->count; i++)
		if (carry->items[i].uid_len > 0)
			free((char *)carry->items[i].uid);
	free(carry->items);
	memset(carry, 0, sizeof(*carry));
}
