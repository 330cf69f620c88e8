/* SPDX-License-Identifier: ISC */
/*
 * state mark-seen and import: messages that were never delivered by poplar and
 * are to count as seen, one by one or from another tool's file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/select.h"
#include "cli/state_command.h"
#include "mailbox/mailbox.h"
#include "session/session.h"
#include "state/import.h"

/* Of an entry in this run: it is an occurrence's, which was new or was not. */
enum {
	TAKEN_NEW = 1,
	TAKEN_KNOWN
};

/*
 * One occurrence of a UIDL: it takes an entry that no other occurrence has
 * taken, or a new one.
 */
static void
mark_uid(struct state_command *data, const char *uid, size_t len, uint32_t time)
{
	struct state_entry *entry = state_find(data->state, uid, len);

	while (entry != NULL && entry->claimed != 0)
		entry = state_next(data->state, entry);
	if (entry == NULL) {
		entry = state_add_marked(data->state, uid, len, STATE_UNSIZED,
		    time);
		entry->claimed = TAKEN_NEW;
		data->added++;
	} else {
		state_back(data->state, entry);
		entry->claimed = TAKEN_KNOWN;
		data->known++;
	}
}

static void
report_missing(void *arg, const struct err *err)
{
	struct state_command *data = arg;
	struct err copy = *err;

	(void)err_prefix(&copy, "%s", data->account->name);
	data->missing = cli_fail(&copy);
}

/* Ask what is listed, and record of it what is not recorded. */
static int
mark_listed(struct cli *cli, struct session *session, struct err *err)
{
	struct state_command *data = state_command(cli);
	struct mailbox_policy policy = { .now = data->now };
	struct mailbox mailbox = { 0 };
	int status = -1;
	size_t known;

	if (mailbox_ask(&mailbox, session->pop3, data->state, MAILBOX_ALL,
		err) == 0) {
		mailbox_decide(&mailbox, &policy);
		data->missing = 0;
		(void)mailbox_missing(&mailbox, data->set, report_missing,
		    data);
		status = data->missing;
		data->added += mailbox_mark(&mailbox, data->set, &known);
		data->known += known;
		if (!mailbox.has_uidl && mailbox.refusal.status != 0) {
			*err = mailbox.refusal;
			status = -1;
		}
	}
	mailbox_clear(&mailbox);
	return status;
}

int
state_mark_seen(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);
	struct msgset set = MSGSET_INIT;
	bool only_uids;
	size_t i;
	int result = -1;

	if (state_command_operands(cli, &set, &only_uids, err) == -1 ||
	    state_command_open(data, STATE_WRITE, err) == -1)
		goto out;
	if (only_uids) {
		for (i = 0; i < set.count; i++)
			mark_uid(data, set.items[i].uid, set.items[i].uid_len,
			    data->now);
	} else {
		data->set = &set;
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
	struct state_command *data = state_command(cli);
	struct selection selection;
	struct selected message;
	int result;
	size_t i;

	result = select_messages(cli, session, SELECT_UIDS, &selection, err);
	for (i = 0; result == 0 && i < selection.count; i++) {
		message = select_get(&selection, i);
		if (message.uid == NULL ||
		    memchr(message.uid, '/', message.uid_len) == NULL)
			continue;
		buf_append(&data->slashed, message.uid, message.uid_len);
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
	struct state_command *data = state_command(cli);
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
	if (entry == NULL || entry->claimed == 0 ||
	    !(entry->flags & STATE_MARKED))
		return;
	if (state_find(data->state, uid, len) == NULL) {
		state_learn_uid(data->state, &entry, uid, len);
		return;
	}
	if (entry->claimed == TAKEN_NEW) {
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

int
state_import(struct cli *cli, struct err *err)
{
	struct state_command *data = state_command(cli);
	const char *file, *host = NULL;
	char *user = NULL;
	int result = -1;

	if (data->from == NULL || cli->operand_count != 1)
		return err_set(err, EX_USAGE,
		    "state import wants --from mpop, fetchmail, getmail or "
		    "fdm, and one file");
	file = cli->operands[0];
	if (entry_names(data, &user, &host, err) == 0 &&
	    state_command_open(data, STATE_WRITE, err) == 0 &&
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
