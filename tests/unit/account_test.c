/* SPDX-License-Identifier: ISC */
/* Accounts and their settings: each row, layers, completion. */
#include "account/account.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "unit/test.h"

/* A pin made of one digit. */
#define PIN(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d)
#define PIN8(d) d d d d d d d d

/* Set name, or fail the test. */
static void
put(struct account *account, const char *name, const char *value)
{
	struct err err = ERR_INIT;
	const struct setting *setting = setting_find(name);

	CHECK(setting != NULL);
	if (setting != NULL &&
	    account_set(account, setting, value, &err) == -1) {
		CHECK_STR(err.text, "no error");
		printf("# %s = %s\n", name, value);
	}
}

static void
refused(struct account *account, const char *name, const char *value,
    const char *sentence)
{
	struct err err = ERR_INIT;

	CHECK_INT(account_set(account, setting_find(name), value, &err), -1);
	CHECK_INT(err.status, EX_USAGE);
	if (sentence != NULL)
		CHECK_STR(err.text, sentence);
}

/* A fresh account: what is set reads back so (NULL: as not set). */
static void
reads_back(const char *name, const char *value, const char *want)
{
	struct account *account = account_new();
	const struct setting *setting = setting_find(name);
	char *got;

	put(account, name, value);
	got = setting->get(setting, account, 0);
	if (want == NULL)
		CHECK(got == NULL);
	else
		CHECK_STR(got, want);
	free(got);
	account_free(account);
}

static void
table_is_sound(void)
{
	for (const struct setting *a = settings; a->name != NULL; a++) {
		CHECK(a->summary != NULL && strlen(a->summary) < 50);
		CHECK(a->set != NULL && a->get != NULL);
		CHECK(setting_find(a->name) == a);
		CHECK(!(a->config_only && a->option_only));
		for (const struct setting *b = a + 1; b->name != NULL; b++)
			CHECK(a->letter == 0 || a->letter != b->letter);
	}
	CHECK(setting_find("no-such-setting") == NULL);
	CHECK(setting_find("HOST") == NULL);
}

static void
values_read_back(void)
{
	static const char *const table[][3] = {
		{ "host", "pop.example.org", "pop.example.org" },
		{ "host", "/run/pop3", "/run/pop3" },
		{ "port", "0995", "995" },
		{ "port", "pop3s", "995" },
		{ "port", "pop3", "110" },
		{ "port", "my-pop", "my-pop" },
		{ "auth", "SCRAM-SHA-256", "scram-sha-256" },
		{ "auth", "auto", NULL },
		{ "tls", "starttls", "starttls" },
		{ "timeout", "90", "90s" },
		{ "timeout", "2m", "120s" },
		{ "timeout", "1h", "3600s" },
		{ "deadline", "10m", "600s" },
		{ "deadline", "0", NULL },
		{ "proxy", "socks5h://h:1080", "socks5h://h:1080" },
		{ "proxy", "http://u:secret@h:1", "http://********@h:1" },
		{ "proxy", "socks5://u:secret@h:1", "socks5://********@h:1" },
		{ "source-address", "127.0.0.2", "127.0.0.2" },
		{ "capa", "off", "off" },
		{ "capa", "auto", "auto" },
		{ "utf8", "off", "off" },
		{ "lang", "off", "off" },
		{ "lang", "zh-Hant-TW", "zh-Hant-TW" },
		{ "lang", "*", "*" },
		{ "lang", "auto", "auto" },
		{ "pipelining", "off", "off" },
		{ "pipelining", "7", "7" },
		{ "password", "secret", "********" },
		{ "password-fd", "3", "3" },
		{ "netrc", NULL, "yes" },
		{ "netrc", "no", NULL },
		{ "maildir", "/m", "/m" },
		{ "stdout", NULL, "yes" },
		{ "keep", NULL, "yes" },
		{ "delete", "no", NULL },
		{ "delete-after", "14d", "2w" },
		{ "delete-after", "36h", "36h" },
		{ "delete-after", "90m", "90m" },
		{ "max-size", "2048", "2k" },
		{ "max-size", "5M", "5M" },
		{ "max-size", "1025", "1025" },
		{ "max-size", "0", NULL },
		{ "limit", "10", "10" },
		{ "sync", "files", "files" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		reads_back(table[i][0], table[i][1], table[i][2]);
}

static void
bad_values_are_refused(void)
{
	static const char *const table[][3] = {
		{ "host", "two words", NULL },
		{ "host", "", "the value is empty" },
		{ "port", "0",
		    "\"0\" is not a port from 1 to 65535 or a service name" },
		{ "port", "65536", NULL },
		{ "port", "-1", NULL },
		{ "port", " 1", NULL },
		{ "port", "1 ", NULL },
		{ "port", "99x5!", NULL },
		{ "user", "a\rb", "a control character (0x0d) in the value" },
		{ "user", "a\nb", NULL },
		{ "auth", "a b", NULL },
		{ "tls-pin", "sha256:12",
		    "\"sha256:12\" is not a pin: sha256: and 64 hex digits "
		    "or 44 of base64" },
		{ "auth", "a-very-long-mechanism-name", NULL },
		{ "tls", "yes", "\"yes\" is not implicit, starttls or none" },
		{ "tls", "\033[1m", NULL },
		{ "timeout", "0", NULL },
		{ "timeout", "25h", NULL },
		{ "timeout", "1d", NULL },
		{ "timeout", "m", NULL },
		{ "timeout", "+1", NULL },
		{ "timeout", "1ms", NULL },
		{ "timeout", "18446744073709551615h", NULL },
		{ "deadline", "-1", NULL },
		{ "proxy", "https://u:secret@h:1",
		    "not socks5h://HOST:PORT, socks5://HOST:PORT or "
		    "http://HOST:PORT" },
		{ "proxy", "socks5h://", NULL },
		{ "source-address", "pop.example.org", NULL },
		{ "ipv4", "maybe", "\"maybe\" is not yes or no" },
		{ "capa", "on", NULL },
		{ "utf8", "yes", NULL },
		{ "lang", "de_DE", NULL },
		{ "lang", "de-", NULL },
		{ "lang", "d3", NULL },
		{ "lang", "unspeakable", NULL },
		{ "lang", "", NULL },
		{ "pipelining", "0", NULL },
		{ "pipelining", "257", NULL },
		{ "password-fd", "1", NULL },
		{ "password-fd", "x", NULL },
		{ "password", "se\001cret",
		    "a control character (0x01) in the value" },
		{ "host", NULL, "HOST is missing" },
		{ "keep", "no",
		    "\"no\" does not say when: write delete or "
		    "delete-after" },
		{ "delete-after", "30", NULL },
		{ "max-size", "-1", NULL },
		{ "max-size", "10kk", NULL },
		{ "max-size", "0x10", NULL },
		{ "limit", "1k", NULL },
		{ "limit", "4294967296", NULL },
		{ "sync", "always", "\"always\" is not auto or files" },
	};
	struct account *account = account_new();

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		refused(account, table[i][0], table[i][1], table[i][2]);
	account_free(account);
}

static void
values_with_terminal_codes_are_escaped(void)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	CHECK_INT(account_set(account, setting_find("tls"), "\302\233m", &err),
	    -1);
	CHECK(strpbrk(err.text, "\302\233") == NULL);
	account_free(account);
}

static void
commands_may_have_lines(void)
{
	struct account *account = account_new();

	put(account, "pipe", "a\nb");
	CHECK_STR(account->deliver_path, "a\nb");
	refused(account, "state", "/a\nb", NULL);
	account_free(account);
}

static void
layers_replace_as_a_group(void)
{
	struct account *account = account_new();

	put(account, "maildir", "/a");
	put(account, "password-file", "/p");
	put(account, "tls-pin", PIN("1"));
	put(account, "tls-pin", PIN("2"));
	put(account, "ipv4", "yes");
	refused(account, "mbox", "/b",
	    "a second destination: there is maildir already");
	refused(account, "ipv6", "yes",
	    "ipv4 and ipv6 (-4, -6) exclude each other");
	account_layer(account);
	put(account, "mbox", "/b");
	put(account, "password-command", "echo");
	put(account, "tls-pin", PIN("3"));
	put(account, "ipv6", "yes");
	CHECK_STR(account->deliver_kind, "mbox");
	CHECK_STR(account->deliver_path, "/b");
	CHECK(account->password_file == NULL);
	CHECK_STR(account->password_command, "echo");
	CHECK_STR(account->tls_pins[0], PIN("3"));
	CHECK(account->tls_pins[1] == NULL);
	CHECK_INT(account->family, AF_INET6);
	account_layer(account);
	put(account, "stdout", NULL);
	put(account, "netrc", NULL);
	CHECK_STR(account->deliver_path, "-");
	CHECK(account->password_command == NULL && account->netrc);
	put(account, "ipv6", "no");
	CHECK_INT(account->family, AF_UNSPEC);
	account_free(account);
}

static void
the_last_disposal_and_state_win(void)
{
	struct account *account = account_new();

	put(account, "delete", NULL);
	CHECK_INT(account->disposal, ACCOUNT_DELETE);
	put(account, "delete-after", "1h");
	CHECK_INT(account->disposal, ACCOUNT_DELETE_AFTER);
	CHECK_INT(account->delete_after_s, 3600);
	put(account, "keep", NULL);
	CHECK_INT(account->disposal, ACCOUNT_KEEP);
	put(account, "state", "/s");
	put(account, "no-state", NULL);
	CHECK(account->no_state && account->state_file == NULL);
	put(account, "state", "/t");
	CHECK(!account->no_state);
	CHECK_STR(account->state_file, "/t");
	account_free(account);
}

static void
a_copy_is_its_own(void)
{
	struct account *account = account_new(), *copy;

	put(account, "host", "pop.example.org");
	put(account, "tls-pin", PIN("1"));
	put(account, "limit", "3");
	copy = account_copy(account);
	put(account, "host", "other.example.org");
	account_free(account);
	CHECK_STR(copy->host, "pop.example.org");
	CHECK_STR(copy->tls_pins[0], PIN("1"));
	CHECK(copy->tls_pins[1] == NULL);
	CHECK_INT(copy->limit, 3);
	account_free(copy);
	account_free(NULL);
}

/* Settings NAME, VALUE, ..., then what completion makes of them. */
struct completion {
	const char *set[12];
	const char *host, *port, *identity, *name, *error;
};

static void
completion_fills_in(void)
{
	static const struct completion table[] = {
		{ { "host", "POP.Example.ORG.", "user", "Joe" },
		    "pop.example.org", "995", "Joe@pop.example.org",
		    "Joe@pop.example.org", NULL },
		{ { "host", "h.example", "user", "joe", "tls", "starttls" },
		    "h.example", "110", "joe@h.example", "joe@h.example",
		    NULL },
		{ { "host", "h.example", "user", "joe", "port", "1995" },
		    "h.example", "1995", "joe@h.example", "joe@h.example",
		    NULL },
		{ { "host", "127.0.0.1", "user", "joe", "port", "1995" },
		    "127.0.0.1", "1995", "joe@127.0.0.1:1995", "joe@127.0.0.1",
		    NULL },
		{ { "host", "localhost", "user", "joe", "tls", "none" },
		    "localhost", "110", "joe@localhost:110", "joe@localhost",
		    NULL },
		{ { "host", "/run/pop3", "user", "joe", "tls", "none" },
		    "/run/pop3", "110", "joe@localhost:/run/pop3",
		    "joe@/run/pop3", NULL },
		{ { "tunnel", "ssh mail pop3d", "user", "joe", "tls", "none" },
		    "localhost", "110", "joe@localhost:ssh mail pop3d",
		    "joe@localhost", NULL },
		{ { "host", "h.example", "user", "joe", "identity", "mine" },
		    "h.example", "995", "mine", "joe@h.example", NULL },
		{ { "user", "joe" }, NULL, NULL, NULL, NULL,
		    "no server: name an account, or give a URL or --host" },
		{ { "host", "h.example" }, NULL, NULL, NULL, NULL,
		    "no user name for h.example: give --user, or write USER@ "
		    "in the URL" },
		{ { "host", "h", "user", "j", "tls", "none", "tls-pin",
		      PIN("0") },
		    NULL, NULL, NULL, NULL,
		    "tls-pin says whom to trust, but tls is none" },
		{ { "host", "h", "user", "j", "tls-pin-only", "yes" }, NULL,
		    NULL, NULL, NULL,
		    "tls-pin-only without a tls-pin trusts nobody" },
		{ { "host", "h", "user", "j", "tls", "none", "tls-ca-file",
		      "/c" },
		    NULL, NULL, NULL, NULL,
		    "tls-ca-file says whom to trust, but tls is none" },
		{ { "host", "h", "user", "j", "tls", "none", "tls-crl-file",
		      "/c" },
		    NULL, NULL, NULL, NULL,
		    "tls-crl-file says whom to trust, but tls is none" },
		{ { "host", "h", "user", "j", "tls-pin", PIN("0"),
		      "tls-pin-only", "yes", "tls-crl-file", "/c" },
		    NULL, NULL, NULL, NULL,
		    "tls-crl-file has no effect with tls-pin-only, which asks "
		    "no authority" },
		{ { "host", "h", "user", "j", "tls-pin", PIN("0"),
		      "tls-pin-only", "yes", "tls-ca-file", "/c" },
		    NULL, NULL, NULL, NULL,
		    "tls-ca-file has no effect with tls-pin-only, which asks "
		    "no authority" },
		{ { "host", "h", "user", "j", "tls-key", "/k" }, NULL, NULL,
		    NULL, NULL, "tls-key without a tls-cert" },
		{ { "host", "h", "user", "j", "max-size", "1k", "min-size",
		      "2k" },
		    NULL, NULL, NULL, NULL,
		    "min-size is more than max-size: no message is both" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct completion *c = &table[i];
		struct account *account = account_new();
		struct err err = ERR_INIT;
		int r;

		for (size_t k = 0; k < 12 && c->set[k] != NULL; k += 2)
			put(account, c->set[k], c->set[k + 1]);
		r = account_complete(account, &err);
		CHECK_INT(r, c->error == NULL ? 0 : -1);
		if (c->error != NULL) {
			CHECK_STR(err.text, c->error);
			CHECK_INT(err.status, EX_USAGE);
		} else {
			CHECK_STR(account->host, c->host);
			CHECK_STR(account->port, c->port);
			CHECK_STR(account->identity, c->identity);
			CHECK_STR(account->name, c->name);
			/* again changes nothing */
			CHECK_INT(account_complete(account, &err), 0);
			CHECK_STR(account->identity, c->identity);
		}
		account_free(account);
	}
}

static void
a_certificate_file_may_hold_the_key(void)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	put(account, "host", "h.example");
	put(account, "user", "joe");
	put(account, "tls-cert", "/c.pem");
	CHECK_INT(account_complete(account, &err), 0);
	CHECK_STR(account->tls_key, "/c.pem");
	account_free(account);
}

int
main(void)
{
	TEST(table_is_sound);
	TEST(values_read_back);
	TEST(bad_values_are_refused);
	TEST(values_with_terminal_codes_are_escaped);
	TEST(commands_may_have_lines);
	TEST(layers_replace_as_a_group);
	TEST(the_last_disposal_and_state_win);
	TEST(a_copy_is_its_own);
	TEST(completion_fills_in);
	TEST(a_certificate_file_may_hold_the_key);
	return TEST_END();
}
