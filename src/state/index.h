/* SPDX-License-Identifier: ISC */
/*
 * The entries of a journal in memory: found by UIDL, by serial and by digest.
 * Entries lie in chunks and do not move; a reference is 32 bits wide.
 */
#ifndef STATE_INDEX_H
#define STATE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

struct state_entry;

struct index {
	char **chunks; /* owned */
	size_t chunk_count;
	size_t chunk_used; /* octets of the last one */

	uint32_t *order; /* owned; references by rising serial */
	size_t count, cap;
	size_t hint; /* where the last serial was found */
	size_t live; /* entries that are not VOID */

	/*
	 * owned; a reference a UIDL, 0: free. What reference_mask leaves of
	 * the 32 bits holds bits of the hash, so that few entries are looked
	 * at in vain.
	 */
	uint32_t *uids;
	uint32_t reference_mask;
	size_t uid_mask, uid_count;
	uint64_t seed[2];

	/* made when first asked for */
	uint32_t *digests;      /* owned; a place in order a digest, plus 1 */
	uint32_t *digest_links; /* owned; beside order */
	size_t digest_mask, digest_count;
};

/* expected entries, roughly; key seeds the hash, against chosen UIDLs. */
void index_init(struct index *index, size_t expected,
    const unsigned char key[DIGEST_KEY_LEN]);
void index_clear(struct index *index);

/* A new entry, zero but for serial and UIDL; serials must rise. */
struct state_entry *index_add(struct index *index, uint32_t serial,
    const char *uid, size_t len);
/* By LIST and as received. */
void index_set_sizes(struct state_entry *entry, uint64_t list_octets,
    uint64_t octets);
/* To be called once the digest is set, and not for entries without. */
void index_digest_set(struct index *index, const struct state_entry *entry);
/* Replace an entry by one with another UIDL; the old one turns VOID. */
struct state_entry *index_rename(struct index *index, struct state_entry *entry,
    const char *uid, size_t len);
/* Its deletion is owed, so it is there. */
void index_owe(struct state_entry *entry);
/* Turn VOID. */
void index_drop(struct index *index, struct state_entry *entry);

/* What is committed of the serials from first to last turns DELIVERED. false:
 * there are no such serials. */
bool index_apply(struct index *index, uint32_t first, uint32_t last);
/* Is an entry with a serial from first to last committed and not applied? */
bool index_is_open(const struct index *index, uint32_t first, uint32_t last);

/* By place in the order of serials, 0 to count - 1; VOID ones too. */
struct state_entry *index_at(const struct index *index, size_t place);
/* NULL: none has it. VOID ones are found. */
struct state_entry *index_serial(struct index *index, uint32_t serial);
struct state_entry *index_uid(const struct index *index, const char *uid,
    size_t len);
struct state_entry *index_uid_next(const struct index *index,
    const struct state_entry *entry);
struct state_entry *index_digest(struct index *index,
    const unsigned char digest[DIGEST_LEN]);
struct state_entry *index_digest_next(struct index *index,
    const struct state_entry *entry);

#endif
