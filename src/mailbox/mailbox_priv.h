/* SPDX-License-Identifier: ISC */
/* What the files of this room share. */
#ifndef MAILBOX_MAILBOX_PRIV_H
#define MAILBOX_MAILBOX_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;
struct message;
struct prints;
struct shown;
struct state_entry;

/* Values of an entry's claimed. */
enum {
	CLAIM_NONE,
	CLAIM_TAKEN,  /* a message of this session is this record's */
	CLAIM_DROPPED /* marked, and tells nothing: see prints_new() */
};

/* What a record can be to a message that is compared. */
enum kinship {
	KIN_LIVE,
	KIN_SENT,
	KIN_GONE
};

/* Neither sent nor gone. */
bool entry_is_live(const struct state_entry *entry);
/* The next message of a group after index, or SIZE_MAX. */
size_t group_next(const struct mailbox *mailbox, size_t index);
/* What the messages of a group are called in prints: 0 without a UIDL. */
uint32_t group_name(const struct mailbox *mailbox, size_t index);

/*
 * prints.c: the records that messages may be compared with, found by group,
 * kinship and digest without walking over equals.
 */
struct prints *prints_new(struct mailbox *mailbox);
void prints_free(struct prints *prints);
/* An unclaimed record with these digests, or NULL. */
struct state_entry *prints_find(struct prints *prints, uint32_t group,
    enum kinship kinship, const struct shown *shown);
/* Is the record one of these octets? Not for marked ones. */
bool entry_has_octets(const struct state_entry *entry,
    const struct shown *shown);
/* An unclaimed marked record of this size, or of unknown size. */
struct state_entry *prints_find_marked(struct prints *prints, uint32_t group,
    uint64_t octets);
/* How many there are with this header and body, and one more from now on. */
unsigned int prints_count_copy(struct prints *prints, uint32_t group,
    const struct shown *shown);
/* Forget the marked records of this group and size that tell nothing. */
void prints_drop_marked(struct prints *prints, struct mailbox *mailbox,
    uint32_t group, uint64_t octets);

#endif
