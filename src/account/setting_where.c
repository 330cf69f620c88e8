/* SPDX-License-Identifier: ISC */
/* Settings that say where a mailbox is, how to get in, and its state. */
#include "account/account_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "account/account.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "net/net.h"
#include "net/tls.h"

#define TIMEOUT_MAX_S (24 * 3600)
#define DEADLINE_MAX_S (365 * 24 * 3600)
#define PIPELINING_MAX 256
#define SOCKET_PATH_MAX 107
#define LANGUAGE_MAX 64
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const tls_names[] = { "implicit", "starttls", "none", NULL };
static const char *const capa_names[] = { "auto", "off", NULL };
static const char *const utf8_names[] = { "auto", "on", "off", NULL };

int
setting_set_host(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	char *canonical;

	if (value[0] == '/') {
		if (strlen(value) > SOCKET_PATH_MAX)
			return setting_refuse(err, value,
			    "a socket: its path has more than 107 octets");
		return setting_set_string(setting, account, value, err);
	}
	if ((canonical = net_canonical_host(value, err)) == NULL)
		return -1;
	free(canonical);
	return setting_set_string(setting, account, value, err);
}

int
setting_set_tls_host(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	char *canonical;

	if (value[0] == '/')
		return setting_refuse(err, value, "a name in certificates");
	if ((canonical = net_canonical_host(value, err)) == NULL)
		return -1;
	free(canonical);
	return setting_set_string(setting, account, value, err);
}

int
setting_set_port(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	size_t len = strlen(value);
	uint64_t port;
	char *text;

	if (parse_u64(value, len, 65535, &port) == len && port > 0) {
		/* 0995 and 995 are one port, and one identity */
		text = xasprintf("%u", (unsigned int)port);
		setting_put(setting_string(setting, account), text);
		free(text);
		return 0;
	}
	if (strcmp(value, "pop3s") == 0 || strcmp(value, "pop3") == 0) {
		setting_put(setting_string(setting, account),
		    value[4] == 's' ? "995" : "110");
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)value[i]) && value[i] != '-')
			return setting_refuse(err, value,
			    "a port from 1 to 65535 or a service name");
	}
	if (len > 32 || strspn(value, "0123456789-") == len)
		return setting_refuse(err, value,
		    "a port from 1 to 65535 or a service name");
	return setting_set_string(setting, account, value, err);
}

/* Which names there are is for the room that logs in to say. */
int
setting_set_auth(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	char **auth = setting_string(setting, account);

	for (size_t i = 0; value[i] != '\0'; i++) {
		if (i == 20 ||
		    (!isalnum((unsigned char)value[i]) && value[i] != '-' &&
			value[i] != '_'))
			return setting_refuse(err, value,
			    "the name of a mechanism, such as plain or "
			    "scram-sha-256");
	}
	setting_put(auth, strcasecmp(value, "auto") == 0 ? NULL : value);
	for (char *p = *auth; p != NULL && *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return 0;
}

int
setting_set_tls(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	int i =
	    setting_choose(value, tls_names, "implicit, starttls or none", err);

	(void)setting;
	if (i == -1)
		return -1;
	account->tls = (enum account_tls)i;
	return 0;
}

char *
setting_get_tls(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	return n == 0 ? xstrdup(tls_names[account->tls]) : NULL;
}

int
setting_set_pin(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	size_t n = 0;

	(void)setting;
	if (!tls_pin_is_good(value))
		return setting_refuse(err, value,
		    "a pin: sha256: and 64 hex digits or 44 of base64");
	while (account->tls_pins != NULL && account->tls_pins[n] != NULL) {
		if (!(account->given & GIVEN_PINS))
			free(account->tls_pins[n]);
		n++;
	}
	if (!(account->given & GIVEN_PINS))
		n = 0;
	account->given |= GIVEN_PINS;
	account->tls_pins =
	    xreallocarray(account->tls_pins, n + 2, sizeof(char *));
	account->tls_pins[n] = xstrdup(value);
	account->tls_pins[n + 1] = NULL;
	return 0;
}

char *
setting_get_pin(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	if (account->tls_pins == NULL || account->tls_pins[n] == NULL)
		return NULL;
	return xstrdup(account->tls_pins[n]);
}

/* SECONDS, or a number with s, m or h. 0 or -1. */
static int
parse_duration(const char *text, uint64_t max_s, uint64_t *seconds)
{
	uint64_t factor = 1;
	size_t len = strlen(text), digits;

	digits = parse_u64(text, len, UINT64_MAX / 3600, seconds);
	if (digits == 0 || len > digits + 1)
		return -1;
	if (text[digits] == 'm')
		factor = 60;
	else if (text[digits] == 'h')
		factor = 3600;
	else if (text[digits] != 's' && text[digits] != '\0')
		return -1;
	*seconds *= factor;
	return *seconds > max_s ? -1 : 0;
}

int
setting_set_timeout(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	uint64_t seconds;

	(void)setting;
	if (parse_duration(value, TIMEOUT_MAX_S, &seconds) == -1 ||
	    seconds == 0)
		return setting_refuse(err, value,
		    "a time from 1s to 24h, such as 60, 60s or 1m");
	account->timeout_ms = (int)seconds * 1000;
	return 0;
}

char *
setting_get_timeout(const struct setting *setting,
    const struct account *account, size_t n)
{
	(void)setting;
	return n == 0 ? xasprintf("%ds", account->timeout_ms / 1000) : NULL;
}

int
setting_set_deadline(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	uint64_t seconds;

	(void)setting;
	if (parse_duration(value, DEADLINE_MAX_S, &seconds) == -1)
		return setting_refuse(err, value,
		    "a time such as 90, 90s, 10m or 2h (0: none)");
	account->deadline_ms = seconds == 0 ? -1 : (int64_t)seconds * 1000;
	return 0;
}

char *
setting_get_deadline(const struct setting *setting,
    const struct account *account, size_t n)
{
	(void)setting;
	if (n > 0 || account->deadline_ms == -1)
		return NULL;
	return xasprintf("%" PRId64 "s", account->deadline_ms / 1000);
}

/* Its value may hold a password, so no sentence shows it. */
int
setting_set_proxy(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	static const char *const schemes[] = { "socks5h://", "socks5://",
		"http://" };
	const char *rest = NULL;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
			rest = value + strlen(schemes[i]);
	if (rest == NULL || *rest == '\0' || strpbrk(rest, " /?#") != NULL)
		return err_set(err, EX_USAGE,
		    "not socks5h://HOST:PORT, socks5://HOST:PORT or "
		    "http://HOST:PORT");
	return setting_set_string(setting, account, value, err);
}

char *
setting_get_proxy(const struct setting *setting, const struct account *account,
    size_t n)
{
	const char *at, *start;

	if (n > 0 || account->proxy == NULL)
		return NULL;
	start = strstr(account->proxy, "://") + 3;
	if ((at = strrchr(start, '@')) == NULL)
		return setting_get_string(setting, account, n);
	return xasprintf("%.*s********%s", (int)(start - account->proxy),
	    account->proxy, at);
}

int
setting_set_source(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	if (value[0] == '/' || !net_is_literal(value))
		return setting_refuse(err, value, "an IP address");
	return setting_set_string(setting, account, value, err);
}

static int
family_of(const struct setting *setting)
{
	return setting->letter == '4' ? AF_INET : AF_INET6;
}

int
setting_set_family(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	int family = family_of(setting);
	bool flag;

	if (setting_flag(value, &flag, err) == -1)
		return -1;
	if (!flag) {
		if (account->family == family)
			account->family = AF_UNSPEC;
		return 0;
	}
	account->given |= family == AF_INET ? GIVEN_IPV4 : GIVEN_IPV6;
	if ((account->given & GIVEN_IPV4) && (account->given & GIVEN_IPV6))
		return err_set(err, EX_USAGE,
		    "ipv4 and ipv6 (-4, -6) exclude each other");
	account->family = family;
	return 0;
}

char *
setting_get_family(const struct setting *setting, const struct account *account,
    size_t n)
{
	if (n > 0 || account->family != family_of(setting))
		return NULL;
	return xstrdup("yes");
}

int
setting_set_capa(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	int i = setting_choose(value, capa_names, "auto or off", err);

	(void)setting;
	if (i == -1)
		return -1;
	account->capa = (enum account_capa)i;
	return 0;
}

char *
setting_get_capa(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	if (n > 0)
		return NULL;
	return xstrdup(
	    capa_names[account->capa == ACCOUNT_CAPA_OFF ? ACCOUNT_CAPA_OFF :
							   ACCOUNT_CAPA_AUTO]);
}

int
setting_set_utf8(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	int i = setting_choose(value, utf8_names, "auto, on or off", err);

	(void)setting;
	if (i == -1)
		return -1;
	account->utf8 = (enum account_utf8)i;
	return 0;
}

char *
setting_get_utf8(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	return n == 0 ? xstrdup(utf8_names[account->utf8]) : NULL;
}

/* A basic language range: 1*8ALPHA *("-" 1*8alphanum), or "*" (RFC 4647). */
static bool
is_language(const char *text)
{
	const char *p = text;
	size_t n;

	if (strcmp(text, "*") == 0)
		return true;
	for (;;) {
		n = strspn(p, p == text ? LETTERS : LETTERS "0123456789");
		if (n == 0 || n > 8)
			return false;
		p += n;
		if (*p == '\0')
			return (size_t)(p - text) <= LANGUAGE_MAX;
		if (*p++ != '-')
			return false;
	}
}

int
setting_set_lang(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	if (!is_language(value))
		return setting_refuse(err, value,
		    "auto, off or a language tag such as de or pt-BR");
	setting_put(setting_string(setting, account),
	    strcmp(value, "auto") == 0 ? NULL : value);
	return 0;
}

char *
setting_get_lang(const struct setting *setting, const struct account *account,
    size_t n)
{
	(void)setting;
	if (n > 0)
		return NULL;
	return xstrdup(account->lang != NULL ? account->lang : "auto");
}

int
setting_set_pipelining(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	size_t len = strlen(value);
	uint64_t depth;

	(void)setting;
	if (strcmp(value, "auto") == 0)
		depth = 0;
	else if (strcmp(value, "off") == 0)
		depth = 1;
	else if (parse_u64(value, len, PIPELINING_MAX, &depth) != len ||
	    depth == 0)
		return setting_refuse(err, value,
		    "auto, off or a number from 1 to 256");
	account->pipelining = (int)depth;
	return 0;
}

char *
setting_get_pipelining(const struct setting *setting,
    const struct account *account, size_t n)
{
	(void)setting;
	if (n > 0)
		return NULL;
	if (account->pipelining == 0)
		return xstrdup("auto");
	if (account->pipelining == 1)
		return xstrdup("off");
	return xasprintf("%d", account->pipelining);
}

/* Secrets. The first in a layer replaces all of those below. */

static void
claim_secret(struct account *account)
{
	if (account->given & GIVEN_SECRET)
		return;
	account->given |= GIVEN_SECRET;
	setting_put(&account->password, NULL);
	setting_put(&account->password_file, NULL);
	setting_put(&account->password_command, NULL);
	setting_put(&account->token_command, NULL);
	account->password_fd = -1;
	account->netrc = false;
}

int
setting_set_secret(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	claim_secret(account);
	return setting_set_string(setting, account, value, err);
}

char *
setting_get_secret(const struct setting *setting, const struct account *account,
    size_t n)
{
	if (n > 0 || *setting_string(setting, account) == NULL)
		return NULL;
	return xstrdup("********");
}

int
setting_set_password_fd(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	size_t len = strlen(value);
	uint64_t fd;

	(void)setting;
	if (parse_u64(value, len, INT_MAX, &fd) != len || fd == 1 || fd == 2)
		return setting_refuse(err, value,
		    "the number of a descriptor to read from");
	claim_secret(account);
	account->password_fd = (int)fd;
	return 0;
}

char *
setting_get_password_fd(const struct setting *setting,
    const struct account *account, size_t n)
{
	(void)setting;
	if (n > 0 || account->password_fd == -1)
		return NULL;
	return xasprintf("%d", account->password_fd);
}

int
setting_set_netrc(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	bool flag;

	(void)setting;
	if (setting_flag(value, &flag, err) == -1)
		return -1;
	if (flag)
		claim_secret(account);
	account->netrc = flag;
	return 0;
}

/* State. */

int
setting_set_state(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	account->no_state = false;
	return setting_set_string(setting, account, value, err);
}

int
setting_set_no_state(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	if (setting_set_flag(setting, account, value, err) == -1)
		return -1;
	if (account->no_state)
		setting_put(&account->state_file, NULL);
	return 0;
}

int
setting_set_url(const struct setting *setting, struct account *account,
    const char *value, struct err *err)
{
	(void)setting;
	return account_set_url(account, value, err);
}

/* It is shown as the settings it stands for. */
char *
setting_get_nothing(const struct setting *setting,
    const struct account *account, size_t n)
{
	(void)setting;
	(void)account;
	(void)n;
	return NULL;
}
