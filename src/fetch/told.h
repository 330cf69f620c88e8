/* SPDX-License-Identifier: ISC */
/*
 * What a run has told of a message that it passed over or failed at is told
 * once, however many sessions the run takes. The listing has it as flags
 * (MESSAGE_SKIPPED, MESSAGE_FAILED); here it outlives the listing.
 */
#ifndef FETCH_TOLD_H
#define FETCH_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;

struct told {
	uint64_t *messages; /* owned, sorted */
	size_t count, room;
	uint64_t *warnings; /* owned; hashes of their texts */
	size_t warning_count;
};

/* This listing is about to go. */
void told_keep(struct told *told, const struct mailbox *mailbox);
/* A new one has come: its messages have the flags again, told is empty. */
void told_carry(struct told *told, struct mailbox *mailbox);
/* Is this warning new in this run? From now on it is not. */
bool told_first(struct told *told, const char *text);
void told_clear(struct told *told);

#endif
