/* SPDX-License-Identifier: ISC */
/*
 * What one session of a run tells the next: numbers change and listings are
 * asked again, so messages are known by UIDL and size.
 */
#ifndef FETCH_CARRY_H
#define FETCH_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_item;
struct run;
struct carried;

struct carry {
	struct carried *items; /* owned, like their UIDLs */
	size_t count, room;
	bool is_explicit; /* nothing but the items is to be retrieved */
};

/* Before the listing goes: take over what the plan knows, and end the plan. */
void carry_remember(struct run *run);
/*
 * The next plan is made: give it what was taken over. An explicit set is not
 * made again but relearned: only what is left of it is taken, and it is told
 * if some of that is not listed any more.
 */
void carry_over(struct run *run);
/* Was the message that has this number now asked for by number or uid:? */
bool carry_is_deliberate(const struct run *run, uint32_t num);
/* The same for one that is added to the plan after that. */
void carry_take(struct run *run, struct plan_item *item);
void carry_clear(struct carry *carry);

#endif
