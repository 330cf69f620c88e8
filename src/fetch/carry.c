/* SPDX-License-Identifier: ISC */
/* From one session's plan to the next one's. */
#include "fetch/carry.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "fetch/run.h"
#include "state/state.h"

struct carried {
	uint64_t octets;
	const char *uid; /* owned, but in keys */
	uint32_t num;
	uint16_t uid_len, flags;
	uint8_t losses;
};

static int
compare(const void *a, const void *b)
{
	const struct carried *x = a, *y = b;
	int order;

	if (x->uid_len != y->uid_len)
		return x->uid_len < y->uid_len ? -1 : 1;
	order = x->uid_len > 0 ? memcmp(x->uid, y->uid, x->uid_len) : 0;
	if (order != 0)
		return order;
	if (x->uid_len == 0 && x->num != y->num)
		return x->num < y->num ? -1 : 1;
	return (x->octets > y->octets) - (x->octets < y->octets);
}

static struct carried
describe(const struct run *run, const struct plan_item *item)
{
	struct carried carried = { .octets = plan_octets(run, item),
		.num = item->num,
		.flags = item->flags,
		.losses = item->losses };
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

static const struct carried *
find(const struct run *run, const struct plan_item *item)
{
	const struct carry *carry = &run->carry;
	struct carried key;

	if (carry->count == 0)
		return NULL;
	key = describe(run, item);
	return bsearch(&key, carry->items, carry->count, sizeof(key), compare);
}

bool
carry_is_deliberate(const struct run *run, uint32_t num)
{
	struct plan_item item = { .num = num };
	const struct carried *was = find(run, &item);

	return was != NULL && (was->flags & PLAN_DELIBERATE);
}

/* Delivered in this run, and its deletion did not come through. */
static void
remove_again(struct run *run, const struct plan_item *item)
{
	uint64_t octets = plan_octets(run, item);
	struct state_entry *e;
	size_t len;
	const char *uid = plan_uid(run, item, &len);

	if (!(item->flags & PLAN_DELETE) || (item->flags & PLAN_FAILED) ||
	    len == 0)
		return;
	for (e = state_find(run->state, uid, len); e != NULL;
	     e = state_next(run->state, e)) {
		if (e->list_octets != octets || !plan_is_due(run, e) ||
		    !(e->flags & STATE_OWED))
			continue;
		if (!remove_is_vain(run, e, item->num))
			plan_remove(&run->plan, item->num, e);
		return;
	}
}

void
carry_over(struct run *run)
{
	struct plan *plan = &run->plan;
	const struct carry *carry = &run->carry;
	size_t kept = 0;

	if (carry->count == 0 && !carry->is_explicit)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		struct plan_item *item = &plan->items[i];
		const struct carried *was = find(run, item);

		if (was == NULL && carry->is_explicit)
			continue;
		if (was != NULL) {
			item->flags |= was->flags;
			item->losses = was->losses;
			if (item->flags & PLAN_DONE)
				remove_again(run, item);
		}
		plan->items[kept++] = *item;
	}
	plan->count = kept;
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
