/* SPDX-License-Identifier: ISC */
/*
 * state: look at and change what is remembered about a mailbox. What it is to
 * do is its first operand; each of these is a row of a table.
 */
#include <errno.h>
#include <inttypes.h>
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
#include "cli/select.h"
#include "cli/state_print.h"
#include "cli/text.h"
#include "session/session.h"
#include "state/import.h"
#include "state/state.h"

enum {
	OPTION_FROM = 1,
	OPTION_ENTRY,
	OPTION_REPAIR
};

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
	struct buf slashed; /* import: listed UIDLs with a "/", LF after each */
};

/* Of an entry in this run: it is an occurrence's, which was new or was not. */
enum {
	TAKEN_NEW = 1,
	TAKEN_KNOWN
};

static struct state_command *
data_of(struct cli *cli)
{
	return cli_data(cli, sizeof(struct state_command));
}

static int
state_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct state_command *data = data_of(cli);

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
	struct state_command *data = data_of(cli);
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

static int
open_state(struct state_command *data, enum state_mode mode, struct err *err)
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
	struct state_command *data = data_of(cli);
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
	struct state_command *data = data_of(cli);

	if (open_state(data, STATE_READ, err) == -1)
		return -1;
	state_print(data->state,
	    cli->json ? STATE_PRINT_JSON : STATE_PRINT_LIST);
	return 0;
}

static int
run_export(struct cli *cli, struct err *err)
{
	struct state_command *data = data_of(cli);

	if (open_state(data, STATE_READ, err) == -1)
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
	struct state_command *data = data_of(cli);
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
		text = text_uid(item->uid, item->uid_len);
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

/* The operands as a set; *only_uids: none needs the server. */
static int
read_operands(struct cli *cli, struct msgset *set, bool *only_uids,
    struct err *err)
{
	size_t i;

	for (i = 0; i < cli->operand_count; i++)
		if (msgset_add(set, cli->operands[i], err) == -1)
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
	struct state_command *data = data_of(cli);
	struct msgset set = MSGSET_INIT;
	bool only_uids;
	size_t i;
	int result = -1;

	if (read_operands(cli, &set, &only_uids, err) == -1)
		goto out;
	if (!only_uids) {
		err_set(err, EX_USAGE,
		    "state forget takes uid:UIDL only, as state list shows "
		    "them");
		goto out;
	}
	if (open_state(data, STATE_WRITE, err) == -1)
		goto out;
	for (i = 0; i < set.count; i++)
		if (forget_uid(data, &set.items[i], err) == -1)
			goto out;
	result = state_sync(data->state, err);
out:
	msgset_clear(&set);
	return result;
}

/* ---- mark-seen ---- */

/*
 * One occurrence of a UIDL: it takes an entry that no other occurrence has
 * taken, or a new one.
 */
static void
mark_uid(struct state_command *data, const char *uid, size_t len, uint32_t time)
{
	struct state_entry *entry = state_find(data->state, uid, len);

	while (entry != NULL && entry->scratch != 0)
		entry = state_next(data->state, entry);
	if (entry == NULL) {
		entry = state_add_marked(data->state, uid, len, time);
		entry->scratch = TAKEN_NEW;
		data->added++;
	} else {
		state_back(data->state, entry);
		entry->scratch = TAKEN_KNOWN;
		data->known++;
	}
}

static int
mark_listed(struct cli *cli, struct session *session, struct err *err)
{
	struct state_command *data = data_of(cli);
	const struct message *message;
	struct selection selection;
	int status = -1;
	size_t i;

	if (select_messages(cli, session, SELECT_UIDS, &selection, err) == 0) {
		status = selection.status;
		for (i = 0; i < selection.count; i++) {
			message = &selection.messages[i];
			if (message->has_uid && message->uid_len > 0)
				mark_uid(data, select_uid(&selection, message),
				    message->uid_len, data->now);
		}
	}
	select_clear(&selection);
	return status;
}

static int
run_mark_seen(struct cli *cli, struct err *err)
{
	struct state_command *data = data_of(cli);
	struct msgset set = MSGSET_INIT;
	bool only_uids;
	size_t i;
	int result = -1;

	if (read_operands(cli, &set, &only_uids, err) == -1 ||
	    open_state(data, STATE_WRITE, err) == -1)
		goto out;
	if (only_uids) {
		for (i = 0; i < set.count; i++)
			mark_uid(data, set.items[i].uid, set.items[i].uid_len,
			    data->now);
	} else {
		data->status = cli_visit(cli, mark_listed);
	}
	result = state_sync(data->state, err);
	if (result == 0 && data->status == 0)
		log_info("%zu marked as seen, %zu were already", data->added,
		    data->known);
out:
	msgset_clear(&set);
	return result;
}

static int
import_uid(void *arg, const char *uid, size_t len, uint32_t time)
{
	struct state_command *data = arg;

	mark_uid(data, uid, len, time == 0 ? data->now : time);
	return 0;
}

/* ---- getmail's files have "-" for "/" ---- */

static int
find_dash(void *arg, const char *uid, size_t len, uint32_t time)
{
	bool *found = arg;

	(void)time;
	*found = *found || memchr(uid, '-', len) != NULL;
	return 0;
}

static int
keep_slashed(struct cli *cli, struct session *session, struct err *err)
{
	struct state_command *data = data_of(cli);
	struct selection selection;
	const char *uid;
	int result;
	size_t i;

	result = select_messages(cli, session, SELECT_UIDS, &selection, err);
	for (i = 0; result == 0 && i < selection.count; i++) {
		uid = select_uid(&selection, &selection.messages[i]);
		if (uid == NULL ||
		    memchr(uid, '/', selection.messages[i].uid_len) == NULL)
			continue;
		buf_append(&data->slashed, uid, selection.messages[i].uid_len);
		buf_append(&data->slashed, "\n", 1);
	}
	select_clear(&selection);
	return result;
}

/*
 * Only the server can tell which "-" was a "/". Asked before anything is
 * taken, and not at all if no id of the file has one.
 */
static int
ask_for_slashes(struct cli *cli, const char *file, struct err *err)
{
	struct state_command *data = data_of(cli);
	bool found = false;

	if (import_read(data->from, file, NULL, NULL, find_dash, &found, err) ==
	    -1)
		return -1;
	if (found) {
		cli->operand_count = 0; /* all messages */
		data->status = cli_visit(cli, keep_slashed);
		cli->operand_count = 1;
	}
	return data->status == 0 ? 0 : -1;
}

/* This listed UIDL has a "/": its entry, if the file had it, gets it too. */
static void
restore_slash(struct state_command *data, const char *uid, size_t len)
{
	struct state_entry *entry;
	char *written = xstrndup(uid, len);
	size_t i;

	for (i = 0; i < len; i++)
		if (written[i] == '/')
			written[i] = '-';
	entry = state_find(data->state, written, len);
	free(written);
	if (entry == NULL || entry->scratch == 0 ||
	    !(entry->flags & STATE_MARKED))
		return;
	if (state_find(data->state, uid, len) == NULL) {
		state_learn_uid(data->state, &entry, uid, len);
		return;
	}
	if (entry->scratch == TAKEN_NEW) {
		data->added--;
		data->known++;
	}
	state_forget(data->state, entry);
}

static void
restore_slashes(struct state_command *data)
{
	const char *uid = buf_text(&data->slashed), *lf;

	for (; (lf = strchr(uid, '\n')) != NULL; uid = lf + 1)
		restore_slash(data, uid, (size_t)(lf - uid));
}

/* ---- import ---- */

/* Whose UIDLs: --entry, or the account's. The caller frees *user. */
static int
entry_names(const struct state_command *data, char **user, const char **host,
    struct err *err)
{
	const char *at;

	*user = NULL;
	if (data->entry == NULL) {
		*host = data->account->host;
		if (data->account->user != NULL && *host != NULL)
			*user = xstrdup(data->account->user);
		else
			*host = NULL;
		return 0;
	}
	at = strrchr(data->entry, '@');
	if (at == NULL)
		return err_set(err, EX_USAGE, "--entry wants USER@HOST, not %s",
		    data->entry);
	*user = xstrndup(data->entry, (size_t)(at - data->entry));
	*host = at + 1;
	return 0;
}

static void
print_import(const struct cli *cli, const struct state_command *data)
{
	struct buf out = BUF_INIT;
	struct json json;

	log_info("%zu imported, %zu were known", data->added, data->known);
	if (!cli->json)
		return;
	json_begin(&json, &out);
	json_number(&json, "imported", data->added);
	json_number(&json, "known", data->known);
	json_end(&json);
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
}

static int
run_import(struct cli *cli, struct err *err)
{
	struct state_command *data = data_of(cli);
	const char *file, *host = NULL;
	char *user = NULL;
	int result = -1;

	if (data->from == NULL || cli->operand_count != 1)
		return err_set(err, EX_USAGE,
		    "state import wants --from mpop, fetchmail, getmail or "
		    "fdm, and one file");
	file = cli->operands[0];
	if (entry_names(data, &user, &host, err) == 0 &&
	    open_state(data, STATE_WRITE, err) == 0 &&
	    (strcmp(data->from, "getmail") != 0 ||
		ask_for_slashes(cli, file, err) == 0) &&
	    import_read(data->from, file, user, host, import_uid, data, err) !=
		-1) {
		restore_slashes(data);
		result = state_sync(data->state, err);
	}
	free(user);
	buf_clear(&data->slashed);
	if (result == 0)
		print_import(cli, data);
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
	{ "mark-seen", true, true, run_mark_seen },
	{ "export", false, false, run_export },
	{ "import", true, true, run_import },
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
	struct state_command *data = data_of(cli);
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
	.options = state_options,
	.flags = COMMAND_ACCOUNT,
	.run = state_run,
	.option = state_option,
};
