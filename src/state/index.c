/* SPDX-License-Identifier: ISC */
/*
 * The index. Hash tables are open, with linear probing, and at most three
 * quarters full. What shares a UIDL is a ring, and the table holds
 * the ring's last member, whose link (marked RING_END) leads to the first: so
 * appending takes no walk, however often a server repeats a UIDL.
 */
#include "state/index.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "state/state.h"

#define CHUNK_SIZE ((size_t)1 << 18)
#define ALIGNMENT 8
#define CHUNK_REFS (CHUNK_SIZE / ALIGNMENT)
/* with what malloc puts before it, a whole number of pages */
#define CHUNK_OCTETS (CHUNK_SIZE - 64)
#define RING_END 0x80000000u
#define TABLE_MIN 64
#define REFERENCES_MIN (CHUNK_REFS * 4)

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline __attribute__((always_inline)) void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein); only within one process. */
static uint64_t
hash_uid(const struct index *index, const char *uid, size_t len)
{
	uint64_t v[4] = { index->seed[0] ^ 0x736f6d6570736575u,
		index->seed[1] ^ 0x646f72616e646f6du,
		index->seed[0] ^ 0x6c7967656e657261u,
		index->seed[1] ^ 0x7465646279746573u };
	uint64_t word;
	size_t left = len;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, uid, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		uid += sizeof(word);
	}
	word = 0;
	memcpy(&word, uid, left);
	word ^= (uint64_t)len << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static size_t
table_size(size_t count)
{
	size_t size = TABLE_MIN;

	while (size / 4 * 3 <= count)
		size *= 2;
	return size;
}

static struct state_entry *
entry_at(const struct index *index, uint32_t ref)
{
	ref &= ~RING_END;
	/* chunks are aligned by malloc, places within by ALIGNMENT */
	return (struct state_entry *)(void *)(index->chunks[ref / CHUNK_REFS] +
	    ref % CHUNK_REFS * ALIGNMENT);
}

void
index_init(struct index *index, size_t expected,
    const unsigned char key[DIGEST_KEY_LEN])
{
	size_t size = table_size(expected);

	*index = (struct index){ 0 };
	memcpy(index->seed, key, sizeof(index->seed));
	index->uids = xcalloc(size, sizeof(*index->uids));
	index->uid_mask = size - 1;
	/* Wide enough not to be made anew for UIDLs of up to 70 octets. */
	index->reference_mask = REFERENCES_MIN - 1;
	while (index->reference_mask < expected * 16 &&
	    index->reference_mask < RING_END - 1)
		index->reference_mask = index->reference_mask * 2 + 1;
}

void
index_clear(struct index *index)
{
	size_t i;

	for (i = 0; i < index->chunk_count; i++)
		free(index->chunks[i]);
	free(index->chunks);
	free(index->order);
	free(index->uids);
	*index = (struct index){ 0 };
}

/* Room for an entry; nothing of it is set. */
static uint32_t
allocate(struct index *index, size_t uid_len)
{
	size_t size = offsetof(struct state_entry, uid) + uid_len, used;

	if (size < sizeof(struct state_entry))
		size = sizeof(struct state_entry);
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (index->chunk_count == 0 ||
	    index->chunk_used + size > CHUNK_OCTETS) {
		index->chunks = xreallocarray(index->chunks,
		    index->chunk_count + 1, sizeof(*index->chunks));
		index->chunks[index->chunk_count] = xmalloc(CHUNK_OCTETS);
		/* Reference 0 means none. */
		index->chunk_used = index->chunk_count == 0 ? ALIGNMENT : 0;
		index->chunk_count++;
	}
	used = index->chunk_used;
	index->chunk_used += size;
	return (
	    uint32_t)((index->chunk_count - 1) * CHUNK_REFS + used / ALIGNMENT);
}

/* The part of a hash that stands beside a reference. */
static uint32_t
hint_of(const struct index *index, uint64_t hash)
{
	return (uint32_t)(hash >> 32) & ~index->reference_mask;
}

static struct state_entry *
uid_entry(const struct index *index, size_t slot)
{
	return entry_at(index, index->uids[slot] & index->reference_mask);
}

/* Where the ring of uid is, or would be. */
static size_t
uid_slot(const struct index *index, uint64_t hash, const char *uid, size_t len)
{
	size_t slot = (size_t)hash & index->uid_mask;
	uint32_t hint = hint_of(index, hash);
	const struct state_entry *entry;

	for (; index->uids[slot] != 0; slot = (slot + 1) & index->uid_mask) {
		if ((index->uids[slot] & ~index->reference_mask) != hint)
			continue;
		entry = uid_entry(index, slot);
		if (entry->uid_len == len && memcmp(entry->uid, uid, len) == 0)
			break;
	}
	return slot;
}

/* Make the table anew, with another size or another width of references. */
static void
rebuild_uids(struct index *index, size_t size, uint32_t reference_mask)
{
	size_t old_size = index->uid_mask + 1, i, slot;
	uint32_t *old = index->uids, old_mask = index->reference_mask;
	const struct state_entry *entry;
	uint64_t hash;

	index->uids = xcalloc(size, sizeof(*index->uids));
	index->uid_mask = size - 1;
	index->reference_mask = reference_mask;
	for (i = 0; i < old_size; i++) {
		if (old[i] == 0)
			continue;
		entry = entry_at(index, old[i] & old_mask);
		hash = hash_uid(index, entry->uid, entry->uid_len);
		slot = (size_t)hash & index->uid_mask;
		while (index->uids[slot] != 0)
			slot = (slot + 1) & index->uid_mask;
		index->uids[slot] = hint_of(index, hash) | (old[i] & old_mask);
	}
	free(old);
}

static void
link_uid(struct index *index, struct state_entry *entry, uint32_t ref)
{
	size_t size = index->uid_mask + 1, slot;
	struct state_entry *last;
	uint64_t hash;

	if (entry->uid_len == 0)
		return;
	if (ref > index->reference_mask)
		rebuild_uids(index, size, index->reference_mask * 2 + 1);
	if (index->uid_count >= size / 4 * 3)
		rebuild_uids(index, 2 * size, index->reference_mask);
	hash = hash_uid(index, entry->uid, entry->uid_len);
	slot = uid_slot(index, hash, entry->uid, entry->uid_len);
	if (index->uids[slot] == 0) {
		entry->next = ref | RING_END;
		index->uid_count++;
	} else {
		last = uid_entry(index, slot);
		entry->next = last->next;
		last->next = ref;
	}
	index->uids[slot] = hint_of(index, hash) | ref;
}

struct state_entry *
index_add(struct index *index, uint32_t serial, const char *uid, size_t len)
{
	uint32_t ref = allocate(index, len);
	struct state_entry *entry = entry_at(index, ref);

	memset(entry, 0, sizeof(*entry));
	entry->serial = serial;
	entry->uid_len = (uint16_t)len;
	if (len > 0)
		memcpy(entry->uid, uid, len);
	link_uid(index, entry, ref);
	if (index->count == index->cap) {
		index->cap = index->cap == 0 ? 256 : index->cap * 2;
		index->order = xreallocarray(index->order, index->cap,
		    sizeof(*index->order));
	}
	index->order[index->count++] = ref;
	index->live++;
	return entry;
}

static uint64_t
at_most(uint64_t octets)
{
	return octets > STATE_UNSIZED ? STATE_OCTETS_MAX : octets;
}

void
index_set_sizes(struct state_entry *entry, uint64_t list_octets,
    uint64_t octets)
{
	entry->list_octets = at_most(list_octets) & STATE_UNSIZED;
	entry->octets = at_most(octets) & STATE_UNSIZED;
}

void
index_owe(struct state_entry *entry)
{
	entry->flags |= STATE_OWED;
	entry->flags &= (uint16_t) ~(STATE_GONE | STATE_SENT);
	entry->gone = 0;
}

void
index_gone(struct state_entry *entry, uint32_t when)
{
	entry->flags |= STATE_GONE;
	entry->flags &= (uint16_t) ~(STATE_OWED | STATE_SENT | STATE_DEADLY);
	entry->deletions = 0;
	entry->gone = when;
}

void
index_back(struct state_entry *entry)
{
	entry->flags &= (uint16_t)~STATE_GONE;
	entry->gone = 0;
}

void
index_sent(struct state_entry *entry)
{
	if (entry->flags & STATE_GONE)
		return;
	entry->flags |= STATE_SENT;
	entry->flags &= (uint16_t)~STATE_DEADLY;
}

void
index_deletion(struct state_entry *entry)
{
	index_sent(entry);
	if (!(entry->flags & STATE_GONE) && entry->deletions < UINT8_MAX)
		entry->deletions++;
}

void
index_refusal(struct state_entry *entry, bool deadly)
{
	if (entry->flags & STATE_GONE)
		return;
	entry->flags &= (uint16_t)~STATE_DEADLY;
	entry->flags |= deadly ? STATE_DEADLY : 0;
	if (entry->deletions < UINT8_MAX)
		entry->deletions++;
}

void
index_set_whole(struct index *index, struct state_entry *entry,
    const unsigned char whole[DIGEST_LEN])
{
	memcpy(entry->whole, whole, DIGEST_LEN);
	entry->flags |= STATE_WHOLE_ONLY;
	index->old++;
}

void
index_set_print(struct index *index, struct state_entry *entry, uint64_t octets,
    const struct fingerprint *print)
{
	if (entry->flags & STATE_WHOLE_ONLY)
		index->old--;
	entry->flags &= (uint16_t)~STATE_WHOLE_ONLY;
	entry->print = *print;
	index_set_sizes(entry, entry->list_octets, octets);
}

/* The place of serial in the order; count if there is none. */
static size_t
find_place(struct index *index, uint32_t serial)
{
	size_t low = 0, high = index->count, middle = index->hint + 1;
	uint32_t found;

	/* Records of a kind come in the order of their messages. */
	if (middle >= high)
		middle = high / 2;
	while (low < high) {
		found = entry_at(index, index->order[middle])->serial;
		if (found == serial)
			return index->hint = middle;
		if (found < serial)
			low = middle + 1;
		else
			high = middle;
		middle = low + (high - low) / 2;
	}
	return index->count;
}

struct state_entry *
index_rename(struct index *index, struct state_entry *entry, const char *uid,
    size_t len)
{
	uint32_t ref = allocate(index, len);
	struct state_entry *renamed = entry_at(index, ref);
	size_t place = find_place(index, entry->serial);

	memcpy(renamed, entry, offsetof(struct state_entry, uid));
	memcpy(renamed->uid, uid, len);
	renamed->uid_len = (uint16_t)len;
	link_uid(index, renamed, ref);
	index->order[place] = ref;
	entry->flags |= STATE_VOID;
	return renamed;
}

void
index_drop(struct index *index, struct state_entry *entry)
{
	if (entry->flags & STATE_VOID)
		return;
	entry->flags |= STATE_VOID;
	index->live--;
}

struct state_entry *
index_at(const struct index *index, size_t place)
{
	return entry_at(index, index->order[place]);
}

struct state_entry *
index_serial(struct index *index, uint32_t serial)
{
	size_t place = find_place(index, serial);

	return place == index->count ? NULL : index_at(index, place);
}

/* The first place at or behind serial. */
static size_t
find_behind(const struct index *index, uint32_t serial)
{
	size_t low = 0, high = index->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (index_at(index, middle)->serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_open(const struct state_entry *entry)
{
	return (entry->flags & (STATE_COMMITTED | STATE_VOID)) ==
	    STATE_COMMITTED;
}

bool
index_apply(struct index *index, uint32_t first, uint32_t last)
{
	struct state_entry *entry;
	bool found = false;
	size_t place;

	for (place = find_behind(index, first); place < index->count; place++) {
		entry = index_at(index, place);
		if (entry->serial > last)
			break;
		found = true;
		if (!is_open(entry))
			continue;
		entry->flags &= (uint16_t)~STATE_COMMITTED;
		entry->flags |= STATE_DELIVERED;
	}
	return found;
}

bool
index_is_open(const struct index *index, uint32_t first, uint32_t last)
{
	const struct state_entry *entry;
	size_t place;

	for (place = find_behind(index, first); place < index->count; place++) {
		entry = index_at(index, place);
		if (entry->serial > last)
			break;
		if (is_open(entry))
			return true;
	}
	return false;
}

/* The first that is not VOID, from ref on to the end of its ring. */
static struct state_entry *
first_live(const struct index *index, uint32_t ref)
{
	struct state_entry *entry;

	for (;; ref = entry->next) {
		entry = entry_at(index, ref);
		if (!(entry->flags & STATE_VOID))
			return entry;
		if (entry->next & RING_END)
			return NULL;
	}
}

struct state_entry *
index_uid(const struct index *index, const char *uid, size_t len)
{
	size_t slot;

	if (len == 0)
		return NULL;
	slot = uid_slot(index, hash_uid(index, uid, len), uid, len);
	if (index->uids[slot] == 0)
		return NULL;
	return first_live(index, uid_entry(index, slot)->next);
}

struct state_entry *
index_uid_next(const struct index *index, const struct state_entry *entry)
{
	if (entry->uid_len == 0 || entry->next & RING_END)
		return NULL;
	return first_live(index, entry->next);
}
