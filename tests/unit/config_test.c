/* SPDX-License-Identifier: ISC */
/* The configuration: what is taken, every complaint, and the way back. */
#include "account/config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "unit/test.h"

/* A pin made of one digit. */
#define PIN(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d) PIN8(d)
#define PIN8(d) d d d d d d d d

static char directory[] = "/tmp/poplar-config-XXXXXX";

/* Write a file in the test's directory; returns its path (the caller's). */
static char *
write_file(const char *name, const char *text, size_t len, mode_t mode)
{
	char *path = xasprintf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	CHECK(file != NULL);
	if (file != NULL) {
		CHECK_INT(fwrite(text, 1, len, file), len);
		fclose(file);
	}
	CHECK_INT(chmod(path, mode), 0);
	return path;
}

/* Complaints, one a line, without the directory. */
static void
collect(void *arg, const char *text)
{
	size_t len = strlen(directory);

	if (strncmp(text, directory, len) == 0)
		text += len + 1;
	buf_printf(arg, "%s\n", text);
}

/* Read text as a file of the owner's; *notes is what was complained of. */
static struct config *
read_text(const char *text, size_t len, mode_t mode, struct buf *notes,
    struct err *err)
{
	char *path = write_file("c", text, len, mode);
	struct config *config = config_read(path, false, collect, notes, err);

	free(path);
	return config;
}

static struct config *
read_good(const char *text)
{
	struct buf notes = BUF_INIT;
	struct err err = ERR_INIT;
	struct config *config =
	    read_text(text, strlen(text), 0600, &notes, &err);

	CHECK_STR(buf_text(&notes), "");
	CHECK(config != NULL);
	buf_clear(&notes);
	return config;
}

/* want NULL: anything. */
static void
complains(const char *text, size_t len, mode_t mode, const char *want)
{
	struct buf notes = BUF_INIT;
	struct err err = ERR_INIT;
	struct config *config = read_text(text, len, mode, &notes, &err);

	CHECK(config == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	if (want != NULL)
		CHECK_STR(buf_text(&notes), want);
	config_free(config);
	buf_clear(&notes);
}

#define COMPLAINS(text, want) complains(text, sizeof(text) - 1, 0600, want)

static void
sections_are_laid_over_each_other(void)
{
	struct config *config = read_good("# all of them\n"
					  "[defaults]\n"
					  "account = home\n"
					  "timeout = 30\n"
					  "maildir = /m\n"
					  "password-file = /p\n"
					  "\n"
					  "[account work]\n"
					  "  host = pop.example.org\n"
					  "\tuser=joe\n"
					  "mbox = /b\n"
					  "password-command = \"p \\\"x\\\"\"\n"
					  "repeat\n"
					  "[account home]\n"
					  "url = pop3://ann@h.example\n");
	struct err err = ERR_INIT;
	struct account *account;
	char *const *names;

	CHECK_INT(config_accounts(config, &names), 2);
	CHECK_STR(names[0], "work");
	CHECK_STR(names[1], "home");
	CHECK_STR(config_default_account(config), "home");
	account = config_account(config, "work", &err);
	CHECK_STR(account->name, "work");
	CHECK_STR(account->host, "pop.example.org");
	CHECK_STR(account->user, "joe");
	CHECK_STR(account->deliver_kind, "mbox");
	CHECK_STR(account->password_command, "p \"x\"");
	CHECK(account->password_file == NULL && account->repeat);
	CHECK_INT(account->timeout_ms, 30000);
	CHECK_INT(account->given, 0);
	account_free(account);
	account = config_account(config, "home", &err);
	CHECK_STR(account->host, "h.example");
	CHECK_INT(account->tls, ACCOUNT_TLS_STARTTLS);
	CHECK_STR(account->deliver_kind, "maildir");
	CHECK_STR(account->password_file, "/p");
	account_free(account);
	account = config_account(config, NULL, &err);
	CHECK(account->host == NULL && account->name == NULL);
	CHECK_STR(account->deliver_path, "/m");
	account_free(account);
	CHECK(config_account(config, "none", &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK(strstr(err.text, "no [account none] in ") == err.text);
	config_free(config);
}

static void
the_only_account_is_the_default(void)
{
	struct config *config = read_good("[account a]\nhost = h\n");

	CHECK_STR(config_default_account(config), "a");
	config_free(config);
	config = read_good("[account a]\n[account b]\n");
	CHECK(config_default_account(config) == NULL);
	config_free(config);
	config = read_good("");
	CHECK(config_default_account(config) == NULL);
	config_free(config);
}

/* The value that the file gives to user, or complains. */
static void
user_is(const char *line, const char *want)
{
	char *text = xasprintf("[account a]\n%s\n", line);
	struct config *config = read_good(text);
	struct err err = ERR_INIT;
	struct account *account;

	if (config != NULL) {
		account = config_account(config, "a", &err);
		CHECK_STR(account->user, want);
		account_free(account);
	}
	config_free(config);
	free(text);
}

static void
values_are_kept_as_they_are(void)
{
	char *line, *want;

	user_is("user = a#b", "a#b");
	user_is("user = a # b", "a # b");
	user_is("user = a\\b\\", "a\\b\\");
	user_is("user = a = b", "a = b");
	user_is("user = a \"b\"", "a \"b\"");
	user_is("  user   =   a   ", "a");
	user_is("user = \" a \"  ", " a ");
	user_is("user = \"\\\"\\\\\"", "\"\\");
	user_is("user = \"a\\tb\"", "a\tb");
	user_is("user = a\r", "a");
	want = xmalloc(10001);
	memset(want, 'x', 10000);
	want[10000] = '\0';
	line = xasprintf("user = %s", want);
	user_is(line, want);
	free(line);
	free(want);
}

static void
a_mark_and_cr_at_line_ends_are_passed_over(void)
{
	struct config *config = read_good("\xef\xbb\xbf"
					  "[account a]\r\n"
					  "# comment\r\n"
					  "\r\n"
					  "user = joe\r\n"
					  "netrc");
	struct err err = ERR_INIT;
	struct account *account = config_account(config, "a", &err);

	CHECK_STR(account->user, "joe");
	CHECK(account->netrc);
	account_free(account);
	config_free(config);
}

static void
every_error_is_told_at_once(void)
{
	COMPLAINS("user = early\n"
		  "[defaults]\n"
		  "account = nobody\n"
		  "[account a]\n"
		  "\n"
		  "colour = blue\n"
		  "port = 99999\n"
		  "user = x\n"
		  "user = y\n"
		  "netrc = perhaps\n"
		  "host\n"
		  "account = b\n"
		  "password-fd = 3\n"
		  "two words\n"
		  "= value\n"
		  "user = \n"
		  "[account a]\n"
		  "port = skipped\n"
		  "[defaults]\n"
		  "[account b]\n"
		  "maildir = /m\n"
		  "mbox = /b\n"
		  "state = relative\n"
		  "[other]\n"
		  "[account c\n"
		  "[account x y]\n"
		  "[account -x]\n"
		  "[account a://b]\n",
	    "c:1: a key before the first [defaults] or [account NAME]\n"
	    "c:6: unknown key colour\n"
	    "c:7: port: \"99999\" is not a port from 1 to 65535 or a service "
	    "name\n"
	    "c:9: user: it is in this section already\n"
	    "c:10: netrc: \"perhaps\" is not yes or no\n"
	    "c:11: host: HOST is missing\n"
	    "c:12: account: it belongs into [defaults]\n"
	    "c:13: password-fd: an option of the command line only\n"
	    "c:14: not KEY = VALUE, FLAG or [SECTION]\n"
	    "c:15: not KEY = VALUE, FLAG or [SECTION]\n"
	    "c:16: user: it is in this section already\n"
	    "c:17: a second [account a]\n"
	    "c:19: a second [defaults]\n"
	    "c:22: mbox: a second destination: there is maildir already\n"
	    "c:23: state: a path begins with / or ~/ here, as the working "
	    "directory may be any\n"
	    "c:24: not [defaults] or [account NAME]\n"
	    "c:25: a [ without a ] at the end of the line\n"
	    "c:26: the name of an account has no blanks, quotes, brackets or "
	    "\"://\" and does not begin with -\n"
	    "c:27: the name of an account has no blanks, quotes, brackets or "
	    "\"://\" and does not begin with -\n"
	    "c:28: the name of an account has no blanks, quotes, brackets or "
	    "\"://\" and does not begin with -\n"
	    "c:3: account: there is no [account nobody]\n");
}

static void
odd_octets_are_refused_unseen(void)
{
	COMPLAINS("[account a]\npassword = sec\0ret\n",
	    "c:2: a control character (0x00)\n");
	COMPLAINS("[account a]\npassword = \033secret\n",
	    "c:2: a control character (0x1b)\n");
	COMPLAINS("[account a]\npassword = \"secret\n",
	    "c:2: the quote is not closed\n");
	COMPLAINS("[account a]\npassword = \"secret\\\n",
	    "c:2: in quotes, \\ goes before \", \\, n or t only\n");
	COMPLAINS("[account a]\npassword = \"sec\\ret\"\n",
	    "c:2: in quotes, \\ goes before \", \\, n or t only\n");
	COMPLAINS("[account a]\npassword = \"sec\"ret\n",
	    "c:2: something follows the closing quote\n");
	COMPLAINS("[account a]\npassword = \"\"\n",
	    "c:2: password: the value is empty\n");
	COMPLAINS("[account a]\npassword secret\n",
	    "c:2: not KEY = VALUE, FLAG or [SECTION]\n");
	COMPLAINS("[account a]\nurl = pop3s://joe:secret@h\n",
	    "c:2: url: a password in the URL, where others can see it: use "
	    "--password-command or --password-file (a colon in a user name is "
	    "%3A)\n");
	COMPLAINS("[account a]\n\302\233 = 1\n",
	    "c:2: unknown key \\M-B\\M^[\n");
}

static void
a_password_in_an_open_file_is_refused(void)
{
	static const char password[] = "[account a]\npassword = secret\n";
	static const char proxy[] = "[account a]\nproxy = socks5://u:p@h:1\n";
	static const char harmless[] = "[account a]\nproxy = socks5://h:1\n";
	struct buf notes = BUF_INIT;
	struct err err = ERR_INIT;
	struct config *config;
	char *want = xasprintf("c:2: %s/c holds a password and others may read "
			       "or write it (mode 0640): chmod 600 %s/c\n",
	    directory, directory);

	complains(password, sizeof(password) - 1, 0640, want);
	complains(proxy, sizeof(proxy) - 1, 0640, want);
	config = read_text(harmless, sizeof(harmless) - 1, 0644, &notes, &err);
	CHECK(config != NULL);
	config_free(config);
	config = read_text(password, sizeof(password) - 1, 0600, &notes, &err);
	CHECK(config != NULL);
	CHECK_INT(notes.len, 0);
	config_free(config);
	free(want);
}

static void
home_is_expanded_in_paths_only(void)
{
	struct config *config;
	struct account *account;
	struct err err = ERR_INIT;

	setenv("HOME", "/home/joe", 1);
	config = read_good("[account a]\n"
			   "maildir = ~/Mail\n"
			   "password-command = cat ~/p\n"
			   "tls-ca-file = ~\n"
			   "tls-cert = pkcs11:id=~\n"
			   "user = ~/joe\n");
	account = config_account(config, "a", &err);
	CHECK_STR(account->deliver_path, "/home/joe/Mail");
	CHECK_STR(account->password_command, "cat ~/p");
	CHECK_STR(account->tls_ca_file, "/home/joe");
	CHECK_STR(account->tls_cert, "pkcs11:id=~");
	CHECK_STR(account->user, "~/joe");
	account_free(account);
	config_free(config);
	config = read_good("[account a]\nmbox = -\n");
	config_free(config);
	COMPLAINS("[account a]\nmaildir = ~ann/Mail\n",
	    "c:2: maildir: a path begins with / or ~/ here, as the working "
	    "directory may be any\n");
}

static void
files_include_files(void)
{
	struct config *config;
	struct account *account;
	struct err err = ERR_INIT;
	char *sub = xasprintf("%s/sub", directory), *common, *more, *want;

	CHECK_INT(mkdir(sub, 0700), 0);
	common =
	    write_file("sub/common", "tls = none\ninclude more\n", 24, 0600);
	more = write_file("sub/more", "port = 1995\n[account b]\nhost = b\n",
	    33, 0600);
	config = read_good("[account a]\n"
			   "include sub/common\n"
			   "host = a\n"
			   "[account c]\n");
	account = config_account(config, "a", &err);
	CHECK_INT(account->tls, ACCOUNT_TLS_NONE);
	CHECK_STR(account->port, "1995");
	CHECK_STR(account->host, "a");
	account_free(account);
	account = config_account(config, "b", &err);
	CHECK_STR(account->host, "b");
	account_free(account);
	config_free(config);
	want = xasprintf("c:1: include: %s/sub/none: No such file or "
			 "directory\n"
			 "c:2: include: PATH is missing\n",
	    directory);
	COMPLAINS("include = \"sub/none\"\ninclude\n", want);
	free(want);
	unlink(common);
	unlink(more);
	rmdir(sub);
	free(common);
	free(more);
	free(sub);
}

/* A FIFO would be waited for, and /dev/fd/0 is somebody else's. */
static void
only_regular_files_are_included(void)
{
	char *fifo = xasprintf("%s/fifo", directory), *want;

	CHECK_INT(mkfifo(fifo, 0600), 0);
	want = xasprintf("c:1: include: %s: not a regular file\n"
			 "c:2: include: /dev/null: not a regular file\n"
			 "c:3: include: %s/.: not a regular file\n",
	    fifo, directory);
	COMPLAINS("include fifo\ninclude /dev/null\ninclude .\n", want);
	free(want);
	unlink(fifo);
	free(fifo);
}

static void
an_endless_include_ends(void)
{
	COMPLAINS("include c\n",
	    "c:1: include: more than 8 files deep, or 1000 in all\n");
	complains("include c\ninclude c\ninclude c\n", 30, 0600, NULL);
}

static void
files_that_cannot_be_read(void)
{
	struct err err = ERR_INIT;
	struct config *config;
	struct buf notes = BUF_INIT;
	char *none = xasprintf("%s/none", directory);

	CHECK(config_read(none, false, collect, &notes, &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	CHECK(strstr(err.text, "/none: No such file or directory") != NULL);
	config = config_read(none, true, collect, &notes, &err);
	CHECK(config != NULL);
	config_free(config);
	CHECK_INT(notes.len, 0);
	CHECK(config_read(directory, true, collect, &notes, &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	buf_clear(&notes);
	free(none);
}

/* A value that each row takes, and that is not what it is without. */
static const char *
sample(const struct setting *setting)
{
	static const char *const values[][2] = {
		{ "port", "1995" },
		{ "tls", "starttls" },
		{ "timeout", "7s" },
		{ "deadline", "90s" },
		{ "proxy", "socks5h://h:1080" },
		{ "source-address", "127.0.0.2" },
		{ "capa", "off" },
		{ "utf8", "on" },
		{ "lang", "de" },
		{ "pipelining", "9" },
		{ "url", "pop3://joe@h.example" },
		{ "delete-after", "3d" },
		{ "limit", "5" },
		{ "sync", "files" },
		{ "tls-pin", PIN("0") },
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcmp(values[i][0], setting->name) == 0)
			return values[i][1];
	}
	if (setting->arg == NULL)
		return NULL;
	if (strcmp(setting->arg, "SIZE") == 0)
		return "3k";
	if (strcmp(setting->arg, "FILE") == 0 ||
	    strcmp(setting->arg, "DIR") == 0)
		return "/some/where";
	if (strcmp(setting->arg, "CMD") == 0)
		return "\"echo \\\"a b\\\"\\n\\tc\"";
	return "plain";
}

static void
every_setting_goes_there_and_back(void)
{
	for (const struct setting *row = settings; row->name != NULL; row++) {
		const char *value = sample(row);
		struct buf first = BUF_INIT, again = BUF_INIT;
		struct err err = ERR_INIT;
		struct config *config;
		struct account *account;
		char *text, *line;

		if (row->option_only)
			continue;
		line = value == NULL ? xasprintf("%s\n", row->name) :
				       xasprintf("%s = %s\n", row->name, value);
		text = xasprintf("[account a]\n%s", line);
		config = read_good(text);
		free(text);
		account = config_account(config, "a", &err);
		config_print_account(account, &first);
		account_free(account);
		config_free(config);
		if (row->secret)
			CHECK(strstr(buf_text(&first), "plain") == NULL);
		else if (strcmp(row->name, "url") != 0)
			CHECK(strstr(buf_text(&first), line) != NULL);
		free(line);
		config = read_good(buf_text(&first));
		account = config_account(config, "a", &err);
		config_print_account(account, &again);
		CHECK_STR(buf_text(&again), buf_text(&first));
		account_free(account);
		config_free(config);
		buf_clear(&first);
		buf_clear(&again);
	}
}

static void
printing_hides_secrets(void)
{
	static const char pins[] =
	    "tls-pin = " PIN("1") "\n"
				  "tls-pin = " PIN("2") "\n";
	char *text = xasprintf("[account a]\n"
			       "url = pop3s://joe@h.example\n"
			       "password = secret\n"
			       "proxy = socks5://u:secret@p:1\n%s",
	    pins);
	char *shown = xasprintf("[account a]\n"
				"host = h.example\n"
				"user = joe\n"
				"tls = implicit\n"
				"%s"
				"timeout = 60s\n"
				"proxy = socks5://********@p:1\n"
				"capa = auto\n"
				"utf8 = auto\n"
				"lang = auto\n"
				"pipelining = auto\n"
				"password = ********\n"
				"keep\n"
				"sync = auto\n",
	    pins);
	struct config *config = read_good(text);
	struct err err = ERR_INIT;
	struct account *account = config_account(config, "a", &err);
	struct buf out = BUF_INIT;

	config_print_account(account, &out);
	CHECK_STR(buf_text(&out), shown);
	account_free(account);
	config_free(config);
	buf_clear(&out);
	free(shown);
	free(text);
}

static void
default_paths(void)
{
	char *path;

	setenv("HOME", "/home/joe", 1);
	unsetenv("XDG_CONFIG_HOME");
	path = config_default_path();
	CHECK_STR(path, "/home/joe/.config/poplar/config");
	free(path);
	setenv("XDG_CONFIG_HOME", "/x", 1);
	path = config_default_path();
	CHECK_STR(path, "/x/poplar/config");
	free(path);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	path = config_default_path();
	CHECK_STR(path, "/home/joe/.config/poplar/config");
	free(path);
}

int
main(void)
{
	char *path;

	if (mkdtemp(directory) == NULL)
		return 1;
	TEST(sections_are_laid_over_each_other);
	TEST(the_only_account_is_the_default);
	TEST(values_are_kept_as_they_are);
	TEST(a_mark_and_cr_at_line_ends_are_passed_over);
	TEST(every_error_is_told_at_once);
	TEST(odd_octets_are_refused_unseen);
	TEST(a_password_in_an_open_file_is_refused);
	TEST(home_is_expanded_in_paths_only);
	TEST(files_include_files);
	TEST(only_regular_files_are_included);
	TEST(an_endless_include_ends);
	TEST(files_that_cannot_be_read);
	TEST(every_setting_goes_there_and_back);
	TEST(printing_hides_secrets);
	TEST(default_paths);
	path = xasprintf("%s/c", directory);
	unlink(path);
	free(path);
	rmdir(directory);
	return TEST_END();
}
