/* SPDX-License-Identifier: ISC */
/*
 * Which messages of a mailbox a command is about. The server is asked only what
 * the set or the command needs: LIST, UIDL, or neither.
 */
#ifndef CLI_SELECT_H
#define CLI_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox/mailbox.h"

struct cli;
struct err;
struct session;
struct state;

/* A message that was chosen. */
struct selected {
	uint32_t num;
	bool has_octets, has_uid;
	enum {
		SELECTED_UNKNOWN, /* fetch decides when it has seen more of it
				   */
		SELECTED_NEW,
		SELECTED_SEEN,
		SELECTED_OWED /* delivered, and its deletion is owed */
	} state;
	uint64_t octets;
	const char *uid; /* the mailbox's; NULL without */
	size_t uid_len;
};

struct selection {
	uint32_t *nums; /* of the messages, rising; owned */
	size_t count;
	struct mailbox mailbox;
	struct state *state; /* owned; NULL if it was not asked for */
	const char *account;
	int status; /* EX_UNAVAILABLE if a message named does not exist */
};

#define SELECT_OCTETS 0x01 /* LIST */
#define SELECT_UIDS 0x02   /* UIDL; -1 if the server refuses it */
#define SELECT_STATE 0x04  /* all that fetch would ask, and the state */

/* Before anything is connected: are all operands messages? -1: EX_USAGE. */
int select_check(const struct cli *cli, struct err *err);

/*
 * The messages that the operands of cli name; all, if there are none. One that
 * does not exist is reported, and counts in selection->status. 0, or -1: what
 * is needed cannot be had. selection may be cleared after either.
 */
int select_messages(struct cli *cli, struct session *session, unsigned int want,
    struct selection *selection, struct err *err);
void select_clear(struct selection *selection);
/* The one at place, 0 to count - 1. */
struct selected select_get(const struct selection *selection, size_t place);

#endif
