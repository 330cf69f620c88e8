/* SPDX-License-Identifier: ISC */
/*
 * check: what is right and what is wrong with an account, in sentences, and
 * what to type to mend it. Findings go to standard output, as text or JSON;
 * with -q only what is wrong.
 */
#include "cli/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "account/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

#define INDENT 7

enum {
	CHECK_CONFIG_ONLY = 1,
	CHECK_PRINT
};

struct check_options {
	bool config_only, print;
};

static const struct option_def check_options[] = {
	{ "config-only", 0, NULL, "check the configuration, connect nowhere",
	    CHECK_CONFIG_ONLY },
	{ "print", 0, NULL, "print the settings that would be used",
	    CHECK_PRINT },
	{ NULL, 0, NULL, NULL, 0 }
};

static int
check_option(struct cli *cli, int id, const char *arg, struct err *err)
{
	struct check_options *options = cli_data(cli, sizeof(*options));

	(void)arg;
	(void)err;
	if (id == CHECK_CONFIG_ONLY)
		options->config_only = true;
	else
		options->print = true;
	return 0;
}

/* ---- findings ---- */

static const struct {
	const char *word, *color;
} looks[] = { { "ok", "32" }, { "note", "33" }, { "wrong", "31" } };

/*
 * text behind an indent, wrapped where a terminal ends; no word is cut. From
 * its first line end on it is to be pasted, and stands as it is.
 */
static void
put_wrapped(const char *text)
{
	size_t width = text_columns(STDOUT_FILENO), at = INDENT, len;

	while (*text != '\0' && *text != '\n') {
		len = strcspn(text, " \n");
		if (width > 0 && at > INDENT && at + 1 + len > width) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		} else if (at > INDENT) {
			putchar(' ');
			at++;
		}
		fwrite(text, 1, len, stdout);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	puts(text);
}

static void
put_text(const struct check *check, enum finding finding, const char *mend,
    const char *text)
{
	const char *word = looks[finding].word;
	int fill = INDENT - (int)strlen(word);

	char *named = NULL;

	if (check->cli->quiet > 0 && finding != FINDING_WRONG)
		return;
	/* then nothing above it says whose it is */
	if (check->cli->quiet > 0)
		text = named = xasprintf("%s: %s", check->account->name, text);
	if (cli_color(check->cli, STDOUT_FILENO))
		printf("\033[%sm%s\033[0m%*s", looks[finding].color, word, fill,
		    "");
	else
		printf("%s%*s", word, fill, "");
	put_wrapped(text);
	if (mend != NULL) {
		printf("%*s", INDENT, "");
		put_wrapped(mend);
	}
	free(named);
}

static void
put_json(const struct check *check, const char *what, enum finding finding,
    int status, const char *mend, const char *text)
{
	struct buf out = BUF_INIT;
	struct json json;

	json_begin(&json, &out);
	json_text(&json, "account",
	    check->account != NULL ? check->account->name : NULL);
	json_text(&json, "check", what);
	json_text(&json, "result", looks[finding].word);
	json_number(&json, "status",
	    finding == FINDING_WRONG ? (uint64_t)status : 0);
	json_string(&json, "text", text, strlen(text));
	if (mend != NULL)
		json_string(&json, "mend", mend, strlen(mend));
	else
		json_text(&json, "mend", NULL);
	json_end(&json);
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_clear(&out);
}

void
check_say(struct check *check, const char *what, enum finding finding,
    int status, const char *mend, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (finding == FINDING_WRONG) {
		check->status = err_worse(check->status, status);
		check->wrong++;
	}
	if (check->cli->json)
		put_json(check, what, finding, status, mend, text);
	else
		put_text(check, finding, mend, text);
	/* a person is waiting, and the next step may take its time */
	fflush(stdout);
}

/* ---- the configuration ---- */

static void
print_json(const struct account *account)
{
	struct buf out = BUF_INIT;
	struct json json;
	char *value;

	for (const struct setting *row = settings; row->name != NULL; row++)
		for (size_t n = 0; (value = row->get(row, account, n)) != NULL;
		     n++) {
			json_begin(&json, &out);
			json_text(&json, "account", account->name);
			json_text(&json, "setting", row->name);
			json_string(&json, "value", value, strlen(value));
			json_end(&json);
			free(value);
		}
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_clear(&out);
}

static void
print_text(const struct account *account)
{
	struct buf out = BUF_INIT;

	config_print_account(account, &out);
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_clear(&out);
}

static void
print_settings(const struct cli *cli, struct account *const *accounts,
    int count)
{
	for (int i = 0; i < count; i++) {
		if (i > 0 && !cli->json)
			putchar('\n');
		if (cli->json)
			print_json(accounts[i]);
		else
			print_text(accounts[i]);
	}
}

static void
say_configuration(struct check *check)
{
	const struct cli *cli = check->cli;
	char *path = NULL;

	if (!cli->no_config && cli->config_file == NULL)
		path = config_default_path();
	if (cli->config_file != NULL)
		check_say(check, "configuration", FINDING_OK, 0, NULL,
		    "the configuration %s has no errors", cli->config_file);
	else if (path != NULL && access(path, F_OK) == 0)
		check_say(check, "configuration", FINDING_OK, 0, NULL,
		    "the configuration %s has no errors", path);
	else
		check_say(check, "configuration", FINDING_OK, 0, NULL,
		    "there is no configuration: the command line says it all");
	free(path);
}

/* ---- the account ---- */

static void
say_account(const struct check *check)
{
	static const char *const tls[] = { "TLS from the first octet", "STLS",
		"no TLS" };
	const struct account *account = check->account;

	if (check->cli->json || check->cli->quiet > 0)
		return;
	printf("%s: ", account->name);
	if (account->tunnel != NULL)
		puts("through a tunnel");
	else if (account->host[0] == '/')
		printf("%s\n", account->host);
	else
		printf("%s, port %s, %s\n", account->host, account->port,
		    tls[account->tls]);
	fflush(stdout);
}

static void
say_outcome(const struct check *check)
{
	if (check->cli->json || check->cli->quiet > 0)
		return;
	if (check->wrong == 0)
		printf("%s: all is well\n", check->account->name);
	else
		printf("%s: %u thing%s to mend\n", check->account->name,
		    check->wrong, check->wrong == 1 ? "" : "s");
}

static int
check_account(struct cli *cli, struct account *account)
{
	struct check check = { .cli = cli, .account = account };
	const struct check_options *options = cli->data;

	say_account(&check);
	say_configuration(&check);
	if (options == NULL || !options->config_only) {
		check_local(&check);
		check_server(&check);
	}
	say_outcome(&check);
	return check.status;
}

/* Is anything said of an account on the command line? */
static bool
names_account(const struct cli *cli)
{
	return cli->account_count > 0 || cli->setting_count > 0 ||
	    cli->no_config;
}

static int
check_run(struct cli *cli)
{
	const struct check_options *options = cli->data;
	struct check check = { .cli = cli };
	struct err err = ERR_INIT;
	struct account **accounts;
	int count, status = 0;

	if (options != NULL && !names_account(cli))
		cli->all_accounts = true;
	count = cli_accounts(cli, &accounts, &err);
	if (count == -1) {
		if (cli->json)
			check_say(&check, "configuration", FINDING_WRONG,
			    err.status, NULL, "%s", err.text);
		return cli_fail(&err);
	}
	if (options != NULL && options->print)
		print_settings(cli, accounts, count);
	for (int i = 0; i < count; i++) {
		if (options != NULL && options->print)
			break;
		if (i > 0 && !cli->json && cli->quiet == 0)
			putchar('\n');
		status = err_worse(status, check_account(cli, accounts[i]));
	}
	cli_accounts_free(accounts, count);
	return err_worse(status, cli_finish_output());
}

const struct command command_check = {
	.name = "check",
	.operands = "",
	.summary = "say what is right and wrong with an account",
	.examples = "poplar check\n"
		    "poplar check -a work\n",
	.options = check_options,
	.flags = COMMAND_ACCOUNT | COMMAND_FETCH | COMMAND_MANY,
	.run = check_run,
	.option = check_option,
};
