/* SPDX-License-Identifier: ISC */
/*
 * state: look at and change what is remembered about a mailbox. What it is to
 * do is its first operand; each of these is a row of a table.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/state_command.h"
#include "cli/state_print.h"
#include "cli/text.h"
#include "state/state.h"

enum {
	OPTION_FROM = 1,
	OPTION_ENTRY,
	OPTION_REPAIR
};

struct state_command *
state_command(struct cli *cli)
{
	return cli_data(cli, sizeof(struct state_command));
}

static int
state_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct state_command *data = state_command(cli);

	(void)err;
	if (id == OPTION_FROM)
		data->from = arg;
	else if (id == OPTION_ENTRY)
		data->entry = arg;
	else
		data->repair = true;
	return 0;
}

/* ---- where it is ---- */

/* --state, if it is all that says which mailbox is meant. */
static const char *
only_file(const struct cli *cli)
{
	const char *file = NULL;
	size_t i;

	if (cli->account_count > 0)
		return NULL;
	for (i = 0; i < cli->setting_count; i++)
		if (strcmp(cli->settings[i].setting->name, "state") == 0)
			file = cli->settings[i].value;
	return file;
}

static int
find_path(struct cli *cli, bool needs_account, struct err *err)
{
	struct state_command *data = state_command(cli);
	const char *file = needs_account ? NULL : only_file(cli);

	if (file != NULL) {
		data->path = xstrdup(file);
		return 0;
	}
	data->account = cli_account(cli, err);
	if (data->account == NULL)
		return -1;
	if (data->account->no_state)
		return err_set(err, EX_USAGE,
		    "%s: nothing is remembered with --no-state",
		    data->account->name);
	if (data->account->state_file != NULL)
		data->path = xstrdup(data->account->state_file);
	else
		data->path = state_default_path(data->account->identity, err);
	return data->path == NULL ? -1 : 0;
}

/* 1: it is there; 0: it may still come; -1: no account says that it may. */
static int
look_for_file(const struct state_command *data, struct err *err)
{
	if (access(data->path, F_OK) == 0 || errno != ENOENT)
		return 1;
	if (data->account != NULL)
		return 0;
	return err_set(err, EX_DATAERR, "there is no state %s", data->path);
}

int
state_command_open(struct state_command *data, enum state_mode mode,
    struct err *err)
{
	if (look_for_file(data, err) == -1)
		return -1;
	data->state = state_open(data->path,
	    data->account == NULL ? NULL : data->account->identity, mode, err);
	return data->state == NULL ? -1 : 0;
}

/* ---- path, list, export, check ---- */

static int
run_path(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);
	struct buf out = BUF_INIT;
	struct json json;

	(void)err;
	if (cli->json) {
		json_begin(&json, &out);
		json_string(&json, "path", data->path, strlen(data->path));
		json_end(&json);
		fwrite(out.data, 1, out.len, stdout);
		buf_clear(&out);
	} else {
		puts(data->path);
	}
	return 0;
}

static int
run_list(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);

	if (state_command_open(data, STATE_READ, err) == -1)
		return -1;
	state_print(data->state,
	    cli->json ? STATE_PRINT_JSON : STATE_PRINT_LIST);
	return 0;
}

static int
run_export(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);

	if (state_command_open(data, STATE_READ, err) == -1)
		return -1;
	state_print(data->state,
	    cli->json ? STATE_PRINT_JSON : STATE_PRINT_EXPORT);
	return 0;
}

static void
print_finding(void *arg, const char *text)
{
	const struct cli *cli = arg;
	struct buf out = BUF_INIT;
	struct json json;

	if (!cli->json) {
		puts(text);
		return;
	}
	json_begin(&json, &out);
	json_text(&json, "finding", text);
	json_end(&json);
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
}

static int
run_check(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);
	int findings, there = look_for_file(data, err);

	if (there == -1)
		return -1;
	if (there == 0) {
		log_info("there is no state %s yet", data->path);
		return 0;
	}
	findings =
	    state_check(data->path, data->repair, print_finding, cli, err);
	if (findings == -1)
		return -1;
	if (findings == 0)
		log_info("%s is sound", data->path);
	else if (data->repair)
		log_info("%s is repaired; the old one is %s.damaged",
		    data->path, data->path);
	else
		return err_set(err, EX_DATAERR,
		    "%s is damaged: poplar state check --repair keeps what is "
		    "valid",
		    data->path);
	return 0;
}

/* ---- forget ---- */

static int
forget_uid(struct state_command *data, const struct msgset_item *item,
    struct err *err)
{
	struct state_entry *entry, *next;
	char *text;

	entry = state_find(data->state, item->uid, item->uid_len);
	if (entry == NULL) {
		text = log_uid(item->uid, item->uid_len);
		log_error("uid:%s is not in the state", text);
		free(text);
		data->status = err_worse(data->status, EX_UNAVAILABLE);
	}
	for (; entry != NULL; entry = next) {
		next = state_next(data->state, entry);
		if (entry->flags & STATE_COMMITTED)
			return err_set(err, EX_TEMPFAIL,
			    "a delivery is unfinished: run poplar fetch "
			    "first");
		state_forget(data->state, entry);
	}
	return 0;
}

int
state_command_operands(struct cli *cli, struct msgset *set, bool *only_uids,
    struct err *err)
{
	size_t i;

	if (cli_messages(cli, set, err) == -1)
		return -1;
	*only_uids = true;
	for (i = 0; i < set->count; i++)
		if (set->items[i].kind != MSGSET_UID)
			*only_uids = false;
	if (set->count == 0)
		return err_set(err, EX_USAGE, "which messages?");
	return 0;
}

static int
run_forget(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);
	struct msgset set = MSGSET_INIT;
	bool only_uids;
	size_t i;
	int result = -1;

	if (state_command_operands(cli, &set, &only_uids, err) == -1)
		goto out;
	if (!only_uids) {
		err_set(err, EX_USAGE,
		    "state forget takes uid:UIDL only, as state list shows "
		    "them");
		goto out;
	}
	if (state_command_open(data, STATE_WRITE, err) == -1)
		goto out;
	for (i = 0; i < set.count; i++)
		if (forget_uid(data, &set.items[i], err) == -1)
			goto out;
	result = state_sync(data->state, err);
out:
	msgset_clear(&set);
	return result;
}

/* ---- all ---- */

static const struct action {
	const char *name;
	bool takes_operands, needs_account;
	/* 0, or -1 with err; more may have been reported in status */
	int (*run)(struct cli *cli, struct err *err);
} actions[] = {
	{ "path", false, false, run_path },
	{ "list", false, false, run_list },
	{ "check", false, false, run_check },
	{ "forget", true, false, run_forget },
	{ "mark-seen", true, true, state_mark_seen },
	{ "export", false, false, run_export },
	{ "import", true, true, state_import },
};

static const struct action *
find_action(const struct cli *cli, struct err *err)
{
	size_t i;

	if (cli->operand_count == 0) {
		err_set(err, EX_USAGE,
		    "state does what? path, list, check, forget, mark-seen, "
		    "export or import");
		return NULL;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, cli->operands[0]) != 0)
			continue;
		if (cli->operand_count == 1 || actions[i].takes_operands)
			return &actions[i];
		err_set(err, EX_USAGE, "state %s takes no operand %s",
		    actions[i].name, cli->operands[1]);
		return NULL;
	}
	err_set(err, EX_USAGE,
	    "state %s is not one of path, list, check, forget, mark-seen, "
	    "export, import",
	    cli->operands[0]);
	return NULL;
}

/* Options of one action are not for the others. */
static int
check_options(const struct state_command *data, const struct action *action,
    struct err *err)
{
	if (data->repair && strcmp(action->name, "check") != 0)
		return err_set(err, EX_USAGE,
		    "--repair goes with state check only");
	if ((data->from != NULL || data->entry != NULL) &&
	    strcmp(action->name, "import") != 0)
		return err_set(err, EX_USAGE,
		    "--from and --entry go with state import only");
	return 0;
}

static int
state_run(struct cli *cli)
{
	struct state_command *data = state_command(cli);
	struct err err = ERR_INIT;
	const struct action *action = find_action(cli, &err);
	int status;

	if (action == NULL || check_options(data, action, &err) == -1)
		return cli_fail(&err);
	data->now = (uint32_t)time(NULL);
	/* What follows sees the operands of the action only. */
	cli->operands++;
	cli->operand_count--;
	if (find_path(cli, action->needs_account, &err) == 0)
		(void)action->run(cli, &err);
	cli->operands--;
	cli->operand_count++;
	state_close(data->state);
	account_free(data->account);
	free(data->path);
	status = data->status;
	if (err.status != 0)
		status = err_worse(status, cli_fail(&err));
	return err_worse(status, cli_finish_output());
}

static const struct option_def state_options[] = {
	{ "from", 0, "TOOL", "import: mpop, fetchmail, getmail or fdm",
	    OPTION_FROM },
	{ "entry", 0, "USER@HOST", "import: the account's name in that file",
	    OPTION_ENTRY },
	{ "repair", 0, NULL, "check: write a new file of what is valid",
	    OPTION_REPAIR },
	{ NULL, 0, NULL, NULL, 0 },
};

const struct command command_state = {
	.name = "state",
	.operands = "ACTION [MESSAGE...|FILE]",
	.summary = "show and change what is remembered: path, list, check, "
		   "forget, mark-seen, export, import",
	.examples = "poplar state list\n"
		    "poplar state mark-seen all -a work\n",
	.options = state_options,
	.flags = COMMAND_ACCOUNT,
	.run = state_run,
	.option = state_option,
};
