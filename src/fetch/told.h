/* SPDX-License-Identifier: ISC */
/*
 * What a run has told of a message that it passed over or failed at is told
 * once, however many sessions the run takes. The listing has it as flags
 * (MESSAGE_SKIPPED, MESSAGE_FAILED); here it outlives the listing.
 */
#ifndef FETCH_TOLD_H
#define FETCH_TOLD_H

#include <stddef.h>
#include <stdint.h>

struct mailbox;

struct told {
	uint64_t *messages; /* owned, sorted */
	size_t count, room;
};

/* This listing is about to go. */
void told_keep(struct told *told, const struct mailbox *mailbox);
/* A new one has come: its messages have the flags again, told is empty. */
void told_carry(struct told *told, struct mailbox *mailbox);
void told_clear(struct told *told);

#endif
