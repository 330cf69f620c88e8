/* SPDX-License-Identifier: ISC */
/* Which messages to retrieve, which to delete: listing, state, options. */
#ifndef FETCH_PLAN_H
#define FETCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;
struct err;
struct listing;
struct msgset;
struct pop3;
struct report;
struct run;
struct state;
struct state_entry;

#define PLAN_COMPARE 0x01    /* the digest decides whether it is new */
#define PLAN_DELIBERATE 0x02 /* asked for by number: deliver it again */
#define PLAN_DELETE 0x04     /* DELE it when it is safe (or known) */
#define PLAN_CAREFUL 0x08    /* alone, with a sentinel */
#define PLAN_DONE 0x10       /* delivered, known or failed in this run */
#define PLAN_FAILED 0x20     /* with DONE: do not try again */
#define PLAN_DUE 0x80 /* its deletion is due, if it is what we delivered */
#define PLAN_SUBMITTED 0x40 /* its RETR is in the queue of this session */
#define PLAN_TAKEN 0x100    /* an earlier session of this run had it planned */

/* One message to be retrieved; the rest of it stands in the listing. */
struct plan_item {
	uint32_t num; /* in this session */
	uint16_t flags;
	uint8_t losses; /* connections lost while it was at the head */
};

/* One message to be deleted without being retrieved. */
struct plan_removal {
	struct state_entry *entry;
	uint32_t num;
};

struct plan {
	struct plan_item *items; /* owned */
	size_t count, room;
	struct plan_removal *removals; /* owned */
	size_t removal_count, removal_room;
	bool made;        /* wholly: the items can be trusted */
	bool is_explicit; /* chosen by number or uid:, not through the state */
};

/*
 * Make run->plan from run->listing. What an earlier session of this run
 * found out is carried over (carry.h).
 * -1: EX_UNAVAILABLE no such message, EX_USAGE more than one for --stdout,
 * EX_TEMPFAIL renumbered or the state lost, or the session's.
 */
int plan_make(struct run *run, struct err *err);
/* Of the listing that the plan was made from; "" without a UIDL. */
const char *plan_uid(const struct run *run, const struct plan_item *item,
    size_t *len);
uint64_t plan_octets(const struct run *run, const struct plan_item *item);
/* Add a deletion to the plan. */
void plan_remove(struct plan *plan, uint32_t num, struct state_entry *entry);
/* Is a deletion due, as far as the state can tell? */
bool plan_is_due(const struct run *run, const struct state_entry *entry);
/* Every number and UIDL that set names must be listed. -1: EX_UNAVAILABLE. */
int plan_check_named(const struct msgset *set, const struct listing *listing,
    struct err *err);
void plan_clear(struct plan *plan);

/* Was it first seen at least age_s seconds ago? Not if the clock went back. */
bool plan_is_older(const struct state_entry *entry, uint64_t age_s);

#endif
