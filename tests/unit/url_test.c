/* SPDX-License-Identifier: ISC */
/* Accounts as URLs: what is taken, what is refused, and what is never shown. */
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "base/err.h"
#include "unit/test.h"

struct good {
	const char *url, *user, *host, *port, *auth;
	enum account_tls tls;
};

static void
good_urls_are_taken(void)
{
	static const struct good table[] = {
		{ "pop3s://joe@pop.example.org", "joe", "pop.example.org", NULL,
		    NULL, ACCOUNT_TLS_IMPLICIT },
		{ "POP3S://joe@pop.example.org:1995", "joe", "pop.example.org",
		    "1995", NULL, ACCOUNT_TLS_IMPLICIT },
		{ "pop3://joe@pop.example.org:110", "joe", "pop.example.org",
		    "110", NULL, ACCOUNT_TLS_STARTTLS },
		{ "pop://joe;auth=SCRAM-SHA-256@h.example:110", "joe",
		    "h.example", "110", "scram-sha-256", ACCOUNT_TLS_STARTTLS },
		{ "pop://joe;AUTH=+APOP@h.example", "joe", "h.example", NULL,
		    "apop", ACCOUNT_TLS_STARTTLS },
		{ "pop://joe;auth=*@h.example", "joe", "h.example", NULL, NULL,
		    ACCOUNT_TLS_STARTTLS },
		{ "pop3s://joe%40example.org@h.example", "joe@example.org",
		    "h.example", NULL, NULL, ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://joe@example.org@h.example", "joe@example.org",
		    "h.example", NULL, NULL, ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://a%2fb%3Ac%3B%25@h.example", "a/b:c;%", "h.example",
		    NULL, NULL, ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://joe@[::1]", "joe", "::1", NULL, NULL,
		    ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://joe@[2001:db8::1]:995", "joe", "2001:db8::1", "995",
		    NULL, ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://joe@192.0.2.1:1", "joe", "192.0.2.1", "1", NULL,
		    ACCOUNT_TLS_IMPLICIT },
		{ "pop3s://h.example", NULL, "h.example", NULL, NULL,
		    ACCOUNT_TLS_IMPLICIT },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct good *good = &table[i];
		struct account *account = account_new();
		struct err err = ERR_INIT;

		if (account_set_url(account, good->url, &err) == -1) {
			CHECK_STR(err.text, good->url);
			account_free(account);
			continue;
		}
		CHECK_STR(account->host, good->host);
		CHECK_INT(account->tls, good->tls);
		if (good->user != NULL)
			CHECK_STR(account->user, good->user);
		else
			CHECK(account->user == NULL);
		if (good->port != NULL)
			CHECK_STR(account->port, good->port);
		else
			CHECK(account->port == NULL);
		if (good->auth != NULL)
			CHECK_STR(account->auth, good->auth);
		else
			CHECK(account->auth == NULL);
		account_free(account);
	}
}

/* "SECRET" stands where somebody may have put a password. */
static void
bad_urls_are_refused_unseen(void)
{
	static const char *const table[][2] = {
		{ "", "not a URL" },
		{ "pop.example.org", "not a URL" },
		{ "imaps://joe@h.example", "not a URL" },
		{ "pop3s:joe@h.example", "not a URL" },
		{ "pop3s://", "names no server" },
		{ "pop3s://joe@", "names no server" },
		{ "pop3s://joe@:995", "names no server" },
		{ "pop3s://joe:SECRET@h.example", "a password in the URL" },
		{ "pop3s://joe:SEC@RET@h.example", "a password in the URL" },
		{ "pop3s://joe:SEC/RET@h.example", "a password in the URL" },
		{ "pop3s://joe:@h.example", "a password in the URL" },
		{ "pop3s://joe;auth=x:SECRET@h.example",
		    "a password in the URL" },
		{ "pop3s://joe:SECRET", "port" },
		{ "pop3s://joe@h.example/SECRET", "goes on" },
		{ "pop3s://joe@h.example/", "goes on" },
		{ "pop3s://joe@h.example?SECRET", "goes on" },
		{ "pop3s://joe@h.example#SECRET", "goes on" },
		{ "pop3s://h.example/a@SECRET", "goes on" },
		{ "pop3s://joe;SECRET@h.example", "auth=" },
		{ "pop3s://joe;auth=SECRET!@h.example", "mechanism" },
		{ "pop3s://joe;auth=@h.example", "mechanism" },
		{ "pop3s://@h.example", "user is empty" },
		{ "pop3s://joe%0aSECRET@h.example", "control character" },
		{ "pop3s://joe%0DSECRET@h.example", "control character" },
		{ "pop3s://joe%00SECRET@h.example", "control character" },
		{ "pop3s://joe\nSECRET@h.example", "control character" },
		{ "pop3s://joe\033SECRET@h.example", "control character" },
		{ "pop3s://joe%zzSECRET@h.example", "hex digits" },
		{ "pop3s://joe%4@h.example", "hex digits" },
		{ "pop3s://joe%@h.example", "hex digits" },
		{ "pop3s://joe@h.example:0", "port" },
		{ "pop3s://joe@h.example:65536", "port" },
		{ "pop3s://joe@h.example:", "port" },
		{ "pop3s://joe@h.example:pop3s", "port" },
		{ "pop3s://joe@SECRET SECRET", "not a host name" },
		{ "pop3s://joe@2001:db8::1", "brackets" },
		{ "pop3s://joe@[2001:db8::1", "brackets" },
		{ "pop3s://joe@[2001:db8::1]995", "brackets" },
		{ "pop3s://joe@[h.example]:995", "brackets" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct account *account = account_new();
		struct err err = ERR_INIT;

		CHECK_INT(account_set_url(account, table[i][0], &err), -1);
		CHECK_INT(err.status, EX_USAGE);
		if (strstr(err.text, table[i][1]) == NULL)
			CHECK_STR(err.text, table[i][1]);
		CHECK(strstr(err.text, "SECRET") == NULL);
		CHECK(strstr(err.text, "RET@") == NULL);
		account_free(account);
	}
}

static void
a_url_replaces_the_port_of_the_defaults(void)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	CHECK_INT(account_set(account, setting_find("port"), "1995", &err), 0);
	CHECK_INT(account_set_url(account, "pop3://joe@h.example", &err), 0);
	CHECK_INT(account_complete(account, &err), 0);
	CHECK_STR(account->port, "110");
	account_free(account);
}

int
main(void)
{
	TEST(good_urls_are_taken);
	TEST(bad_urls_are_refused_unseen);
	TEST(a_url_replaces_the_port_of_the_defaults);
	return TEST_END();
}
