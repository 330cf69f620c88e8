/* SPDX-License-Identifier: ISC */
/* What the files of `poplar state` share. */
#ifndef CLI_STATE_COMMAND_H
#define CLI_STATE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "state/state.h"

struct account;
struct cli;
struct err;
struct msgset;

struct state_command {
	const char *from, *entry;
	bool repair;
	/* from here on: of the action that runs */
	char *path;              /* owned */
	struct account *account; /* owned; NULL if --state alone was given */
	struct state *state;     /* owned; NULL unless the action opens it */
	int status;              /* of what was reported on the way */
	uint32_t now;
	size_t added, known;
	const struct msgset *set; /* mark-seen */
	int missing;              /* status: it names what is not listed */
	struct buf slashed; /* import: listed UIDLs with a "/", LF after each */
};

struct state_command *state_command(struct cli *cli);
/* data->state. -1: EX_DATAERR where no account says that it may still come. */
int state_command_open(struct state_command *data, enum state_mode mode,
    struct err *err);
/* The operands as a set; *only_uids: none needs the server. */
int state_command_operands(struct cli *cli, struct msgset *set, bool *only_uids,
    struct err *err);

/* state_mark.c: two actions. 0, or -1 with err; more may have been reported in
 * status. */
int state_mark_seen(struct cli *cli, struct err *err);
int state_import(struct cli *cli, struct err *err);

#endif
