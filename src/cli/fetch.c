/* SPDX-License-Identifier: ISC */
/* fetch: deliver messages, of one account or of several at once. */
#include <bsd/stdlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/msgset.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"
#include "fetch/accounts.h"
#include "fetch/fetch.h"

#define JOBS_DEFAULT 4
#define JOBS_MAX 64
#define NOTHING_NEW 1 /* --fail-empty */

enum {
	FETCH_JOBS = 1,
	FETCH_DRY_RUN,
	FETCH_FAIL_EMPTY
};

struct fetch_arguments {
	int jobs;
	bool dry_run, fail_empty;
};

static const struct option_def fetch_options_table[] = {
	{ "jobs", 'j', "N", "accounts at a time (4)", FETCH_JOBS },
	{ "dry-run", 0, NULL, "print what would be done", FETCH_DRY_RUN },
	{ "fail-empty", 0, NULL, "status 1 when there is no new mail",
	    FETCH_FAIL_EMPTY },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
fetch_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct fetch_arguments *arguments =
	    cli_data(cli, sizeof(struct fetch_arguments));
	const char *problem;

	switch (id) {
	case FETCH_JOBS:
		arguments->jobs = (int)strtonum(arg, 1, JOBS_MAX, &problem);
		if (problem != NULL)
			return err_set(err, EX_USAGE,
			    "--jobs takes a number from 1 to %d", JOBS_MAX);
		break;
	case FETCH_DRY_RUN:
		arguments->dry_run = true;
		break;
	case FETCH_FAIL_EMPTY:
		arguments->fail_empty = true;
		break;
	}
	return 0;
}

/* A run over all accounts; arg of the reports. */
struct running {
	struct cli *cli;
	struct account **accounts;
	int count;
	int status;
	bool delivered; /* by any of them */
};

static void
on_message(void *arg, size_t account, const struct report_message *message)
{
	const struct running *running = arg;

	cli_report_message(running->cli, running->accounts[account],
	    running->count > 1, message);
}

static void
on_progress(void *arg, size_t account, const struct report_progress *now)
{
	(void)arg;
	progress_update(account, now);
}

static void
on_warning(void *arg, size_t account, const struct err *err)
{
	const struct running *running = arg;

	cli_report_warning(running->accounts[account], err);
}

static void
on_done(void *arg, size_t account, const struct report_summary *summary,
    struct err *err)
{
	struct running *running = arg;

	progress_done(account);
	running->status = err_worse(running->status,
	    cli_report_account(running->cli, running->accounts[account],
		summary, err));
	running->delivered |= summary->delivered > 0;
}

static void
on_line(void *arg, const char *text, size_t len)
{
	(void)arg;
	progress_line(text, len);
}

/* "--maildir DIR, --mbox FILE or --stdout", of the table. */
static int
no_destination(const struct account *account, struct err *err)
{
	static const char *const kinds[] = { "maildir", "mbox", "pipe", "lmtp",
		"stdout" };
	const struct setting *setting;
	struct buf list = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		setting = setting_find(kinds[i]);
		if (setting == NULL)
			continue;
		buf_printf(&list, "%s--%s%s%s",
		    list.len == 0                       ? "" :
			strcmp(kinds[i], "stdout") == 0 ? " or " :
							  ", ",
		    kinds[i], setting->arg == NULL ? "" : " ",
		    setting->arg == NULL ? "" : setting->arg);
	}
	err_set(err, EX_USAGE, "%s: deliver to where? Name one of %s",
	    account->name, buf_text(&list));
	buf_clear(&list);
	return -1;
}

/* What does not go together is said before anything is connected. */
static int
check(const struct running *running, const struct msgset *set, struct err *err)
{
	const struct account *account;
	int i;

	if (running->count > 1 && msgset_is_specific(set))
		return err_set(err, EX_USAGE,
		    "numbers and uid: name messages of one account, "
		    "and there are %d",
		    running->count);
	for (i = 0; i < running->count; i++) {
		account = running->accounts[i];
		if (account->deliver_kind == NULL)
			return no_destination(account, err);
		if (running->cli->json && account_to_stdout(account))
			return err_set(err, EX_USAGE,
			    "--json and messages both want standard output");
		if (running->count > 1 &&
		    strcmp(account->deliver_kind, "stdout") == 0)
			return err_set(err, EX_USAGE,
			    "--stdout takes one message; "
			    "several accounts need --mbox -");
	}
	return 0;
}

static bool
any_to_stdout(const struct running *running)
{
	int i;

	for (i = 0; i < running->count; i++)
		if (account_to_stdout(running->accounts[i]))
			return true;
	return false;
}

static int
jobs(const struct running *running, const struct fetch_arguments *arguments)
{
	if (any_to_stdout(running))
		return 1; /* messages of two accounts must not be mixed */
	return arguments->jobs > 0 ? arguments->jobs : JOBS_DEFAULT;
}

static void
fetch_all(struct running *running, const struct fetch_arguments *arguments,
    const struct msgset *set)
{
	struct fetch_options options = {
		.set = set->count == 0 ? NULL : set,
		.dry_run = arguments->dry_run,
		/* what a server sends never reaches a terminal as it is */
		.show = isatty(STDOUT_FILENO) == 1 ? text_show : NULL,
	};
	struct accounts_report report = { on_message, on_progress, on_warning,
		on_done, NULL, running };

	/* nothing is drawn between messages or records on the same screen */
	if (!(isatty(STDOUT_FILENO) &&
		(any_to_stdout(running) || running->cli->json)) &&
	    progress_begin(running->accounts, (size_t)running->count))
		report.line = on_line;
	accounts_fetch(running->accounts, (size_t)running->count,
	    jobs(running, arguments), &options, &report);
	progress_end();
}

static int
fetch_command_run(struct cli *cli)
{
	const struct fetch_arguments *arguments =
	    cli_data(cli, sizeof(struct fetch_arguments));
	struct running running = { .cli = cli };
	struct msgset set = MSGSET_INIT;
	struct err err = ERR_INIT;

	if (cli_messages(cli, &set, &err) == -1)
		goto out;
	running.count = cli_accounts(cli, &running.accounts, &err);
	if (running.count == -1 || check(&running, &set, &err) == -1)
		goto out;
	fetch_all(&running, arguments, &set);
	if (arguments->fail_empty && running.status == 0 && !running.delivered)
		running.status = NOTHING_NEW;
out:
	if (err.status != 0)
		running.status = cli_fail(&err);
	if (running.count > 0)
		cli_accounts_free(running.accounts, running.count);
	msgset_clear(&set);
	return err_worse(running.status, cli_finish_output());
}

const struct command command_fetch = {
	.name = "fetch",
	.operands = "[MESSAGE...]",
	.summary = "deliver messages: the new ones, unless others are named",
	.examples = "poplar fetch -a work --maildir ~/Mail --delete\n"
		    "poplar fetch --all-accounts -qq\n"
		    "poplar fetch 3 --stdout | less\n",
	.options = fetch_options_table,
	.flags = COMMAND_ACCOUNT | COMMAND_FETCH | COMMAND_MANY,
	.run = fetch_command_run,
	.option = fetch_option,
};
