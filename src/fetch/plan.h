/* SPDX-License-Identifier: ISC */
/* Which messages to retrieve, which to delete: listing, state, options. */
#ifndef FETCH_PLAN_H
#define FETCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;
struct err;
struct run;

#define PLAN_DELIBERATE 0x02 /* asked for by number: deliver it again */
#define PLAN_CAREFUL 0x08    /* alone, with a sentinel */
#define PLAN_DONE 0x10       /* delivered, known or failed in this run */
#define PLAN_FAILED 0x20     /* with DONE: do not try again */
#define PLAN_SUBMITTED 0x40  /* its RETR is in the queue of this session */
#define PLAN_TAKEN 0x100     /* an earlier session of this run had it planned */

/* One message to be retrieved; the rest of it stands in the listing. */
struct plan_item {
	uint32_t num; /* in this session */
	uint16_t flags;
	uint8_t losses; /* connections lost while it was at the head */
};

struct plan {
	struct plan_item *items; /* owned */
	size_t count, room;
	uint32_t *looks; /* owned; the first message of each group: its index */
	size_t look_count, look_room;
	bool made;        /* wholly: the items can be trusted */
	bool is_explicit; /* chosen by number or uid:, not through the state */
};

/*
 * Make run->plan from run->mailbox, whose verdicts this asks for. What an
 * earlier session of this run found out is carried over (carry.h).
 * -1: EX_USAGE more than one for --stdout, EX_TEMPFAIL renumbered, or the
 * session's.
 */
int plan_make(struct run *run, struct err *err);
/* Of the listing that the plan was made from; "" without a UIDL. Octets: 0 if
 * they are not known. */
const char *plan_uid(const struct run *run, const struct plan_item *item,
    size_t *len);
uint64_t plan_octets(const struct run *run, const struct plan_item *item);
/* Retrieve message index, unless its size forbids it. */
void plan_add(struct run *run, size_t index, unsigned int flags);
/* Look at the group of message index, once. */
void plan_look(struct run *run, size_t index);
/* Is it one more than --limit and --max-bytes allow, after those that were
 * delivered and count messages of sum octets? */
bool plan_is_enough(const struct run *run, uint64_t count, uint64_t sum,
    uint64_t octets);
/* By number again, after more was added. */
void plan_sort(struct run *run);
void plan_clear(struct plan *plan);

#endif
