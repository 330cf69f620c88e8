/* SPDX-License-Identifier: ISC */
/*
 * A session's listing joined with the records of the state, and the one
 * decision that follows from both: what becomes of each message. decide() and
 * settle() are described in poplar-delivery(7), "Identity". Nothing here but
 * listing.c speaks to a server, and nothing knows the time but what it is told.
 */
#ifndef MAILBOX_MAILBOX_H
#define MAILBOX_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/fingerprint.h"

struct msgset;
struct pop3;
struct prints;
struct state;
struct state_entry;

enum verdict {
	VERDICT_NONE,   /* the server does not list it */
	VERDICT_NEW,    /* nothing was ever recorded under its UIDL */
	VERDICT_SEEN,   /* delivered or marked before */
	VERDICT_LOOK,   /* TOP n 0 tells; else VERDICT_COMPARE */
	VERDICT_COMPARE /* RETR, and mailbox_settle() tells */
};

/* Flags of a message. */
#define MESSAGE_LISTED 0x0001  /* the server named this number */
#define MESSAGE_SIZED 0x0002   /* octets are known */
#define MESSAGE_FIRST 0x0004   /* of its group */
#define MESSAGE_ALONE 0x0008   /* the only one of its group */
#define MESSAGE_PAIRED 0x0010  /* entry is its record */
#define MESSAGE_SOLE 0x0020    /* entry is the only record it can be */
#define MESSAGE_OPEN 0x0040    /* FIRST: mailbox_settle() may be asked */
#define MESSAGE_SETTLED 0x0080 /* it was asked */
#define MESSAGE_DUE 0x0100     /* to be deleted, once there is proof */
#define MESSAGE_PROVED 0x0200  /* there is */
#define MESSAGE_CHOSEN 0x0400  /* for the caller */
#define MESSAGE_WANTED 0x2000  /* delete: among those to be deleted */
#define MESSAGE_LOOKED 0x4000  /* FIRST: planned to be looked at */
#define MESSAGE_SKIPPED 0x0800 /* reported as skipped */
#define MESSAGE_FAILED 0x1000  /* reported as failed */

/* A group is what the server lists under one UIDL. */
struct message {
	struct state_entry *entry; /* the first of its UIDL, but see flags */
	uint64_t octets : 48;      /* by LIST, if MESSAGE_SIZED */
	uint64_t uid_len : 16;     /* 0: no UIDL */
	uint32_t uid_at;           /* in text, without an entry */
	uint32_t next;             /* the next of its group plus 1, or 0 */
	uint16_t flags;
	uint8_t verdict;
};

/* What is due to be deleted, and what counts. */
struct mailbox_policy {
	bool owed;      /* delete what is owed */
	bool delivered; /* delete all that was delivered */
	bool by_age;    /* and is older: first seen at older_than or before */
	uint32_t older_than; /* seconds since 1970 */
	bool renumbered;     /* --renumbered: UIDLs may all be other ones */
	uint32_t now;
};

struct mailbox {
	struct message *messages; /* number n is messages[n - 1]; owned */
	size_t count;             /* the highest number */
	size_t room;              /* allocated */
	char *text;               /* UIDLs without an entry; owned */
	size_t text_len, text_room;
	uint64_t stat_count;
	uint64_t named;          /* how many numbers the server named */
	bool has_uidl, has_list; /* the command is served */
	bool uidl_asked, list_asked;
	struct err refusal; /* of the last listing that was refused */
	bool complete;      /* UIDL ended, and named as many as STAT said */
	bool stat_odd;      /* STAT was answered with nonsense */
	bool sizes_odd;     /* a size was no number */

	struct state *state; /* borrowed; may be NULL */
	struct mailbox_policy policy;
	bool strangers; /* records that have no listed UIDL may be a message */
	struct prints *prints; /* owned; made when first asked for */
	uint64_t *sizes;       /* owned; for deciding */
	size_t sizes_room;
};

/* ---- listing.c: ask a server ---- */

#define MAILBOX_STAT 0x1 /* STAT, and CAPA as it is after login */
#define MAILBOX_UIDL 0x2
#define MAILBOX_LIST 0x4
#define MAILBOX_ALL (MAILBOX_STAT | MAILBOX_UIDL | MAILBOX_LIST)

/*
 * Ask what is wanted in one go where that is sure, and join it with state.
 * mailbox: zero, or as an earlier call left it. A listing that is refused is no
 * error: see mailbox->refusal. -1: lost; STAT refused; UIDL or LIST refused for
 * the moment (EX_TEMPFAIL); a number twice or out of range (EX_PROTOCOL).
 */
int mailbox_ask(struct mailbox *mailbox, struct pop3 *pop3, struct state *state,
    unsigned int want, struct err *err);
/* MAILBOX_UIDL, MAILBOX_LIST of one message. -1: refused, too. */
int mailbox_ask_one(struct mailbox *mailbox, struct pop3 *pop3, uint32_t num,
    unsigned int want, struct err *err);
/*
 * UIDL was refused by a server that has given UIDLs before: EX_TEMPFAIL, since
 * nothing can be told from that. 0 with policy->renumbered.
 */
int mailbox_check_uidl(const struct mailbox *mailbox,
    const struct mailbox_policy *policy, const struct pop3 *pop3,
    struct err *err);

/* ---- mailbox.c: what is listed ---- */

#define MAILBOX_NUMBER_MAX (1u << 20)

/* Begin a listing. What an earlier one took is used again. */
void mailbox_begin(struct mailbox *mailbox, struct state *state);
void mailbox_clear(struct mailbox *mailbox);
/* A line of UIDL, of LIST, or a number alone. false: out of range, or twice. */
bool mailbox_take_uid(struct mailbox *mailbox, uint32_t num, const char *uid,
    size_t len);
bool mailbox_take_size(struct mailbox *mailbox, uint32_t num, uint64_t octets);
bool mailbox_take_number(struct mailbox *mailbox, uint32_t num);
/* All lines have come: form the groups. */
void mailbox_join(struct mailbox *mailbox);
/* The UIDL of message index (number - 1); "" without one. */
const char *mailbox_uid(const struct mailbox *mailbox, size_t index,
    size_t *len);
/* STATE_UNSIZED if the server did not tell. */
uint64_t mailbox_size(const struct mailbox *mailbox, size_t index);
/* The first message of its group: index. */
size_t mailbox_first(const struct mailbox *mailbox, size_t index);
/* Is there another message with its UIDL? */
bool mailbox_is_repeated(const struct mailbox *mailbox, size_t index);

/* ---- decide.c ---- */

/*
 * Give every message its verdict, and MESSAGE_DUE. Records that a complete
 * listing lacks become gone, and are forgotten a month later.
 */
void mailbox_decide(struct mailbox *mailbox,
    const struct mailbox_policy *policy);
/* Is the deletion of this record due? */
bool mailbox_is_due(const struct mailbox_policy *policy,
    const struct state *state, const struct state_entry *entry);
/* Is it short, on a server whose sizes are to be believed? */
bool mailbox_is_short(const struct state *state,
    const struct state_entry *entry);

/* The decision itself, on what counts of a group. */
struct group {
	size_t listed, live, sent, gone;
	bool
	    same_sizes; /* of what is listed and what is live, as far as told */
	bool is_short;  /* a live record is */
	bool has_print; /* a single record has what TOP can be compared with */
	bool strangers; /* records outside the group may be one of it */
};
enum verdict mailbox_verdict(const struct group *group);

/* ---- settle.c ---- */

/* What TOP n 0 or RETR has shown of a message. */
struct shown {
	struct fingerprint print;
	unsigned char whole[DIGEST_LEN]; /* if there are old records */
	uint64_t octets;                 /* RETR: as received */
};

/*
 * TOP of a message that is alone in its group (shown NULL: refused). The
 * verdict becomes SEEN, with its record and proof; or COMPARE.
 */
void mailbox_look(struct mailbox *mailbox, size_t index,
    const struct shown *shown);
/*
 * TOP of all messages of a group, in the order of its chain from its first
 * message. SEEN with records and proof, or COMPARE for all.
 */
void mailbox_look_group(struct mailbox *mailbox, size_t first,
    const struct shown *shown, size_t n);
/* This one will be retrieved, whatever its verdict. */
void mailbox_open(struct mailbox *mailbox, size_t index);
/*
 * A message was retrieved. Its record, which learns what is new of it; or
 * NULL: it is new. Each record answers for one message.
 */
struct state_entry *mailbox_settle(struct mailbox *mailbox, size_t index,
    const struct shown *shown);
/* Has any record these octets? Before mailbox_decide(). */
bool mailbox_is_recorded(const struct mailbox *mailbox,
    const struct shown *shown);
/* Which copy of the same octets under the same UIDL a delivery is, from 0. */
unsigned int mailbox_next_copy(struct mailbox *mailbox, size_t index,
    const struct shown *shown);
/* It is about to be delivered: marked records that told nothing are dropped. */
void mailbox_delivering(struct mailbox *mailbox, size_t index);
/* It was delivered as entry. */
void mailbox_delivered(struct mailbox *mailbox, size_t index,
    struct state_entry *entry);
/*
 * The session has done all it was to do: records of wholly compared groups
 * that no message claimed are gone.
 */
void mailbox_finish(struct mailbox *mailbox);

/* ---- choose.c: message sets ---- */

/* Does the set name it? new: what fetch would retrieve; seen: VERDICT_SEEN. */
bool mailbox_is_chosen(const struct mailbox *mailbox, size_t index,
    const struct msgset *set);
/*
 * Call missing once for each item of set that names a message which is not
 * listed (EX_UNAVAILABLE). One of a range is enough; a range without end and
 * words may mean none. Returns how many.
 */
size_t mailbox_missing(const struct mailbox *mailbox, const struct msgset *set,
    void (*missing)(void *arg, const struct err *err), void *arg);
/*
 * Record the messages of set that are not recorded as seen; sent records count
 * as gone. known: those that were recorded already. Messages without a UIDL
 * cannot be recorded. Returns how many were.
 */
size_t mailbox_mark(struct mailbox *mailbox, const struct msgset *set,
    size_t *known);

#endif
