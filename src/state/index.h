/* SPDX-License-Identifier: ISC */
/*
 * The entries of a journal in memory: found by UIDL and by serial.
 * Entries lie in chunks and do not move; a reference is 32 bits wide.
 */
#ifndef STATE_INDEX_H
#define STATE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/fingerprint.h"

struct state_entry;

struct index {
	char **chunks; /* owned */
	size_t chunk_count;
	size_t chunk_used; /* octets of the last one */

	uint32_t *order; /* owned; references by rising serial */
	size_t count, cap;
	size_t hint; /* where the last serial was found */
	size_t live; /* entries that are not VOID */
	size_t old;  /* with WHOLE_ONLY, VOID ones too */

	/*
	 * owned; a reference a UIDL, 0: free. What reference_mask leaves of
	 * the 32 bits holds bits of the hash, so that few entries are looked
	 * at in vain.
	 */
	uint32_t *uids;
	uint32_t reference_mask;
	size_t uid_mask, uid_count;
	uint64_t seed[2];
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
/* Replace an entry by one with another UIDL; the old one turns VOID. */
struct state_entry *index_rename(struct index *index, struct state_entry *entry,
    const char *uid, size_t len);
/* Mark it as owed. An owed message is listed: clears GONE and SENT. */
void index_owe(struct state_entry *entry);
/* A complete listing lacks it. */
void index_gone(struct state_entry *entry, uint32_t when);
void index_back(struct state_entry *entry);
/* DELE and QUIT were accepted. */
void index_deletion(struct state_entry *entry);
/* A DELE came to nothing. */
void index_sent(struct state_entry *entry);
void index_refusal(struct state_entry *entry, bool deadly);
/* The digest of an old record; and what replaces it. */
void index_set_whole(struct index *index, struct state_entry *entry,
    const unsigned char whole[DIGEST_LEN]);
void index_set_print(struct index *index, struct state_entry *entry,
    uint64_t octets, const struct fingerprint *print);
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

#endif
