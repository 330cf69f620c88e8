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

#include "base/buf.h"

struct cli;
struct err;
struct session;

struct message {
	uint32_t num;
	bool has_octets, has_uid;
	enum {
		MESSAGE_UNKNOWN, /* there is no UIDL to go by */
		MESSAGE_NEW,
		MESSAGE_SEEN,
		MESSAGE_OWED /* delivered, and its deletion is owed */
	} state;
	uint32_t uid_len;
	uint64_t octets;
	size_t uid_at; /* in selection.uids */
};

struct selection {
	struct message *messages; /* by number; owned */
	size_t count;
	struct buf uids;
	int status; /* EX_UNAVAILABLE if a message named does not exist */
};

#define SELECT_OCTETS 0x01 /* LIST */
#define SELECT_UIDS 0x02   /* UIDL; -1 if the server refuses it */
#define SELECT_STATE 0x04  /* UIDL and the state, where they can be had */

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

/* The UIDL's octets, or NULL; the selection's. */
const char *select_uid(const struct selection *selection,
    const struct message *message);

#endif
