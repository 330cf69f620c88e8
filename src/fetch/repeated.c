/* SPDX-License-Identifier: ISC */
/* Groups of one UIDL, compared with the record by count and by sizes. */
#include "fetch/repeated.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "fetch/listing.h"
#include "state/state.h"

static int
compare_groups(const void *a, const void *b)
{
	const struct listed *x = *(struct listed *const *)a;
	const struct listed *y = *(struct listed *const *)b;

	if (x->entry != y->entry)
		return x->entry->serial < y->entry->serial ? -1 : 1;
	return (x->octets > y->octets) - (x->octets < y->octets);
}

/* Are these n messages, sorted by size, what the record has? */
static int
group_is_recorded(struct listed *const *group, size_t n, struct state *state)
{
	uint64_t *sizes = xreallocarray(NULL, n, sizeof(*sizes));
	size_t found = 0;
	int same = 1;

	for (struct state_entry *e = group[0]->entry; e != NULL;
	     e = state_next(state, e)) {
		if (found < n)
			sizes[found] = e->list_octets;
		found++;
	}
	if (found != n)
		same = 0;
	else
		qsort(sizes, n, sizeof(*sizes), listing_compare_octets);
	for (size_t i = 0; same && i < n; i++)
		same = (group[i]->flags & LISTED_SIZED) &&
		    group[i]->octets == sizes[i];
	free(sizes);
	return same;
}

void
repeated_mark(struct listing *listing, struct state *state)
{
	struct listed **all;
	size_t n = 0, end;

	if (!listing->repeated)
		return;
	all = xreallocarray(NULL, listing->count + 1, sizeof(struct listed *));
	for (size_t i = 0; i < listing->count; i++)
		if ((listing->messages[i].flags & LISTED_REPEATED) &&
		    listing->messages[i].entry != NULL)
			all[n++] = &listing->messages[i];
	qsort(all, n, sizeof(struct listed *), compare_groups);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && all[end]->entry == all[i]->entry;)
			end++;
		if (!group_is_recorded(all + i, end - i, state))
			continue;
		for (size_t j = i; j < end; j++)
			all[j]->flags |= LISTED_GROUP_SEEN;
	}
	free(all);
}
