/* SPDX-License-Identifier: ISC */
/* UIDLs that several messages share (servers that hash headers). */
#ifndef FETCH_REPEATED_H
#define FETCH_REPEATED_H

struct listing;
struct state;

/*
 * A repeated UIDL whose occurrences and sizes equal what is recorded is seen:
 * its messages get LISTED_GROUP_SEEN.
 */
void repeated_mark(struct listing *listing, struct state *state);

#endif
