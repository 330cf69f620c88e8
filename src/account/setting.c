/* SPDX-License-Identifier: ISC */
/*
 * The settings of an account: one table that the options, the configuration,
 * the manual and the completions walk.
 */
#include "account/account_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"

/* The sentence for a value that is not what it should be. */
int
setting_refuse(struct err *err, const char *value, const char *wanted)
{
	char *safe = log_safe(value, strlen(value));

	err_set(err, EX_USAGE, "\"%s\" is not %s", safe, wanted);
	free(safe);
	return -1;
}

void *
setting_field(const struct setting *setting, const struct account *account)
{
	return (char *)(uintptr_t)account + setting->offset;
}

char **
setting_string(const struct setting *setting, const struct account *account)
{
	return setting_field(setting, account);
}

void
setting_put(char **at, const char *value)
{
	char *copy = value == NULL ? NULL : xstrdup(value);

	if (*at != NULL)
		explicit_bzero(*at, strlen(*at));
	free(*at);
	*at = copy;
}

int
setting_set_string(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	(void)err;
	setting_put(setting_string(setting, account), value);
	return 0;
}

char *
setting_get_string(const struct setting *setting, const struct account *account,
    size_t n)
{
	const char *text = *setting_string(setting, account);

	return n > 0 || text == NULL ? NULL : xstrdup(text);
}

int
setting_flag(const char *value, bool *flag, struct err *err)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return setting_refuse(err, value, "yes or no");
	*flag = value[0] == 'y';
	return 0;
}

int
setting_set_flag(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	return setting_flag(value, setting_field(setting, account), err);
}

char *
setting_get_flag(const struct setting *setting, const struct account *account,
    size_t n)
{
	const bool *flag = setting_field(setting, account);

	return n == 0 && *flag ? xstrdup("yes") : NULL;
}

/* The index of value in names, or -1. */
int
setting_choose(const char *value, const char *const *names, const char *wanted,
    struct err *err)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(value, names[i]) == 0)
			return i;
	}
	return setting_refuse(err, value, wanted);
}

#define FIELD(member) .offset = offsetof(struct account, member)

const struct setting settings[] = {
	{ .name = "host",
	    .letter = 'H',
	    .arg = "HOST",
	    .summary = "the server: name, address or socket path",
	    FIELD(host),
	    .set = setting_set_host,
	    .get = setting_get_string },
	{ .name = "port",
	    .letter = 'p',
	    .arg = "PORT",
	    .summary = "its port or service (995; 110 without TLS)",
	    FIELD(port),
	    .set = setting_set_port,
	    .get = setting_get_string },
	{ .name = "user",
	    .letter = 'u',
	    .arg = "USER",
	    .summary = "the user name at the server",
	    FIELD(user),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "auth",
	    .arg = "MECHANISM",
	    .summary = "how to log in, or auto",
	    FIELD(auth),
	    .set = setting_set_auth,
	    .get = setting_get_string },
	{ .name = "tls",
	    .arg = "implicit|starttls|none",
	    .summary = "from the first octet, by STLS, or not",
	    FIELD(tls),
	    .set = setting_set_tls,
	    .get = setting_get_tls },
	{ .name = "tls-ca-file",
	    .arg = "FILE",
	    .summary = "trust these CAs instead of the system's",
	    FIELD(tls_ca_file),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "tls-crl-file",
	    .arg = "FILE",
	    .summary = "certificates that are revoked",
	    FIELD(tls_crl_file),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "tls-pin",
	    .arg = "PIN",
	    .summary = "SHA-256 of the certificate or its key",
	    .repeatable = true,
	    FIELD(tls_pins),
	    .set = setting_set_pin,
	    .get = setting_get_pin },
	{ .name = "tls-pin-only",
	    .summary = "pins instead of the CAs",
	    FIELD(tls_pin_only),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = "tls-cert",
	    .arg = "FILE",
	    .summary = "our certificate",
	    FIELD(tls_cert),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "tls-key",
	    .arg = "FILE",
	    .summary = "its key (default: in the same file)",
	    FIELD(tls_key),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "tls-key-password-command",
	    .arg = "CMD",
	    .summary = "a command that prints the password of the key",
	    FIELD(tls_key_password_command),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "tls-host",
	    .arg = "NAME",
	    .summary = "the name that the certificate must have",
	    FIELD(tls_host),
	    .set = setting_set_tls_host,
	    .get = setting_get_string },
	{ .name = "tls-priority",
	    .arg = "STRING",
	    .summary = "GnuTLS priority string",
	    FIELD(tls_priority),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "timeout",
	    .arg = "TIME",
	    .summary = "wait this long for the server (60s)",
	    FIELD(timeout_ms),
	    .set = setting_set_timeout,
	    .get = setting_get_timeout },
	{ .name = "deadline",
	    .arg = "TIME",
	    .summary = "end the whole run after this long",
	    FIELD(deadline_ms),
	    .set = setting_set_deadline,
	    .get = setting_get_deadline },
	{ .name = "proxy",
	    .arg = "URL",
	    .summary = "socks5h://HOST:PORT or http://HOST:PORT",
	    FIELD(proxy),
	    .set = setting_set_proxy,
	    .get = setting_get_proxy },
	{ .name = "source-address",
	    .arg = "ADDRESS",
	    .summary = "connect from this address",
	    FIELD(source_address),
	    .set = setting_set_source,
	    .get = setting_get_string },
	{ .name = "ipv4",
	    .letter = '4',
	    .summary = "IPv4 only",
	    FIELD(family),
	    .set = setting_set_family,
	    .get = setting_get_family },
	{ .name = "ipv6",
	    .letter = '6',
	    .summary = "IPv6 only",
	    FIELD(family),
	    .set = setting_set_family,
	    .get = setting_get_family },
	{ .name = "tunnel",
	    .arg = "CMD",
	    .summary = "talk to this program instead of a socket",
	    FIELD(tunnel),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "capa",
	    .arg = "auto|off",
	    .summary = "ask what the server can do (CAPA)",
	    FIELD(capa),
	    .set = setting_set_capa,
	    .get = setting_get_capa },
	{ .name = "utf8",
	    .arg = "auto|on|off",
	    .summary = "UTF-8 mode (RFC 6856)",
	    FIELD(utf8),
	    .set = setting_set_utf8,
	    .get = setting_get_utf8 },
	{ .name = "lang",
	    .arg = "auto|off|TAG",
	    .summary = "the language of the server's words",
	    FIELD(lang),
	    .set = setting_set_lang,
	    .get = setting_get_lang },
	{ .name = "pipelining",
	    .arg = "auto|off|N",
	    .summary = "commands under way at once",
	    FIELD(pipelining),
	    .set = setting_set_pipelining,
	    .get = setting_get_pipelining },
	{ .name = "password",
	    .arg = "PASSWORD",
	    .summary = "the password itself",
	    .config_only = true,
	    .secret = true,
	    FIELD(password),
	    .set = setting_set_secret,
	    .get = setting_get_secret },
	{ .name = "password-file",
	    .arg = "FILE",
	    .summary = "a file that holds the password",
	    FIELD(password_file),
	    .set = setting_set_secret,
	    .get = setting_get_string },
	{ .name = "password-command",
	    .arg = "CMD",
	    .summary = "a command that prints the password",
	    FIELD(password_command),
	    .set = setting_set_secret,
	    .get = setting_get_string },
	{ .name = "password-fd",
	    .arg = "N",
	    .summary = "read the password from descriptor N",
	    .option_only = true,
	    FIELD(password_fd),
	    .set = setting_set_password_fd,
	    .get = setting_get_password_fd },
	{ .name = "token-command",
	    .arg = "CMD",
	    .summary = "a command that prints an OAuth token",
	    FIELD(token_command),
	    .set = setting_set_secret,
	    .get = setting_get_string },
	{ .name = "netrc",
	    .summary = "look the password up in ~/.netrc",
	    FIELD(netrc),
	    .set = setting_set_netrc,
	    .get = setting_get_flag },
	{ .name = "insecure-auth",
	    .summary = "send the password even without TLS",
	    FIELD(insecure_auth),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = "state",
	    .arg = "FILE",
	    .summary = "remember deliveries in this file",
	    FIELD(state_file),
	    .set = setting_set_state,
	    .get = setting_get_string },
	{ .name = "no-state",
	    .summary = "neither read nor write a state file",
	    FIELD(no_state),
	    .set = setting_set_no_state,
	    .get = setting_get_flag },
	{ .name = "identity",
	    .arg = "NAME",
	    .summary = "name of the mailbox in the state",
	    FIELD(identity),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "url",
	    .arg = "URL",
	    .summary = "pop3s://USER@HOST[:PORT]",
	    .config_only = true,
	    FIELD(host),
	    .set = setting_set_url,
	    .get = setting_get_nothing },
	{ .name = "maildir",
	    .arg = "DIR",
	    .summary = "deliver to a maildir",
	    .group = SETTING_FETCH,
	    FIELD(deliver_path),
	    .set = setting_set_destination,
	    .get = setting_get_destination },
	{ .name = "mbox",
	    .arg = "FILE",
	    .summary = "deliver to an mbox (-: standard output)",
	    .group = SETTING_FETCH,
	    FIELD(deliver_path),
	    .set = setting_set_destination,
	    .get = setting_get_destination },
	{ .name = "pipe",
	    .arg = "CMD",
	    .summary = "deliver each message to a command",
	    .group = SETTING_FETCH,
	    FIELD(deliver_path),
	    .set = setting_set_destination,
	    .get = setting_get_destination },
	{ .name = "lmtp",
	    .arg = "ADDRESS",
	    .summary = "deliver by LMTP to HOST:PORT or /SOCKET",
	    .group = SETTING_FETCH,
	    FIELD(deliver_path),
	    .set = setting_set_destination,
	    .get = setting_get_destination },
	{ .name = "stdout",
	    .summary = "write one message to standard output",
	    .group = SETTING_FETCH,
	    FIELD(deliver_path),
	    .set = setting_set_destination,
	    .get = setting_get_destination },
	{ .name = "keep",
	    .summary = "leave mail on the server (default)",
	    .group = SETTING_FETCH,
	    FIELD(disposal),
	    .set = setting_set_keep,
	    .get = setting_get_keep },
	{ .name = "delete",
	    .summary = "delete what has been delivered",
	    .group = SETTING_FETCH,
	    FIELD(disposal),
	    .set = setting_set_delete,
	    .get = setting_get_delete },
	{ .name = "delete-after",
	    .arg = "AGE",
	    .summary = "delete what was delivered so long ago",
	    .group = SETTING_FETCH,
	    FIELD(delete_after_s),
	    .set = setting_set_delete_after,
	    .get = setting_get_delete_after },
	{ .name = "max-size",
	    .arg = "SIZE",
	    .summary = "pass over messages that are larger",
	    .group = SETTING_FETCH,
	    FIELD(max_size),
	    .set = setting_set_size,
	    .get = setting_get_size },
	{ .name = "min-size",
	    .arg = "SIZE",
	    .summary = "pass over messages that are smaller",
	    .group = SETTING_FETCH,
	    FIELD(min_size),
	    .set = setting_set_size,
	    .get = setting_get_size },
	{ .name = "limit",
	    .arg = "N",
	    .summary = "at most so many messages",
	    .group = SETTING_FETCH,
	    FIELD(limit),
	    .set = setting_set_limit,
	    .get = setting_get_limit },
	{ .name = "max-bytes",
	    .arg = "SIZE",
	    .summary = "at most so many octets in all",
	    .group = SETTING_FETCH,
	    FIELD(max_bytes),
	    .set = setting_set_size,
	    .get = setting_get_size },
	{ .name = "newest-first",
	    .summary = "begin with the last message",
	    .group = SETTING_FETCH,
	    FIELD(newest_first),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = "filter",
	    .arg = "CMD",
	    .summary = "deliver only if this command says 0",
	    .group = SETTING_FETCH,
	    FIELD(filter),
	    .set = setting_set_string,
	    .get = setting_get_string },
	{ .name = "repeat",
	    .summary = "again until a session brings nothing new",
	    .group = SETTING_FETCH,
	    FIELD(repeat),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = "renumbered",
	    .summary = "the server has renumbered its messages",
	    .group = SETTING_FETCH,
	    FIELD(renumbered),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = "sync",
	    .arg = "auto|files",
	    .summary = "how deliveries are made durable",
	    .group = SETTING_FETCH,
	    FIELD(sync_files),
	    .set = setting_set_sync,
	    .get = setting_get_sync },
	{ .name = "received",
	    .summary = "add a Received: field",
	    .group = SETTING_FETCH,
	    FIELD(received),
	    .set = setting_set_flag,
	    .get = setting_get_flag },
	{ .name = NULL },
};

const struct setting *
setting_find(const char *name)
{
	for (const struct setting *row = settings; row->name != NULL; row++) {
		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

/*
 * No value may hold what would break a line somewhere behind us. A command is
 * for the shell, which knows lines.
 */
static int
check_characters(const struct setting *setting, const char *value,
    struct err *err)
{
	bool command = setting->arg != NULL && strcmp(setting->arg, "CMD") == 0;

	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '\t' || (command && *p == '\n'))
			continue;
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, EX_USAGE,
			    "a control character (0x%02x) in the value",
			    (unsigned int)*p);
	}
	return 0;
}

int
account_set(struct account *account, const struct setting *setting,
    const char *value, struct err *err)
{
	if (value == NULL) {
		if (setting->arg != NULL)
			return err_set(err, EX_USAGE, "%s is missing",
			    setting->arg);
		value = "yes";
	}
	if (value[0] == '\0')
		return err_set(err, EX_USAGE, "the value is empty");
	if (check_characters(setting, value, err) == -1)
		return -1;
	return setting->set(setting, account, value, err);
}
