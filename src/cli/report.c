/* SPDX-License-Identifier: ISC */
/*
 * Outcomes of messages and accounts. JSON:
 *	{"account","num","uidl","outcome","octets","name","status","error"}
 *	{"account","summary":true,"delivered","octets","known","skipped",
 *	    "failed","deleted","on_server","owed","status","error"}
 */
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/text.h"
#include "fetch/report.h"

static const char *
word(const struct report_message *message)
{
	static const char *const words[] = {
		[REPORT_DELIVERED] = "delivered",
		[REPORT_KNOWN] = "known",
		[REPORT_SKIPPED] = "skipped",
		[REPORT_FAILED] = "failed",
		[REPORT_DELETED] = "deleted",
		[REPORT_PLANNED] = "planned",
	};

	if (message->outcome == REPORT_PLANNED && message->deleted)
		return "planned-deletion";
	return words[message->outcome];
}

static void
put(const struct buf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	/* a reader of JSON Lines sees a message when it is done */
	fflush(stdout);
}

static void
put_json(const struct account *account, const struct report_message *message)
{
	struct buf out = BUF_INIT;
	struct json json;

	json_begin(&json, &out);
	json_text(&json, "account", account->name);
	json_number(&json, "num", message->num);
	if (message->uid != NULL)
		json_string(&json, "uidl", message->uid, message->uid_len);
	else
		json_text(&json, "uidl", NULL);
	json_text(&json, "outcome", word(message));
	json_number(&json, "octets", message->octets);
	json_text(&json, "name", message->name);
	json_number(&json, "status",
	    message->err == NULL ? 0 : (uint64_t)message->err->status);
	json_text(&json, "error",
	    message->err == NULL ? NULL : message->err->text);
	json_end(&json);
	put(&out);
	buf_clear(&out);
}

/* delete --dry-run lists as list does; fetch says which of the two it is. */
static void
put_plan(const struct cli *cli, const struct account *account, bool many,
    const struct report_message *message)
{
	if (many)
		printf("%s\t", account->name);
	if (cli->command->flags & COMMAND_FETCH)
		printf("%s ", message->deleted ? "delete" : "fetch");
	printf("%" PRIu32 " %" PRIu64 "\n", message->num, message->octets);
}

void
cli_report_message(const struct cli *cli, const struct account *account,
    bool many, const struct report_message *message)
{
	struct err err;

	if (message->outcome == REPORT_FAILED && message->err != NULL) {
		err = *message->err;
		err_prefix(&err, "%s: message %" PRIu32, account->name,
		    message->num);
		cli_fail(&err);
	}
	if (cli->json)
		put_json(account, message);
	else if (message->outcome == REPORT_PLANNED)
		put_plan(cli, account, many, message);
}

void
cli_report_warning(const struct account *account, const struct err *err)
{
	log_warn("%s: %s", account->name, err->text);
}

static void
put_json_summary(const struct account *account,
    const struct report_summary *summary, int status, const struct err *err)
{
	struct buf out = BUF_INIT;
	struct json json;

	json_begin(&json, &out);
	json_text(&json, "account", account->name);
	json_bool(&json, "summary", true);
	json_number(&json, "delivered", summary->delivered);
	json_number(&json, "octets", summary->octets);
	json_number(&json, "known", summary->known);
	json_number(&json, "skipped", summary->skipped);
	json_number(&json, "failed", summary->failed);
	json_number(&json, "deleted", summary->deleted);
	if (summary->listed)
		json_number(&json, "on_server", summary->on_server);
	else
		json_text(&json, "on_server", NULL);
	json_number(&json, "owed", summary->owed);
	json_number(&json, "status", (uint64_t)status);
	json_text(&json, "error", err->status == 0 ? NULL : err->text);
	json_end(&json);
	put(&out);
	buf_clear(&out);
}

static void
count(struct buf *out, uint64_t n, const char *what)
{
	if (n > 0)
		buf_printf(out, "%s%" PRIu64 " %s", out->len > 0 ? ", " : "", n,
		    what);
}

static void
say_summary(const struct cli *cli, const struct account *account,
    const struct report_summary *summary)
{
	const char *nothing = cli->command->flags & COMMAND_FETCH ?
	    "no new mail" :
	    "nothing deleted";
	struct buf out = BUF_INIT;
	char size[32];

	if (summary->delivered > 0) {
		text_size(summary->octets, size, sizeof(size));
		buf_printf(&out, "%" PRIu64 " message%s (%s) delivered",
		    summary->delivered, summary->delivered == 1 ? "" : "s",
		    size);
	}
	if (summary->planned > 0) {
		text_size(summary->planned_octets, size, sizeof(size));
		buf_printf(&out, "%" PRIu64 " message%s (%s) to fetch",
		    summary->planned, summary->planned == 1 ? "" : "s", size);
	}
	count(&out, summary->planned_deletions, "to delete");
	count(&out, summary->known, "known before");
	count(&out, summary->skipped, "skipped");
	count(&out, summary->failed, "failed");
	count(&out, summary->deleted, "deleted");
	count(&out, summary->owed, "still to be deleted");
	log_info("%s: %s; %" PRIu64 " on the server", account->name,
	    out.len == 0 ? nothing : buf_text(&out), summary->on_server);
	buf_clear(&out);
}

int
cli_report_account(const struct cli *cli, const struct account *account,
    const struct report_summary *summary, struct err *err)
{
	int status = summary->status;

	if (err->status != 0)
		status = err_worse(status, err->status);
	if (cli->json)
		put_json_summary(account, summary, status, err);
	/* what was done, then why no more */
	if (err->status == 0 || summary->delivered > 0)
		say_summary(cli, account, summary);
	if (err->status != 0) {
		err_prefix(err, "%s", account->name);
		cli_fail(err);
	}
	return status;
}
