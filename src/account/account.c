/* SPDX-License-Identifier: ISC */
/* An account's life: made, copied, layered, completed, wiped. */
#include "account/account.h"

#include <bsd/string.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "account/account_priv.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "net/net.h"

static const size_t strings[] = {
	offsetof(struct account, name),
	offsetof(struct account, host),
	offsetof(struct account, port),
	offsetof(struct account, user),
	offsetof(struct account, tls_ca_file),
	offsetof(struct account, tls_crl_file),
	offsetof(struct account, tls_cert),
	offsetof(struct account, tls_key),
	offsetof(struct account, tls_key_password_command),
	offsetof(struct account, tls_key_password),
	offsetof(struct account, tls_priority),
	offsetof(struct account, tls_host),
	offsetof(struct account, proxy),
	offsetof(struct account, source_address),
	offsetof(struct account, lang),
	offsetof(struct account, tunnel),
	offsetof(struct account, auth),
	offsetof(struct account, password),
	offsetof(struct account, password_file),
	offsetof(struct account, password_command),
	offsetof(struct account, token_command),
	offsetof(struct account, identity),
	offsetof(struct account, state_file),
	offsetof(struct account, deliver_kind),
	offsetof(struct account, deliver_path),
	offsetof(struct account, filter),
};

#define STRINGS (sizeof(strings) / sizeof(strings[0]))

static char **
string_at(struct account *account, size_t i)
{
	return (char **)(void *)((char *)account + strings[i]);
}

struct account *
account_new(void)
{
	struct account *account = xcalloc(1, sizeof(*account));

	account->family = AF_UNSPEC;
	account->password_fd = -1;
	account->timeout_ms = 60 * 1000;
	account->deadline_ms = -1;
	return account;
}

void
account_free(struct account *account)
{
	if (account == NULL)
		return;
	for (size_t i = 0; i < STRINGS; i++) {
		char *text = *string_at(account, i);

		/* Any of them may hold a secret: a proxy, a command. */
		if (text != NULL)
			explicit_bzero(text, strlen(text));
		free(text);
	}
	for (size_t i = 0; account->tls_pins && account->tls_pins[i]; i++)
		free(account->tls_pins[i]);
	free(account->tls_pins);
	explicit_bzero(account, sizeof(*account));
	free(account);
}

static char **
copy_list(char *const *list)
{
	size_t n = 0;
	char **copy;

	if (list == NULL)
		return NULL;
	while (list[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

struct account *
account_copy(const struct account *account)
{
	struct account *copy = xmalloc(sizeof(*copy));

	*copy = *account;
	for (size_t i = 0; i < STRINGS; i++) {
		char **text = string_at(copy, i);

		if (*text != NULL)
			*text = xstrdup(*text);
	}
	copy->tls_pins = copy_list(account->tls_pins);
	return copy;
}

void
account_layer(struct account *account)
{
	account->given = 0;
}

void
account_make_foreign(struct account *account)
{
	char **const secrets[] = { &account->password, &account->password_file,
		&account->password_command, &account->token_command,
		&account->tls_cert, &account->tls_key };

	account->foreign = true;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		account->withheld = account->withheld || *secrets[i] != NULL;
		setting_put(secrets[i], NULL);
	}
}

char *
account_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return xstrdup(home);
	pw = getpwuid(getuid());
	if (pw == NULL || pw->pw_dir == NULL || pw->pw_dir[0] != '/')
		return NULL;
	return xstrdup(pw->pw_dir);
}

/* A file that would not be read must not seem to protect. */
static int
check_trust(const struct account *account, struct err *err)
{
	const char *name =
	    account->tls_crl_file != NULL ? "tls-crl-file" : "tls-ca-file";

	if (account->tls_ca_file == NULL && account->tls_crl_file == NULL)
		return 0;
	if (account->tls == ACCOUNT_TLS_NONE)
		return err_set(err, EX_USAGE,
		    "%s says whom to trust, but tls is none", name);
	if (account->tls_pin_only)
		return err_set(err, EX_USAGE,
		    "%s has no effect with tls-pin-only, which asks no "
		    "authority",
		    name);
	return 0;
}

/* Settings that are each right, but not together. */
static int
check_together(const struct account *account, struct err *err)
{
	if (account->tls == ACCOUNT_TLS_NONE &&
	    (account->tls_pins != NULL || account->tls_pin_only))
		return err_set(err, EX_USAGE,
		    "tls-pin says whom to trust, but tls is none");
	if (check_trust(account, err) == -1)
		return -1;
	if (account->tls_pin_only && account->tls_pins == NULL)
		return err_set(err, EX_USAGE,
		    "tls-pin-only without a tls-pin trusts nobody");
	if (account->tls_key != NULL && account->tls_cert == NULL)
		return err_set(err, EX_USAGE, "tls-key without a tls-cert");
	if (account->tls_key_password_command != NULL &&
	    account->tls_cert == NULL)
		return err_set(err, EX_USAGE,
		    "tls-key-password-command without a tls-cert");
	if (account->max_size != 0 && account->min_size > account->max_size)
		return err_set(err, EX_USAGE,
		    "min-size is more than max-size: no message is both");
	return 0;
}

static int
check_present(const struct account *account, struct err *err)
{
	if (account->host == NULL)
		return err_set(err, EX_USAGE,
		    "no server: name an account, or give a URL or --host");
	if (account->user == NULL)
		return err_set(err, EX_USAGE,
		    "no user name for %s: give --user, or write USER@ in the "
		    "URL",
		    account->host);
	return 0;
}

static void
replace(char **field, char *value)
{
	free(*field);
	*field = value;
}

/*
 * Where the host names nothing, because it is this machine or a program, what
 * else tells mailboxes apart goes into the identity.
 */
static char *
make_identity(const struct account *account)
{
	if (account->tunnel != NULL)
		return xasprintf("%s@%s:%s", account->user, account->host,
		    account->tunnel);
	if (account->host[0] == '/')
		return xasprintf("%s@localhost:%s", account->user,
		    account->host);
	if (net_is_loopback(account->host))
		return xasprintf("%s@%s:%s", account->user, account->host,
		    account->port);
	return xasprintf("%s@%s", account->user, account->host);
}

int
account_complete(struct account *account, struct err *err)
{
	char *host;

	if (account->tunnel != NULL && account->host == NULL)
		account->host = xstrdup("localhost");
	if (check_present(account, err) == -1 ||
	    check_together(account, err) == -1)
		return -1;
	if (account->host[0] != '/') {
		if ((host = net_canonical_host(account->host, err)) == NULL)
			return -1;
		replace(&account->host, host);
	}
	if (account->port == NULL)
		account->port = xstrdup(
		    account->tls == ACCOUNT_TLS_IMPLICIT ? "995" : "110");
	/* One PEM file may hold both. */
	if (account->tls_cert != NULL && account->tls_key == NULL)
		account->tls_key = xstrdup(account->tls_cert);
	if (account->identity == NULL)
		account->identity = make_identity(account);
	if (account->name == NULL)
		account->name =
		    xasprintf("%s@%s", account->user, account->host);
	return 0;
}

bool
account_to_stdout(const struct account *account)
{
	const char *kind = account->deliver_kind;

	return kind != NULL &&
	    (strcmp(kind, "stdout") == 0 ||
		(strcmp(kind, "mbox") == 0 &&
		    strcmp(account->deliver_path, "-") == 0));
}
