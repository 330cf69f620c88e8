/* SPDX-License-Identifier: ISC */
/* From the command line to accounts: configuration, URLs, settings over them.
 */
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "account/config.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/msgset.h"
#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/select.h"
#include "pop3/auth.h"
#include "session/session.h"

static void
note(void *arg, const char *text)
{
	(void)arg;
	log_error("%s", text);
}

/* 0 and *config (NULL with --no-config, or when there is no home), or -1. */
static int
read_config(const struct cli *cli, struct config **config, struct err *err)
{
	char *path;

	*config = NULL;
	if (cli->no_config)
		return 0;
	if (cli->config_file != NULL) {
		*config = config_read(cli->config_file, false, note, NULL, err);
		return *config == NULL ? -1 : 0;
	}
	if ((path = config_default_path()) == NULL)
		return 0;
	*config = config_read(path, true, note, NULL, err);
	free(path);
	return *config == NULL ? -1 : 0;
}

/* An account made of [defaults] only, for a server of the command line. */
static struct account *
plain_account(const struct config *config, struct err *err)
{
	struct account *account;

	if (config != NULL)
		return config_account_elsewhere(config, NULL, err);
	account = account_new();
	account_make_foreign(account);
	account_layer(account);
	return account;
}

/* elsewhere: the command line names another server for it. */
static struct account *
one_account(const struct config *config, const char *text, bool elsewhere,
    struct err *err)
{
	struct account *account;
	char *safe;

	if (strstr(text, "://") != NULL) {
		account = plain_account(config, err);
		if (account != NULL &&
		    account_set_url(account, text, err) == -1) {
			account_free(account);
			return NULL;
		}
		return account;
	}
	if (config == NULL) {
		safe = log_safe(text, strlen(text));
		err_set(err, EX_CONFIG,
		    "no account %s: no configuration is read", safe);
		free(safe);
		return NULL;
	}
	return elsewhere ? config_account_elsewhere(config, text, err) :
			   config_account(config, text, err);
}

/* Other users see the command line. In the configuration it may stand. */
static int
check_proxy(const struct cli_setting *setting, struct err *err)
{
	if (strcmp(setting->setting->name, "proxy") != 0 ||
	    strchr(setting->value, '@') == NULL)
		return 0;
	return err_set(err, EX_USAGE,
	    "a password in the URL, where others can see it: put proxy into "
	    "the configuration");
}

static int
overlay(const struct cli *cli, struct account *account, struct err *err)
{
	const struct cli_setting *setting;
	size_t i;

	account_layer(account);
	for (i = 0; i < cli->setting_count; i++) {
		setting = &cli->settings[i];
		if (check_proxy(setting, err) == -1 ||
		    account_set(account, setting->setting, setting->value,
			err) == -1)
			return err_prefix(err, "--%s", setting->setting->name);
	}
	return 0;
}

/* A server that wants a client certificate does not say which. */
static void
tell_withheld(const struct account *account)
{
	if (account->withheld && account->tls_cert == NULL &&
	    !account_has_password(account) && account->token_command == NULL)
		log_info("%s: the passwords and the client certificate of "
			 "[defaults] are not for a server named on the command "
			 "line",
		    account->name);
}

/* name: as it is called in the configuration, or NULL. */
static int
finish(const struct cli *cli, struct account *account, const char *name,
    struct err *err)
{
	if (overlay(cli, account, err) == -1)
		return -1;
	if (account_complete(account, err) == 0 &&
	    (account->auth == NULL ||
		pop3_auth_check(account->auth, err) == 0)) {
		tell_withheld(account);
		return 0;
	}
	if (name == NULL)
		return -1;
	/* what an account of the configuration lacks is to be mended there */
	if (err->status == EX_USAGE)
		err->status = EX_CONFIG;
	return err_prefix(err, "%s", name);
}

/* Does the command line itself say where the mailbox is? */
static bool
names_host(const struct cli *cli)
{
	const char *name;
	size_t i;

	for (i = 0; i < cli->setting_count; i++) {
		name = cli->settings[i].setting->name;
		if (strcmp(name, "host") == 0 || strcmp(name, "tunnel") == 0)
			return true;
	}
	return false;
}

/*
 * What the accounts are called. With --host and no --account the password of
 * the default account must not go to that host, so it is an account of its own:
 * the one name is then NULL.
 */
static int
choose_names(const struct cli *cli, const struct config *config,
    const char *const **names, size_t *count, const char **single,
    struct err *err)
{
	char *const *all;

	*count = 1;
	*names = single;
	*single = NULL;
	if (cli->all_accounts) {
		*count = config == NULL ? 0 : config_accounts(config, &all);
		if (*count == 0)
			return err_set(err, EX_CONFIG,
			    "the configuration has no accounts");
		*names = (const char *const *)all;
	} else if (cli->account_count > 0) {
		*count = cli->account_count;
		*names = (const char *const *)cli->accounts;
	} else if (!names_host(cli)) {
		if (config != NULL)
			*single = config_default_account(config);
		if (*single == NULL)
			return err_set(err, EX_USAGE,
			    "which account? Name one with --account NAME, "
			    "a URL (pop3s://user@host), or --host and --user");
	}
	return 0;
}

void
cli_accounts_free(struct account **accounts, int count)
{
	int i;

	for (i = 0; i < count; i++)
		account_free(accounts[i]);
	free(accounts);
}

int
cli_accounts(struct cli *cli, struct account ***accounts, struct err *err)
{
	const char *const *names;
	const char *single;
	struct config *config;
	struct account *account;
	size_t count, i;
	bool configured;

	*accounts = NULL;
	if (read_config(cli, &config, err) == -1)
		return -1;
	if (choose_names(cli, config, &names, &count, &single, err) == -1)
		goto fail;
	*accounts = xcalloc(count, sizeof(**accounts));
	for (i = 0; i < count; i++) {
		account = names[i] == NULL ?
		    plain_account(config, err) :
		    one_account(config, names[i], names_host(cli), err);
		if (account == NULL)
			goto fail_some;
		(*accounts)[i] = account;
		configured =
		    names[i] != NULL && strstr(names[i], "://") == NULL;
		if (finish(cli, account, configured ? names[i] : NULL, err) ==
		    -1) {
			i++;
			goto fail_some;
		}
	}
	config_free(config);
	return (int)count;

fail_some:
	cli_accounts_free(*accounts, (int)i);
	*accounts = NULL;
fail:
	config_free(config);
	return -1;
}

struct account *
cli_account(struct cli *cli, struct err *err)
{
	struct account **accounts, *account;
	int count = cli_accounts(cli, &accounts, err);

	if (count == -1)
		return NULL;
	if (count > 1) {
		cli_accounts_free(accounts, count);
		err_set(err, EX_USAGE, "%s takes one account",
		    cli->command->name);
		return NULL;
	}
	account = accounts[0];
	free(accounts);
	return account;
}

int
cli_leave(struct account *account, struct session *session, int status,
    struct err *err)
{
	struct err quit_err = ERR_INIT;

	/* after a failure QUIT is a courtesy */
	if (session->pop3 != NULL && !pop3_dead(session->pop3) &&
	    session_quit(session, false, &quit_err) == -1 && status != -1) {
		err_prefix(&quit_err, "%s", account->name);
		status = err_worse(status, cli_fail(&quit_err));
	}
	if (status == -1) {
		err_prefix(err, "%s", account->name);
		status = cli_fail(err);
	}
	session_close(session);
	account_free(account);
	return err_worse(status, cli_finish_output());
}

int
cli_visit(struct cli *cli,
    int (*work)(struct cli *cli, struct session *session, struct err *err))
{
	struct err err = ERR_INIT;
	struct session session;
	struct account *account;
	int status = -1;

	if (select_check(cli, &err) == -1 ||
	    (account = cli_account(cli, &err)) == NULL)
		return cli_fail(&err);
	memset(&session, 0, sizeof(session));
	if (session_open(&session, account,
		deadline_after(account->deadline_ms), &err) == 0)
		status = work(cli, &session, &err);
	return cli_leave(account, &session, status, &err);
}

/* Is there an account of this name, as far as that can be read? */
static bool
is_account(const struct cli *cli, const char *name)
{
	struct err ignored = ERR_INIT;
	struct config *config = NULL;
	char *const *names;
	bool found = false;

	if (read_config(cli, &config, &ignored) == -1 || config == NULL)
		return false;
	for (size_t n = config_accounts(config, &names); n > 0 && !found; n--)
		found = strcmp(names[n - 1], name) == 0;
	config_free(config);
	return found;
}

int
cli_messages(const struct cli *cli, struct msgset *set, struct err *err)
{
	for (size_t i = 0; i < cli->operand_count; i++) {
		const char *operand = cli->operands[i];

		if (msgset_add(set, operand, err) == 0)
			continue;
		if (is_account(cli, operand))
			return err_set(err, EX_USAGE,
			    "%s is an account, not a message: write -a %s",
			    operand, operand);
		return -1;
	}
	return 0;
}
