/* SPDX-License-Identifier: ISC */
/* delete: remove messages from the server, by name or by policy. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/err.h"
#include "base/msgset.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "fetch/fetch.h"

enum {
	DELETE_OLDER_THAN = 1,
	DELETE_AFTER,
	DELETE_DRY_RUN,
	DELETE_FORCE
};

struct delete_arguments {
	uint64_t older_than_s;
	const char *after;
	bool older, dry_run, force;
};

static const struct option_def delete_options_table[] = {
	{ "older-than", 0, "AGE",
	    "what was delivered, and first seen so long "
	    "ago: 12h 30d 2w",
	    DELETE_OLDER_THAN },
	{ "delete-after", 0, "AGE", "what fetch --delete-after would delete",
	    DELETE_AFTER },
	{ "dry-run", 0, NULL, "list what would be deleted", DELETE_DRY_RUN },
	{ "force", 'f', NULL, "all and new: undelivered messages too",
	    DELETE_FORCE },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
delete_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct delete_arguments *arguments =
	    cli_data(cli, sizeof(struct delete_arguments));

	switch (id) {
	case DELETE_OLDER_THAN:
		if (parse_age(arg, &arguments->older_than_s) == -1)
			return err_set(err, EX_USAGE,
			    "--older-than takes an age such as 12h, 30d or 2w");
		arguments->older = true;
		break;
	case DELETE_AFTER:
		arguments->after = arg;
		break;
	case DELETE_DRY_RUN:
		arguments->dry_run = true;
		break;
	case DELETE_FORCE:
		arguments->force = true;
		break;
	}
	return 0;
}

static bool
confirm(void *arg, uint64_t undelivered)
{
	char answer[16];

	(void)arg;
	fprintf(stderr,
	    "poplar: %" PRIu64 " of these %s never delivered. "
	    "Delete all the same? (yes/no) ",
	    undelivered, undelivered == 1 ? "was" : "were");
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	    strcmp(answer, "yes\n") == 0;
}

/* One account; arg of the report. */
struct deletion {
	const struct cli *cli;
	const struct account *account;
};

static void
on_message(void *arg, const struct report_message *message)
{
	const struct deletion *deletion = arg;

	cli_report_message(deletion->cli, deletion->account, false, message);
}

static void
on_progress(void *arg, const struct report_progress *progress)
{
	/* a DELE is short; there is nothing to watch */
	(void)arg;
	(void)progress;
}

static void
on_warning(void *arg, const struct err *err)
{
	const struct deletion *deletion = arg;

	cli_report_warning(deletion->account, err);
}

static int
delete_account(struct cli *cli, struct account *account,
    const struct delete_arguments *arguments, const struct msgset *set)
{
	struct deletion deletion = { cli, account };
	struct report report = { on_message, on_progress, on_warning,
		&deletion };
	struct delete_options options = {
		.set = set,
		.policy_only = set->count == 0,
		.by_age = arguments->older,
		.older_than_s = arguments->older_than_s,
		.dry_run = arguments->dry_run,
		.force = arguments->force,
	};
	struct report_summary summary;
	struct err err = ERR_INIT;

	/* one that the configuration gives is for fetch */
	if (arguments->after != NULL && set->count > 0 && !arguments->older) {
		options.by_age = true;
		options.older_than_s = account->delete_after_s;
	}
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		options.confirm = confirm;
	memset(&summary, 0, sizeof(summary));
	if (fetch_delete(account, &options, &report, &summary, &err) == 0)
		err.status = 0;
	return cli_report_account(cli, account, &summary, &err);
}

static int
prepare(struct cli *cli, const struct delete_arguments *arguments,
    struct msgset *set, struct account **account, struct err *err)
{
	if (cli_messages(cli, set, err) == -1)
		return -1;
	if (set->count == 0 && !arguments->older && arguments->after == NULL)
		return err_set(err, EX_USAGE,
		    "delete: which messages? (see poplar help delete)");
	*account = cli_account(cli, err);
	if (*account == NULL)
		return -1;
	if (arguments->after != NULL &&
	    account_set(*account, setting_find("delete-after"),
		arguments->after, err) == -1)
		return err_prefix(err, "--delete-after");
	return 0;
}

static int
delete_run(struct cli *cli)
{
	const struct delete_arguments *arguments =
	    cli_data(cli, sizeof(struct delete_arguments));
	struct msgset set = MSGSET_INIT;
	struct account *account = NULL;
	struct err err = ERR_INIT;
	int status;

	if (prepare(cli, arguments, &set, &account, &err) == -1)
		status = cli_fail(&err);
	else
		status = delete_account(cli, account, arguments, &set);
	account_free(account);
	msgset_clear(&set);
	return err_worse(status, cli_finish_output());
}

const struct command command_delete = {
	.name = "delete",
	.operands = "[MESSAGE...]",
	.summary = "delete messages from the server",
	.examples = "poplar delete 1-10\n"
		    "poplar delete seen -a work\n",
	.options = delete_options_table,
	.flags = COMMAND_ACCOUNT,
	.run = delete_run,
	.option = delete_option,
};
