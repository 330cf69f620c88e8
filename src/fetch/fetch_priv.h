/* SPDX-License-Identifier: ISC */
/* One fetch of one account: what the files of this room share. */
#ifndef FETCH_FETCH_PRIV_H
#define FETCH_FETCH_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/deliver.h"
#include "fetch/carry.h"
#include "fetch/fetch.h"
#include "fetch/plan.h"
#include "fetch/report.h"
#include "fetch/told.h"
#include "mailbox/mailbox.h"
#include "pop3/pop3.h"
#include "session/session.h"

struct fingerprinter;
struct state;
struct state_entry;

/*
 * A batch closes at one of these (poplar-delivery(7)). The first is small,
 * to get something home; later ones share their syncs among more, as many as
 * one write to the journal may hold.
 */
#define BATCH_FIRST 64
#define BATCH_MESSAGES 192
#define BATCH_OCTETS (32 * 1024 * 1024)
#define BATCH_MS 2000
/* In lock-step a sentinel costs a round trip, so it waits longer. */
#define LOCKSTEP_MESSAGES 32
#define LOCKSTEP_PART 16
#define LOCKSTEP_MS 15000

/* One message on its way, from RETR until its tmp name is gone. */
struct job {
	struct job *next; /* in its batch, or among the free ones */
	struct run *run;
	struct batch *batch;
	struct plan_item *plan;
	struct pop3_request request;
	struct deliver_item item;
	bool begun;   /* item has a file */
	bool held;    /* and may have it open */
	bool whole;   /* item holds the whole message */
	bool suspect; /* the reply may be another message's */
	bool no_room; /* where it is to go */
	struct shown shown;
	unsigned int copy;
	struct state_entry *known; /* asked for again */
	struct state_entry *entry; /* once committed */
};

enum batch_stage {
	BATCH_OPEN,     /* RETRs are still added */
	BATCH_CLOSED,   /* its sentinel is under way */
	BATCH_VERIFIED, /* may be committed */
	BATCH_SUSPECT   /* may not */
};

enum sentinel {
	SENTINEL_UIDL,
	SENTINEL_LIST,
	SENTINEL_NONE
};

struct batch {
	struct batch *next;
	struct run *run;
	enum batch_stage stage;
	struct job *first, **last;
	size_t count;
	uint64_t octets; /* by LIST */
	int64_t since;   /* when its first RETR went in; deadline.h */
	bool doubtful;   /* octets alone cannot show a shift by one */
	/* the sentinel: UIDL n or LIST n */
	struct pop3_request sentinel;
	enum sentinel asked_by;
	const struct plan_item *asked;
	bool answered_right;
};

/* A DELE under way; the pool of them is reused. */
struct dele {
	struct dele *next;
	struct run *run;
	struct state_entry *entry; /* NULL: not recorded */
	uint32_t num;
	struct pop3_request request;
};

/* A DELE that was accepted in this session. */
struct dele_done {
	struct state_entry *entry;
	uint32_t num;
};

struct run {
	struct account *account;
	const struct fetch_options *options; /* NULL: the delete command */
	bool dry_run;
	const struct report *report;
	struct report_summary *summary;
	struct state *state;
	struct deliver *deliver;
	bool records; /* deliveries are recorded (stdout: only of new) */
	struct fingerprinter *printer;
	struct session session;
	struct mailbox mailbox;
	struct told told; /* of listings that are gone */
	struct plan plan;
	struct carry carry;
	int64_t until_ms;

	/* retrieving */
	struct batch *batches, **last_batch; /* oldest first */
	struct batch *open;                  /* the last one, if it is open */
	struct batch *unreleased; /* committed, A records not yet durable */
	struct job *free_jobs;
	size_t next;       /* in the plan */
	uint64_t unjudged; /* messages whose size a policy wants to know */
	uint64_t previous_octets;
	enum sentinel sentinel;
	unsigned int losses;  /* connections lost in this run */
	unsigned int stalls;  /* of these, by silence, since something came */
	unsigned int longer;  /* messages that were longer than LIST said */
	bool lost_seen;       /* the first request of a dead session was told */
	uint64_t done_before; /* delivered and deleted before this session */
	bool login_delayed;   /* the server wants a pause between logins */
	unsigned int unanswered; /* sessions in a row that got nothing done */
	bool one_by_one; /* each message is a batch, to be taken with care */
	bool trying_lockstep; /* commands that were pipelined went unanswered */
	unsigned int no_room; /* messages in a row that did not fit */
	struct err no_room_err;
	struct err fault; /* local: nothing more may be delivered */
	bool logged_in;   /* once at least: it is worth coming back */
	bool final;       /* another session would end the same way */
	bool retrieving;  /* once at least: the listings make sense */
	bool stopping;    /* a signal: drain and end */
	int64_t stop_at;
	int64_t spoken_at; /* when the server was last spoken to */
	struct pop3_request noop;
	uint64_t uncommitted; /* retrieved in this session, not applied */
	uint32_t probed;      /* retrieved to look at it, new; 0: none */
	uint32_t doubted; /* retrieved alone, and it looks like a reply; or 0 */
	struct fingerprint doubted_print;
	size_t held;     /* jobs that may have a file open */
	size_t held_max; /* so that there are descriptors for all of them */
	struct report_progress progress;

	/* removing */
	size_t deferred; /* deletions that have ended a session */
	size_t risks;    /* how many such may be tried in this session */
	struct dele *free_deles;
	struct dele_done *dele_done; /* owned */
	size_t dele_done_count, dele_done_room;
};

/* Tell the caller what became of a message; counted in the summary. */
void run_message(struct run *run, const struct plan_item *plan,
    enum report_outcome outcome, const char *name, const struct err *err);
/* The same of a listed message, by number; deletion: of one that is planned. */
void run_listed(struct run *run, uint32_t num, enum report_outcome outcome,
    bool deletion);
/* A failure that ends nothing: told, and the status remembered. */
void run_warn(struct run *run, const struct err *err);
void run_status(struct run *run, int status);

/* run.c: what fetch and delete share around a session. */
const char *run_tmpdir(void); /* $TMPDIR if it is absolute, else /tmp */
int run_open_state(struct run *run, bool write, struct err *err);
int run_open_session(struct run *run, struct err *err);
/* Ask the listings; what was reported of an earlier one is carried over. */
int run_list(struct run *run, struct err *err);
/*
 * QUIT, unless it could delete what was not kept (EXPIRE 0, Gmail), and what
 * its answer means for the deletions. -1: it was refused or lost.
 */
int run_quit(struct run *run, struct err *err);
/* Without QUIT. */
void run_leave(struct run *run);
void run_free(struct run *run);

/* What is due to be deleted, as account says. */
void run_policy(const struct run *run, struct mailbox_policy *policy);

/*
 * look.c: TOP n 0 of every message that the plan wants to look at, and its
 * DELE if it is what was delivered. What it is not is to be retrieved: it is
 * added to the plan (retrieve false), or retrieved here, only to be compared.
 * -1: the session.
 */
int look(struct run *run, bool compare_here, struct err *err);

/* filter.c: --filter over the plan. -1: the session. */
int filter_plan(struct run *run, struct err *err);

/* recover.c: bring what an earlier run left to its end. 0 or -1. */
int recover(struct run *run, struct err *err);

/* What the server lists of it. */
const struct message *job_message(const struct job *job);

/*
 * retrieve.c: everything in run->plan, deletions too. 0: all that could be
 * done has been done (see the items); -1: the session or a local fault
 * (run->fault) ended it. What is whole and verified has been committed, the
 * rest of the items can be planned again.
 */
int retrieve(struct run *run, struct err *err);

/*
 * keepalive.c, with a struct run: serve the line for up to ms while a child
 * works; and for base/offload.h, while syncs last. What callbacks of requests
 * do then comes between two lines of a commit: none may change the state or
 * sync.
 */
void keepalive_pump(void *arg, int ms);
bool keepalive_is_busy(void *arg);
void keepalive_work(void *arg, int fd);

/*
 * commit.c: sync, journal, apply, journal. The batch is the callee's from now
 * on. -1: a local fault, nothing more may be sent for these messages.
 */
int commit_batch(struct run *run, struct batch *batch, struct err *err);
/* Nothing of the batch will be delivered: its files go. */
void commit_abandon(struct run *run, struct batch *batch);
/* Make the last A records durable and remove the last tmp names. */
int commit_finish(struct run *run, struct err *err);
/* The same after a fault: the files stay, for recovery. */
void commit_leave(struct run *run);
/* Its file goes. */
void commit_drop(struct run *run, struct job *job);
/* A message that will not be delivered; err says why. Its file goes. */
void commit_fail(struct run *run, struct job *job, const struct err *err);

/* dele.c: queue a DELE. Lost ones stay owed; refused ones are told. */
void dele_submit(struct run *run, struct state_entry *entry, uint32_t num);
/*
 * DELE message index if its deletion is due and there is proof, or report it
 * as planned. After three DELEs that changed nothing: said once, and not tried
 * again.
 */
void dele_due(struct run *run, size_t index);
enum quit {
	QUIT_OK,
	QUIT_UNKNOWN, /* not answered: all may be gone, or none */
	QUIT_NONE     /* not sent, or refused: they are there */
};
/* The session has ended: what that means for the deletions in it. */
void dele_settle(struct run *run, enum quit quit);
void dele_free(struct run *run);

#endif
