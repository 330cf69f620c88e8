/* SPDX-License-Identifier: ISC */
/*
 * Records by what they are compared by. A key is a hash of the group, of what
 * the record is, and of two digests; the digests are keyed with the state's
 * secret, so nobody can choose them to collide. Equals form a chain, and a
 * record that was claimed is skipped once: a million equals cost no more than
 * a million strangers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "mailbox/mailbox.h"
#include "mailbox/mailbox_priv.h"
#include "state/state.h"

/* By which digests; three for each kinship, then two more kinds of key. */
enum likeness {
	LIKE_EXACT,  /* header and body */
	LIKE_STABLE, /* header but for what servers change, and body */
	LIKE_WHOLE,  /* the digest of an old record */
	LIKENESSES
};
#define KEY_MARKED 100
#define KEY_DROPPED 101
#define KEY_COPY 102

struct node {
	struct state_entry *entry;
	uint32_t next; /* place in nodes plus 1 */
};

struct chain {
	uint64_t key; /* 0: free */
	uint32_t first, last;
	uint32_t copies; /* KEY_COPY */
};

struct prints {
	struct chain *chains; /* owned; open hash table */
	size_t mask, count;
	struct node *nodes; /* owned */
	size_t node_count, node_room;
};

static uint64_t
make_key(uint32_t group, unsigned int kind, const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	x ^= (y << 29 | y >> 35) ^ ((uint64_t)group << 8 | kind);
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x == 0 ? 1 : x;
}

static uint64_t
size_key(uint32_t group, unsigned int kind, uint64_t octets)
{
	return make_key(group, kind, &octets, &octets);
}

static uint64_t
copy_key(uint32_t group, const struct fingerprint *print)
{
	return make_key(group, KEY_COPY, print->header, print->body);
}

static struct chain *
find_chain(const struct prints *prints, uint64_t key)
{
	size_t slot = (size_t)key & prints->mask;

	while (prints->chains[slot].key != 0 && prints->chains[slot].key != key)
		slot = (slot + 1) & prints->mask;
	return &prints->chains[slot];
}

static void
grow(struct prints *prints)
{
	struct chain *old = prints->chains;
	size_t size = prints->mask + 1;

	prints->mask = 2 * size - 1;
	prints->chains = xcalloc(2 * size, sizeof(*prints->chains));
	for (size_t i = 0; i < size; i++)
		if (old[i].key != 0)
			*find_chain(prints, old[i].key) = old[i];
	free(old);
}

/* The chain of a key, made if it is missing. */
static struct chain *
take_chain(struct prints *prints, uint64_t key)
{
	struct chain *chain;

	if (prints->count > prints->mask / 4 * 3)
		grow(prints);
	chain = find_chain(prints, key);
	if (chain->key == 0) {
		chain->key = key;
		prints->count++;
	}
	return chain;
}

static void
add(struct prints *prints, uint64_t key, struct state_entry *entry)
{
	struct chain *chain = take_chain(prints, key);

	if (prints->node_count == prints->node_room) {
		prints->node_room = prints->node_room * 2 + 64;
		prints->nodes = xreallocarray(prints->nodes, prints->node_room,
		    sizeof(*prints->nodes));
	}
	prints->nodes[prints->node_count] = (struct node){ entry, 0 };
	prints->node_count++;
	if (chain->first == 0)
		chain->first = (uint32_t)prints->node_count;
	else
		prints->nodes[chain->last - 1].next =
		    (uint32_t)prints->node_count;
	chain->last = (uint32_t)prints->node_count;
}

static enum kinship
entry_kinship(const struct state_entry *entry)
{
	if (entry->flags & STATE_GONE)
		return KIN_GONE;
	return entry->flags & STATE_SENT ? KIN_SENT : KIN_LIVE;
}

static unsigned int
kind_of(enum kinship kinship, enum likeness likeness)
{
	return kinship * LIKENESSES + likeness;
}

static void
add_marked(struct prints *prints, uint32_t group, struct state_entry *entry)
{
	if (entry_is_live(entry))
		add(prints,
		    size_key(group,
			entry->claimed == CLAIM_DROPPED ? KEY_DROPPED :
							  KEY_MARKED,
			entry->list_octets),
		    entry);
}

static void
add_entry(struct prints *prints, uint32_t group, struct state_entry *entry)
{
	enum kinship kinship = entry_kinship(entry);
	const struct fingerprint *print = &entry->print;

	if (entry->flags & STATE_MARKED) {
		add_marked(prints, group, entry);
		return;
	}
	if (entry->flags & STATE_WHOLE_ONLY) {
		add(prints,
		    make_key(group, kind_of(kinship, LIKE_WHOLE), entry->whole,
			entry->whole + DIGEST_LEN / 2),
		    entry);
		return;
	}
	add(prints,
	    make_key(group, kind_of(kinship, LIKE_EXACT), print->header,
		print->body),
	    entry);
	add(prints,
	    make_key(group, kind_of(kinship, LIKE_STABLE), print->stable,
		print->body),
	    entry);
}

/* Another delivery of the same octets is called by a higher number. */
static void
note_copy(struct prints *prints, uint32_t group,
    const struct state_entry *entry)
{
	struct chain *chain;

	if (entry->flags & (STATE_MARKED | STATE_WHOLE_ONLY))
		return;
	chain = take_chain(prints, copy_key(group, &entry->print));
	if (chain->copies <= entry->copy)
		chain->copies = (uint32_t)entry->copy + 1;
}

struct loading {
	struct prints *prints;
	const struct mailbox *mailbox;
};

static int
consider(void *arg, struct state_entry *entry)
{
	struct loading *loading = arg;
	const struct mailbox *mailbox = loading->mailbox;
	uint32_t group = 0;

	if (mailbox->has_uidl && entry->uid_len > 0) {
		group = entry->listed;
		if (group == 0 && !mailbox->policy.renumbered)
			return 0;
		if (group > 0 &&
		    !(mailbox->messages[group - 1].flags & MESSAGE_OPEN))
			return 0;
	}
	note_copy(loading->prints, group, entry);
	if (entry->claimed != CLAIM_TAKEN)
		add_entry(loading->prints, group, entry);
	return 0;
}

/* ---- marked records that tell nothing ---- */

struct census {
	uint64_t octets;
	size_t listed, live;
};

static int
compare_census(const void *a, const void *b)
{
	const struct census *x = a, *y = b;

	return (x->octets > y->octets) - (x->octets < y->octets);
}

/* Sizes of a group, each once, with how many are listed and live. */
static size_t
merge_census(struct census *census, size_t n)
{
	size_t kept = 0;

	qsort(census, n, sizeof(*census), compare_census);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && census[kept - 1].octets == census[i].octets) {
			census[kept - 1].listed += census[i].listed;
			census[kept - 1].live += census[i].live;
		} else {
			census[kept++] = census[i];
		}
	}
	return kept;
}

static bool
tells_nothing(const struct census *census, size_t n, bool more_listed,
    bool unsized, uint64_t octets)
{
	struct census key = { .octets = octets };
	const struct census *found;

	if (octets == STATE_UNSIZED)
		return more_listed;
	if (unsized && !more_listed)
		return false;
	found = bsearch(&key, census, n, sizeof(key), compare_census);
	return found != NULL && found->listed > found->live;
}

/*
 * Where more are listed with a size than are recorded, nobody can say which of
 * them was marked.
 */
static void
find_dropped(const struct mailbox *mailbox, size_t first)
{
	struct state_entry *head = mailbox->messages[first].entry;
	size_t listed = 0, live = 0, n = 0;
	bool marked = false, unsized = false;
	struct census *census;

	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m))
		listed++;
	for (struct state_entry *e = head; e != NULL;
	     e = state_next(mailbox->state, e)) {
		live += entry_is_live(e);
		marked |= entry_is_live(e) && (e->flags & STATE_MARKED);
		unsized |= entry_is_live(e) && e->list_octets == STATE_UNSIZED;
	}
	if (!marked)
		return;
	census = xcalloc(listed + live, sizeof(*census));
	for (size_t m = first; m != SIZE_MAX; m = group_next(mailbox, m))
		census[n++] = (struct census){ mailbox_size(mailbox, m), 1, 0 };
	for (struct state_entry *e = head; e != NULL;
	     e = state_next(mailbox->state, e))
		if (entry_is_live(e))
			census[n++] = (struct census){ e->list_octets, 0, 1 };
	n = merge_census(census, n);
	for (struct state_entry *e = head; e != NULL;
	     e = state_next(mailbox->state, e))
		if (entry_is_live(e) && (e->flags & STATE_MARKED) &&
		    tells_nothing(census, n, listed > live, unsized,
			e->list_octets))
			e->claimed = CLAIM_DROPPED;
	free(census);
}

struct prints *
prints_new(struct mailbox *mailbox)
{
	struct prints *prints = xcalloc(1, sizeof(*prints));
	struct loading loading = { prints, mailbox };

	prints->mask = 255;
	prints->chains = xcalloc(prints->mask + 1, sizeof(*prints->chains));
	if (mailbox->state == NULL)
		return prints;
	for (size_t i = 0; i < mailbox->count; i++) {
		const struct message *message = &mailbox->messages[i];

		if ((message->flags & MESSAGE_FIRST) &&
		    (message->flags & MESSAGE_OPEN) && message->entry != NULL)
			find_dropped(mailbox, i);
	}
	(void)state_each(mailbox->state, consider, &loading);
	return prints;
}

void
prints_free(struct prints *prints)
{
	if (prints == NULL)
		return;
	free(prints->chains);
	free(prints->nodes);
	free(prints);
}

/* ---- finding ---- */

static bool
is_like(const struct state_entry *entry, enum likeness likeness,
    const struct shown *shown)
{
	const struct fingerprint *a = &entry->print, *b = &shown->print;

	switch (likeness) {
	case LIKE_EXACT:
		return memcmp(a->header, b->header, FINGERPRINT_PART) == 0 &&
		    memcmp(a->body, b->body, FINGERPRINT_PART) == 0;
	case LIKE_STABLE:
		return memcmp(a->stable, b->stable, FINGERPRINT_PART) == 0 &&
		    memcmp(a->body, b->body, FINGERPRINT_PART) == 0;
	default:
		return memcmp(entry->whole, shown->whole, DIGEST_LEN) == 0;
	}
}

bool
entry_has_octets(const struct state_entry *entry, const struct shown *shown)
{
	if (entry->flags & STATE_WHOLE_ONLY)
		return is_like(entry, LIKE_WHOLE, shown);
	return is_like(entry, LIKE_EXACT, shown) ||
	    is_like(entry, LIKE_STABLE, shown);
}

static struct state_entry *
find_like(struct prints *prints, uint64_t key, enum likeness likeness,
    const struct shown *shown)
{
	struct chain *chain = find_chain(prints, key);
	uint32_t at;

	while (chain->first != 0 &&
	    prints->nodes[chain->first - 1].entry->claimed != CLAIM_NONE)
		chain->first = prints->nodes[chain->first - 1].next;
	for (at = chain->first; at != 0; at = prints->nodes[at - 1].next) {
		struct state_entry *entry = prints->nodes[at - 1].entry;

		if (entry->claimed == CLAIM_NONE &&
		    (shown == NULL || is_like(entry, likeness, shown)))
			return entry;
	}
	return NULL;
}

struct state_entry *
prints_find(struct prints *prints, uint32_t group, enum kinship kinship,
    const struct shown *shown)
{
	const struct fingerprint *print = &shown->print;
	struct state_entry *entry;

	entry = find_like(prints,
	    make_key(group, kind_of(kinship, LIKE_EXACT), print->header,
		print->body),
	    LIKE_EXACT, shown);
	if (entry == NULL)
		entry = find_like(prints,
		    make_key(group, kind_of(kinship, LIKE_STABLE),
			print->stable, print->body),
		    LIKE_STABLE, shown);
	if (entry == NULL)
		entry = find_like(prints,
		    make_key(group, kind_of(kinship, LIKE_WHOLE), shown->whole,
			shown->whole + DIGEST_LEN / 2),
		    LIKE_WHOLE, shown);
	return entry;
}

struct state_entry *
prints_find_marked(struct prints *prints, uint32_t group, uint64_t octets)
{
	struct state_entry *entry = NULL;

	if (octets != STATE_UNSIZED)
		entry = find_like(prints, size_key(group, KEY_MARKED, octets),
		    LIKE_EXACT, NULL);
	if (entry == NULL)
		entry = find_like(prints,
		    size_key(group, KEY_MARKED, STATE_UNSIZED), LIKE_EXACT,
		    NULL);
	return entry;
}

unsigned int
prints_count_copy(struct prints *prints, uint32_t group,
    const struct shown *shown)
{
	return take_chain(prints, copy_key(group, &shown->print))->copies++;
}

static void
drop_chain(struct prints *prints, struct mailbox *mailbox, uint64_t key)
{
	struct chain *chain = find_chain(prints, key);

	for (uint32_t at = chain->first; at != 0;
	     at = prints->nodes[at - 1].next)
		state_forget(mailbox->state, prints->nodes[at - 1].entry);
	chain->first = 0;
}

void
prints_drop_marked(struct prints *prints, struct mailbox *mailbox,
    uint32_t group, uint64_t octets)
{
	drop_chain(prints, mailbox, size_key(group, KEY_DROPPED, octets));
	drop_chain(prints, mailbox,
	    size_key(group, KEY_DROPPED, STATE_UNSIZED));
}
