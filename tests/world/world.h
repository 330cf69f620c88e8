/* SPDX-License-Identifier: ISC */
/*
 * A small world: up to three messages, a server with some character, other
 * clients, and poplar's real decision and journal without sockets and files.
 * The search (search.c) plays every history of so many events in it.
 */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/mailbox.h"

#define LETTERS_MAX 3
#define JOURNAL_MAX 16384
#define NOW 1000u

/* How the server names messages, and what else is odd about it. */
enum mode {
	MODE_UNIQUE,
	MODE_SLOT,   /* the lowest UIDL that is free */
	MODE_HASH,   /* a UIDL of the size alone */
	MODE_ALIKE,  /* the same UIDL for all */
	MODE_NONE,   /* no UIDL */
	MODE_STATUS, /* unique; RETR writes Status into the message */
	MODE_NO_TOP, /* the lowest that is free, and no TOP */
	MODES
};

/* A message that was offered. */
struct letter {
	uint8_t content; /* 0, 1: of one size; 2: of another */
	uint8_t uid;     /* 0: none */
	bool here;
	bool marked;  /* when it was marked it had not been delivered */
	bool missed;  /* a session has shown that it is gone */
	bool hidden;  /* a listing left it out */
	bool seen;    /* mark-seen saw it, delivered or not */
	bool unsized; /* its size was not told once */
	bool may_go;  /* its deletion was asked for once */
	bool owed;    /* by --delete, and nothing has changed that */
	bool deleted_by_us;
	bool has_status;
	uint8_t delivered;
	/* in this session */
	bool read, dele;
};

/* What was found, a bit each. */
enum finding {
	FOUND_DELETED, /* never delivered, and deleted by us */
	FOUND_MARKED,  /* the same of a marked one */
	FOUND_UNASKED, /* delivered, to be kept, and deleted */
	FOUND_DOUBLE,
	FOUND_UNWANTED, /* marked, and delivered all the same */
	FOUND_NEVER,    /* never delivered, and nothing is said */
	FOUND_UNDELETED,
	FOUND_JOURNAL, /* what is read is not what was written */
	FINDINGS
};
const char *finding_name(enum finding finding);

struct world {
	enum mode mode;
	struct letter letters[LETTERS_MAX];
	size_t count;
	bool gave_up;    /* deleting something, and said so */
	bool odd;        /* wrong sizes, or none; deletions in vain */
	bool blind;      /* UIDLs have changed, or a session went without */
	bool renumbered; /* all UIDLs are others; the user knows */
	unsigned int found;
	size_t journal_len;
	char journal[JOURNAL_MAX]; /* last: only what is used is copied */
};

/* ---- memory.c: the files of src/state, in memory ---- */

/* The journal of this world is what is opened from now on. */
void memory_use(struct world *world);

/* ---- server.c ---- */

void server_begin(void);
void server_end(void);
bool server_arrive(struct world *world, unsigned int content);
bool server_lose(struct world *world, unsigned int nth); /* another client */
bool server_renumber(struct world *world);
/* Indices of letters that are there, in their order. Returns how many. */
size_t server_list(const struct world *world, size_t here[LETTERS_MAX]);
const char *server_uid(const struct letter *letter);
uint64_t server_size(const struct letter *letter);
/* RETR or TOP of it as it is now; RETR may change it. */
struct shown server_retr(struct world *world, struct letter *letter);
struct shown server_top(const struct letter *letter);
const unsigned char *server_key(void);

/* ---- client.c ---- */

enum task {
	TASK_KEEP,
	TASK_DELETE,
	TASK_AGE,  /* --delete-after, and all is old enough */
	TASK_SEEN, /* delete seen */
	TASK_MARK  /* mark-seen all */
};

struct session {
	enum task task;
	bool no_uidl, no_list; /* refused, this time */
	bool limit;            /* --limit 1 */
	bool no_large;         /* --max-size: not content 2 */
	bool short_size;       /* LIST says more than comes */
	bool expire;           /* EXPIRE 0: QUIT deletes what was read */
	bool quit_lost;        /* QUIT is carried out, and not answered */
	bool vain;             /* QUIT is answered, and nothing deleted */
	bool hides;            /* the first message is not listed, this time */
	unsigned int cut;      /* the line is lost before this RETR; 0: not */
};

/* Exit status of poplar. */
int client_run(struct world *world, const struct session *session);
/* Write the journal anew. */
void client_compact(struct world *world);
/* What the journal says, in a number; what was at the last close, in another
 * that knows no order. */
uint64_t client_digest(struct world *world);
extern bool client_is_verbose;
void client_end(void);

/* ---- oracle.c ---- */

/* A complete listing was taken in; compared: of what was read there are the
 * octets, too. */
void oracle_listed(struct world *world, const size_t *listed, size_t n,
    bool compared);
/* By mark-seen, which listed it. */
void oracle_marked(struct world *world, size_t index);
/* It is there, and was not listed: what was to become of it is forgotten. */
void oracle_hidden(struct world *world, size_t index);
/* By the DELE of a task, or (asked false) by the server itself. */
void oracle_deleted(struct world *world, size_t index, enum task task,
    bool asked);
/* After the last sessions, which ended with status. */
void oracle_judge(struct world *world, enum task last, int status);

#endif
