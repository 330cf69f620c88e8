/* SPDX-License-Identifier: ISC */
/*
 * What has been delivered: one journal an identity (poplar-state(5)), its lock,
 * and the index of it in memory. Memory is about 80 octets a message.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/fingerprint.h"

struct err;
struct state;

enum state_mode {
	STATE_READ, /* no lock, nothing is written; no file: empty */
	STATE_WRITE /* lock, made if missing, torn tail cut and synced */
};

/* Flags of an entry. */
#define STATE_COMMITTED 0x01   /* C without A: needs recovery */
#define STATE_DELIVERED 0x02   /* in its destination, durably or nearly so */
#define STATE_MARKED 0x04      /* mark-seen or import: not delivered by us */
#define STATE_OWED 0x08        /* to be deleted on the server */
#define STATE_UNDELETABLE 0x10 /* three DELEs were not carried out */
#define STATE_SHORT 0x20       /* fewer octets than LIST said, not confirmed */
#define STATE_GONE 0x40        /* a complete listing lacked it */
#define STATE_VOID 0x80        /* forgotten or never applied: skipped */
#define STATE_SENT 0x100       /* DELE and QUIT accepted: expected to be gone */
#define STATE_WHOLE_ONLY 0x200 /* an old record: whole, not print */
#define STATE_DEADLY 0x400     /* its last DELE ended the session */

/* What the state remembers about the server. */
#define STATE_SERVER_ESTIMATES 0x01 /* sizes are no more than estimates */
#define STATE_SERVER_LOCKSTEP                                                  \
	0x02                      /* it offers PIPELINING and loses commands   \
				   */
#define STATE_SERVER_EXPIRES 0x04 /* the user was told of EXPIRE */

/* The most that an entry tells of a size; what is larger counts as this. */
#define STATE_OCTETS_MAX ((UINT64_C(1) << 48) - 2)
/* The server did not tell the size. */
#define STATE_UNSIZED ((UINT64_C(1) << 48) - 1)

/*
 * One message, or one copy of a repeated one. The fields up to uid are for
 * reading; they change through the calls below only, but for those of the
 * session, which are mailbox's (0 at open).
 */
struct state_entry {
	uint64_t list_octets : 48; /* by LIST, or STATE_UNSIZED */
	uint64_t copy : 16;
	uint64_t octets : 48;  /* as received, CRLF as two */
	uint64_t uid_len : 16; /* 0: the server gave none */
	union {                /* of the octets delivered; not with MARKED */
		struct fingerprint print;
		unsigned char whole[DIGEST_LEN]; /* with WHOLE_ONLY */
	};
	uint32_t next;   /* state_next()'s */
	uint32_t serial; /* names the entry in the journal */
	uint32_t time;   /* first seen, seconds since 1970 */
	uint32_t gone;   /* since when, with GONE */
	uint32_t listed; /* session: a message of this UIDL, or 0 */
	uint16_t flags;
	uint8_t deletions; /* sessions with a DELE that changed nothing */
	uint8_t claimed;   /* session: see mailbox.h */
	char uid[];        /* octets, not ended */
};

/* What a C or D record says beyond the entry. Borrowed strings. */
struct state_record {
	const char *kind; /* "maildir", "mbox", "pipe", "lmtp", "stdout" */
	const char *path; /* absolute; the command; the address; "-" */
	uint64_t device;
	const char *name;  /* final name in new/ (without directory), or "" */
	const char *spool; /* file in tmp/, or FILE:OFFSET:LENGTH of an mbox
			      batch, or "" */
	const char *uid;
	size_t uid_len;
	uint64_t list_octets; /* or STATE_UNSIZED */
	uint64_t octets;
	struct fingerprint print;
	uint16_t copy;
	uint32_t time;
	bool is_short; /* STATE_SHORT */
	bool is_owed;  /* STATE_OWED: the run that delivers it deletes it */
};

/* An M record: an append to an mbox is about to begin. */
struct state_mark {
	const char *path;
	uint64_t device, inode, before, length;
	unsigned char digest[DIGEST_LEN]; /* of the octets to be appended */
	uint32_t first, last;             /* serials of its messages */
};

/*
 * The file of an identity below $XDG_STATE_HOME/poplar (or the home's
 * .local/state): made 0700 on STATE_WRITE. The caller frees. NULL: EX_CONFIG
 * without a home.
 */
char *state_default_path(const char *identity, struct err *err);

/*
 * Open and load. identity is checked against the header's (EX_DATAERR if
 * another's); NULL: whatever it says, and no new file. EX_TEMPFAIL the lock is
 * held, EX_DATAERR damaged (the sentence says `poplar state check --repair`),
 * EX_CANTCREAT or EX_IOERR cannot be made or written (found here, before any
 * login). NULL on error.
 */
struct state *state_open(const char *path, const char *identity,
    enum state_mode mode, struct err *err);
/* One that was made by state_open and never written to goes away again. */
void state_close(struct state *state);
const unsigned char *state_key(const struct state *state); /* DIGEST_KEY_LEN */
const char *state_path(const struct state *state);
bool state_is_empty(const struct state *state); /* no live entry at all */
size_t state_count(const struct state *state);  /* live entries */
/* Has any entry a UIDL? Has any of them only the digest of old records? */
bool state_has_uids(const struct state *state);
bool state_has_old(const struct state *state);

/* Entries of one UIDL, newest last, VOID ones left out; NULL ends. */
struct state_entry *state_find(const struct state *state, const char *uid,
    size_t len);
struct state_entry *state_next(const struct state *state,
    const struct state_entry *entry);
/* Every live entry in journal order; -1 from fn ends and is returned. */
typedef int state_each_fn(void *arg, struct state_entry *entry);
int state_each(struct state *state, state_each_fn *fn, void *arg);

/*
 * Step 3: C records in one write, synced (so that the A records before it are
 * durable too). entries gets n new entries. -1: EX_IOERR; the journal has been
 * cut back; end the run.
 */
int state_commit(struct state *state, const struct state_record *records,
    size_t n, struct state_entry **entries, struct err *err);
/* Step 5: an A record for each run of serials, in one write, not synced. */
int state_applied(struct state *state, struct state_entry *const *entries,
    size_t n, struct err *err);
/* A delivery in one record (pipe, LMTP, stdout), not synced. */
int state_delivered(struct state *state, const struct state_record *record,
    struct state_entry **entry, struct err *err);
/* Recovery found nothing of it: the message is to be fetched again. */
int state_void(struct state *state, struct state_entry *entry, struct err *err);
/* M, synced. */
int state_mark(struct state *state, const struct state_mark *mark,
    struct err *err);
/* Everything appended so far is durable. No-op if nothing is unsynced. */
int state_sync(struct state *state, struct err *err);

/*
 * Events in the life of an entry; each appends a record, buffered until the
 * next state_sync or state_commit. They cannot fail on their own.
 */
void state_owe(struct state *state,
    struct state_entry *entry); /* it is there: clears GONE and SENT */
void state_deletion(struct state *state,
    struct state_entry *entry); /* DELE and QUIT were +OK: SENT, counted */
/* DELE was +OK, and what became of QUIT is not known: SENT. */
void state_sent(struct state *state, struct state_entry *entry);
/* A DELE was refused, or ended the session: counted, and still owed. */
void state_refusal(struct state *state, struct state_entry *entry);
void state_deadly(struct state *state, struct state_entry *entry);
void state_undeletable(struct state *state, struct state_entry *entry);
void state_gone(struct state *state, struct state_entry *entry,
    uint32_t now); /* clears OWED, SENT and the count of deletions */
void state_back(struct state *state, struct state_entry *entry);
void state_forget(struct state *state, struct state_entry *entry);
void state_whole(struct state *state,
    struct state_entry *entry); /* clears SHORT */
void state_learn_uid(struct state *state, struct state_entry **entry,
    const char *uid, size_t len); /* the entry may move */
/* The server lists it with another size now. */
void state_learn_size(struct state *state, struct state_entry *entry,
    uint64_t list_octets);
/* It came with other octets than before, or is an old record. */
void state_learn_print(struct state *state, struct state_entry *entry,
    uint64_t octets, const struct fingerprint *print);
/* list_octets may be STATE_UNSIZED. */
struct state_entry *state_add_marked(struct state *state, const char *uid,
    size_t len, uint64_t list_octets, uint32_t time);

/*
 * In how many runs has RETR of the message with this UIDL come to nothing,
 * without a refusal? Set to 0 once it has come.
 */
unsigned int state_vain(const struct state *state, const char *uid, size_t len);
void state_set_vain(struct state *state, const char *uid, size_t len,
    unsigned int runs, uint32_t now);

/* STATE_SERVER_... */
unsigned int state_server(const struct state *state);
void state_set_server(struct state *state, unsigned int fact);
/* How often a message that seemed short has proved to be whole. */
unsigned int state_proved(const struct state *state);

/* Not before (seconds since 1970): the server answered [LOGIN-DELAY]. 0: none.
 */
uint32_t state_login_after(const struct state *state);
void state_set_login_after(struct state *state, uint32_t when);
/* When a session first ended with everything done; 0: never yet. */
uint32_t state_listed(const struct state *state);
void state_set_listed(struct state *state, uint32_t when);

/* C without A as found at open, in journal order, for recovery. Strings are the
 * state's until it is closed. */
struct state_pending {
	struct state_entry *entry;
	const char *kind, *path, *name, *spool;
	uint64_t device;
	bool marked; /* an M record covers it: mark is set */
	struct state_mark mark;
};
size_t state_pending(const struct state *state,
    const struct state_pending **pending);

/* Rewrite when dead lines outnumber live ones by 1000 (or force). A failure is
 * -1 with a sentence; the old file stays. */
int state_compact(struct state *state, bool force, struct err *err);

/*
 * Read a journal without taking it for true: one call of note a finding ("line
 * 12: checksum"). Returns how many, -1 unreadable. repair: write a new one of
 * the valid lines beside it, keep the old as PATH.damaged, swap (under the
 * lock).
 */
int state_check(const char *path, bool repair,
    void (*note)(void *arg, const char *text), void *arg, struct err *err);

#endif
