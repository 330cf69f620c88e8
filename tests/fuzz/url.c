/* SPDX-License-Identifier: ISC */
/*
 * URLs of accounts: one that is taken names the same account when it is
 * written anew out of its parts. Input: a URL, with or without its scheme.
 */
#include <ctype.h>
#include <string.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"

static void
put_encoded(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text))
			buf_append(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

static void
put_url(struct buf *out, const struct account *account)
{
	bool six = strchr(account->host, ':') != NULL;

	buf_puts(out,
	    account->tls == ACCOUNT_TLS_IMPLICIT ? "pop3s://" : "pop3://");
	if (account->user != NULL) {
		put_encoded(out, account->user);
		if (account->auth != NULL)
			buf_printf(out, ";auth=%s", account->auth);
		buf_puts(out, "@");
	}
	buf_printf(out, "%s%s%s", six ? "[" : "", account->host,
	    six ? "]" : "");
	if (account->port != NULL)
		buf_printf(out, ":%s", account->port);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
check_again(const struct account *account)
{
	struct account *again = account_new();
	struct buf url = BUF_INIT;
	struct err err = ERR_INIT;

	put_url(&url, account);
	FUZZ_CHECK(account_set_url(again, buf_text(&url), &err) == 0);
	FUZZ_CHECK(same(again->host, account->host));
	FUZZ_CHECK(same(again->port, account->port));
	FUZZ_CHECK(same(again->user, account->user));
	FUZZ_CHECK(same(again->auth, account->auth));
	FUZZ_CHECK(again->tls == account->tls);
	buf_clear(&url);
	account_free(again);
}

static void
check_url(const char *url)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	if (account_set_url(account, url, &err) == -1) {
		FUZZ_CHECK(err.status == EX_USAGE && err.text[0] != '\0');
	} else {
		FUZZ_CHECK(account->host != NULL && account->host[0] != '\0');
		FUZZ_CHECK(account->password == NULL);
		check_again(account);
		(void)account_complete(account, &err);
	}
	account_free(account);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	char *text = fuzz_string(&fuzz);
	struct buf url = BUF_INIT;

	check_url(text);
	buf_puts(&url, "pop://");
	buf_puts(&url, text);
	check_url(buf_text(&url));
	buf_clear(&url);
	free(text);
	return 0;
}
