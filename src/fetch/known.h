/* SPDX-License-Identifier: ISC */
/* Has a message that was retrieved been delivered before? The digest tells. */
#ifndef FETCH_KNOWN_H
#define FETCH_KNOWN_H

#include <stddef.h>

struct job;
struct run;
struct state_entry;

/* In an entry's scratch: a message of this session is this entry's. */
#define KNOWN_CLAIMED 0x80000000u

/*
 * The record a message that is to be compared belongs to, and that no other
 * message of this session has claimed; NULL: it is new.
 */
struct state_entry *known_find(struct run *run, const struct job *job);
/* How many times these octets under this UIDL have been delivered already,
 * those before it in its batch counted. */
unsigned int known_copies(struct run *run, const struct job *job,
    struct job *const *before, size_t n);

#endif
