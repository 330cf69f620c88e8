/* SPDX-License-Identifier: ISC */
/* What the server says it holds (STAT, UIDL, LIST), laid beside the state. */
#ifndef FETCH_LISTING_H
#define FETCH_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pop3;
struct state;
struct state_entry;

#define LISTED_HERE 0x1       /* the server named this number */
#define LISTED_SIZED 0x2      /* octets are known */
#define LISTED_REPEATED 0x4   /* another message has the same UIDL */
#define LISTED_GROUP_SEEN 0x8 /* and all of them are as recorded */
#define LISTED_CHOSEN 0x10    /* delete: it goes */
#define LISTED_SKIPPED 0x20   /* told: passed over */
#define LISTED_FAILED 0x40    /* told: failed */

struct listed {
	struct state_entry *entry; /* the first of this UIDL; NULL: none */
	uint64_t octets;           /* by LIST, if LISTED_SIZED */
	uint32_t uid_at;           /* in text, without an entry */
	uint16_t uid_len;          /* 0: no UIDL */
	uint16_t flags;
};

struct listing {
	struct listed *messages; /* number n is messages[n - 1]; owned */
	size_t count;            /* the highest number */
	size_t room;             /* allocated */
	char *text;              /* UIDLs without an entry; owned */
	size_t text_len, text_room;
	uint64_t stat_count;
	uint64_t named;          /* how many numbers the server named */
	bool has_uidl, has_list; /* the command is served */
	bool list_asked;
	bool complete; /* terminated, and as many as STAT said */
	bool repeated; /* some UIDL stands there twice */
	bool stat_odd; /* STAT was answered with nonsense */
};

/*
 * Ask CAPA (as it is after login), STAT and UIDL in one go where that is sure,
 * and LIST too if sizes. state may be NULL. Entries' scratch counts how often
 * their UIDL is listed. -1: lost, refused STAT, a number twice or out of range
 * (EX_PROTOCOL). listing: zero, or as an earlier call left it.
 */
int listing_ask(struct listing *listing, struct pop3 *pop3, struct state *state,
    bool sizes, struct err *err);
/* LIST, if it was not asked yet. Refused: has_list is false, no error. */
int listing_sizes(struct listing *listing, struct pop3 *pop3, struct err *err);
void listing_clear(struct listing *listing);

/* For qsort and bsearch: uint64_t, as the sizes are. */
int listing_compare_octets(const void *a, const void *b);

/* The UIDL of message index (number - 1). */
const char *listing_uid(const struct listing *listing, size_t index,
    size_t *len);

#endif
