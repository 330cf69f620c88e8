/* SPDX-License-Identifier: ISC */
/* Where passwords come from, in which order, and what is refused. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account/account.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "unit/test.h"

static char directory[] = "/tmp/poplar-secret-XXXXXX";

static char *
write_file(const char *name, const char *data, size_t len, mode_t mode)
{
	char *path = xasprintf("%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd != -1);
	CHECK_INT(write(fd, data, len), len);
	CHECK_INT(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static struct account *
new_account(const char *setting, const char *value)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	account_set(account, setting_find("host"), "pop.example.org", &err);
	account_set(account, setting_find("user"), "joe", &err);
	if (setting != NULL &&
	    account_set(account, setting_find(setting), value, &err) == -1)
		CHECK_STR(err.text, "no error");
	return account;
}

/* want NULL: refused with status and a part of the sentence. Frees account. */
static void
password_is(struct account *account, const char *want, int status,
    const char *part)
{
	struct err err = ERR_INIT;
	char *got = account_password(account, &err);

	if (want != NULL)
		CHECK_STR(got, want);
	else {
		CHECK(got == NULL);
		CHECK_INT(err.status, status);
		if (strstr(err.text, part) == NULL)
			CHECK_STR(err.text, part);
		CHECK(strstr(err.text, "SECRET") == NULL);
	}
	free(got);
	account_free(account);
}

static void
file_is(const char *data, size_t len, const char *want, const char *part)
{
	char *path = write_file("p", data, len, 0600);

	password_is(new_account("password-file", path), want, EX_CONFIG, part);
	unlink(path);
	free(path);
}

#define FILE_IS(data, want, part) file_is(data, sizeof(data) - 1, want, part)

static void
files(void)
{
	char *big = xmalloc(65537);

	FILE_IS("SECRET", "SECRET", NULL);
	FILE_IS("SECRET\n", "SECRET", NULL);
	FILE_IS("SECRET\r\n", "SECRET", NULL);
	FILE_IS(" SEC RET \n", " SEC RET ", NULL);
	FILE_IS("\303\251\001\n", "\303\251\001", NULL);
	FILE_IS("", NULL, "password-file: it is empty");
	FILE_IS("\n", NULL, "password-file: it is empty");
	FILE_IS("SECRET\n\n", "SECRET", NULL);
	FILE_IS("SECRET\r\n\r\n\n", "SECRET", NULL);
	FILE_IS("\357\273\277SECRET\n", "SECRET", NULL);
	FILE_IS("SEC\357\273\277RET\n", "SEC\357\273\277RET", NULL);
	FILE_IS("\357\273\277", NULL, "password-file: it is empty");
	FILE_IS("\n\n", NULL, "password-file: it is empty");
	FILE_IS("\nSECRET\n", NULL, "more than one line");
	FILE_IS("SECRET\nSECRET\n", NULL, "more than one line");
	FILE_IS("SEC\rRET\n", NULL, "more than one line");
	FILE_IS("SECRET\0\n", NULL, "NUL");
	memset(big, 'x', 65536);
	big[65536] = '\0';
	file_is(big, 65536, big, NULL);
	memset(big, 'x', 65537);
	file_is(big, 65537, NULL, "more than 64 KiB");
	free(big);
}

static void
files_of_others(void)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0602, 0777 };
	char *path, *part;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		path = write_file("p", "SECRET\n", 7, modes[i]);
		part = xasprintf("(mode %04o): chmod 600 %s",
		    (unsigned int)modes[i], path);
		password_is(new_account("password-file", path), NULL, EX_CONFIG,
		    part);
		free(part);
		unlink(path);
		free(path);
	}
	path = write_file("p", "SECRET\n", 7, 0400);
	password_is(new_account("password-file", path), "SECRET", 0, NULL);
	unlink(path);
	password_is(new_account("password-file", path), NULL, EX_CONFIG,
	    "No such file or directory");
	free(path);
}

/* A FIFO is waited for as long as anything else. */
static void
fifos(void)
{
	char *path = xasprintf("%s/fifo", directory);
	struct account *account;
	pid_t pid;
	int fd;

	CHECK_INT(mkfifo(path, 0600), 0);
	account = new_account("password-file", path);
	account->timeout_ms = 50;
	password_is(account, NULL, EX_TEMPFAIL, "nothing came in time");
	/* a writer that says nothing */
	fd = open(path, O_RDWR);
	account = new_account("password-file", path);
	account->timeout_ms = 50;
	password_is(account, NULL, EX_TEMPFAIL, "nothing came in time");
	close(fd);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		fd = open(path, O_WRONLY);
		(void)poll(NULL, 0, 50);
		_exit(write(fd, "SECRET\n", 7) != 7);
	}
	password_is(new_account("password-file", path), "SECRET", 0, NULL);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	unlink(path);
	free(path);
}

static void
commands(void)
{
	struct account *account;

	password_is(new_account("password-command", "echo SECRET"), "SECRET", 0,
	    NULL);
	password_is(new_account("password-command", "printf 'SECRET\\r\\n'"),
	    "SECRET", 0, NULL);
	password_is(new_account("password-command",
			"printf 'SECRET\\nuser: x\\n'"),
	    NULL, EX_CONFIG, "password-command: more than one line");
	password_is(new_account("password-command", "true"), NULL, EX_CONFIG,
	    "password-command");
	password_is(new_account("password-command", "echo SECRET; exit 3"),
	    NULL, EX_CONFIG, "password-command");
	password_is(new_account("password-command",
			"head -c 70000 /dev/zero | tr '\\0' x"),
	    NULL, EX_CONFIG, "password-command");
	account = new_account("password-command", "sleep 60");
	account->timeout_ms = 50;
	password_is(account, NULL, EX_TEMPFAIL, "password-command");
}

static void
a_descriptor_is_read_once_and_kept(void)
{
	struct account *account;
	struct err err = ERR_INIT;
	char number[16];
	int fds[2];

	CHECK_INT(pipe(fds), 0);
	CHECK_INT(write(fds[1], "SECRET\n", 7), 7);
	close(fds[1]);
	snprintf(number, sizeof(number), "%d", fds[0]);
	account = new_account("password-fd", number);
	CHECK(account_needs_prompt(account));
	CHECK_INT(account_prompt(account, &err), 0);
	CHECK(!account_needs_prompt(account));
	password_is(account, "SECRET", 0, NULL);
	password_is(new_account("password-fd", number), "SECRET", 0, NULL);
	close(fds[0]);
	password_is(new_account("password-fd", "987"), NULL, EX_CONFIG,
	    "password-fd 987: cannot be read");
	/* one that never ends, under another number, as those are kept by it */
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(dup2(fds[0], 200), 200);
	account = new_account("password-fd", "200");
	account->timeout_ms = 50;
	password_is(account, NULL, EX_TEMPFAIL, "in time");
	close(200);
	close(fds[0]);
	close(fds[1]);
}

static void
the_order_of_sources(void)
{
	char *path = write_file("p", "file\n", 5, 0600);
	struct account *account = new_account("password-file", path);
	struct err err = ERR_INIT;

	account_set(account, setting_find("password-command"), "echo command",
	    &err);
	password_is(account_copy(account), "file", 0, NULL);
	account_set(account, setting_find("password"), "literal", &err);
	password_is(account_copy(account), "literal", 0, NULL);
	account_free(account);
	unlink(path);
	free(path);
}

static void
tokens(void)
{
	static const char *const bad[] = { "echo 'a b'", "printf 'a\\001b'",
		"printf 'a\\nb'", "printf 'caf\\303\\251'", "true" };
	struct account *account = new_account(NULL, NULL);
	struct err err = ERR_INIT;
	char *token;

	CHECK(account_token(account, &err) == NULL);
	CHECK_INT(err.status, EX_CONFIG);
	account_free(account);
	account = new_account("token-command", "echo ya29.a-b_c~+/=");
	token = account_token(account, &err);
	CHECK_STR(token, "ya29.a-b_c~+/=");
	CHECK(!account_needs_prompt(account));
	free(token);
	account_free(account);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err why = ERR_INIT;

		account = new_account("token-command", bad[i]);
		CHECK(account_token(account, &why) == NULL);
		CHECK_INT(why.status, EX_CONFIG);
		CHECK(strncmp(why.text, "token-command", 13) == 0);
		account_free(account);
	}
}

/* What ~/.netrc gives joe@pop.example.org. */
static void
netrc_is(const char *text, mode_t mode, const char *want, const char *part)
{
	char *path = write_file(".netrc", text, strlen(text), mode);

	setenv("HOME", directory, 1);
	password_is(new_account("netrc", NULL), want, EX_CONFIG, part);
	unlink(path);
	free(path);
}

static void
netrc(void)
{
	netrc_is("machine pop.example.org login joe password SECRET\n", 0600,
	    "SECRET", NULL);
	netrc_is("machine POP.Example.ORG. login joe password SECRET", 0600,
	    "SECRET", NULL);
	netrc_is(
	    "# mine\nmachine\n  pop.example.org\n\tpassword \"SEC RET\\\"\"",
	    0600, "SEC RET\"", NULL);
	netrc_is("machine pop.example.org login ann password x\n"
		 "machine other.example.org login joe password x\n"
		 "machine pop.example.org login joe password right\n"
		 "default password x\n",
	    0600, "right", NULL);
	netrc_is("machine other.example.org password x\n"
		 "default login joe password right\n",
	    0600, "right", NULL);
	netrc_is("macdef init\nmachine pop.example.org password x\n\n"
		 "machine pop.example.org account y password right login joe\n",
	    0600, "right", NULL);
	netrc_is("machine pop.example.org password #x\n", 0600, "#x", NULL);
	netrc_is("machine pop.example.org password SECRET\n", 0640, NULL,
	    "holds passwords and others may read or write it (mode 0640)");
	/* words of other programs, and a mark of editors */
	netrc_is("machine pop.example.org port 995 login joe password SECRET\n",
	    0600, "SECRET", NULL);
	netrc_is("machine pop.example.org login joe protocol pop3 force yes "
		 "password SECRET x-new\n",
	    0600, "SECRET", NULL);
	netrc_is("machine pop.example.org port password password SECRET\n",
	    0600, "SECRET", NULL);
	netrc_is("machine pop.example.org user ann password x\n"
		 "machine pop.example.org user joe password SECRET\n",
	    0600, "SECRET", NULL);
	netrc_is("machine other.example.org password x\nodd\n"
		 "machine pop.example.org password SECRET\n",
	    0600, "SECRET", NULL);
	netrc_is("\357\273\277machine pop.example.org password SECRET\n", 0600,
	    "SECRET", NULL);
	netrc_is("login joe password SECRET\n", 0600, NULL,
	    "no password for this account: ~/.netrc has no password for "
	    "machine pop.example.org and login joe, and there is no terminal");
	netrc_is("odd login joe password SECRET\n", 0600, NULL,
	    "~/.netrc has no password");
	netrc_is("machine pop.example.org password", 0600, NULL,
	    "the file ends within an entry");
	netrc_is("machine pop.example.org password \"SECRET\n", 0600, NULL,
	    "a quote is not closed");
	netrc_is("machine pop.example.org password \"\"\n", 0600, NULL,
	    "the password is empty");
	netrc_is("machine pop.example.org password \"SEC\\\nRET\"\n", 0600,
	    NULL, "line end");
	netrc_is("macdef init\nno empty line follows", 0600, NULL,
	    "no password for");
}

/* default and [defaults] are not for a server of the command line. */
static void
others_get_nothing(void)
{
	struct err err = ERR_INIT;
	struct account *account;
	char *path;

	path = write_file(".netrc", "default login joe password SECRET\n", 34,
	    0600);
	account = new_account("netrc", NULL);
	account_make_foreign(account);
	password_is(account, NULL, EX_CONFIG,
	    "~/.netrc has no password for machine pop.example.org");
	password_is(new_account("netrc", NULL), "SECRET", 0, NULL);
	unlink(path);
	free(path);
	path = write_file(".netrc",
	    "default password x\nmachine pop.example.org password SECRET\n", 59,
	    0600);
	account = new_account("netrc", NULL);
	account_make_foreign(account);
	password_is(account, "SECRET", 0, NULL);
	unlink(path);
	free(path);
	account = new_account("netrc", NULL);
	password_is(account, NULL, EX_CONFIG, "there is no ~/.netrc");
	account = new_account("password", "SECRET");
	account_set(account, setting_find("tls-cert"), "/cert", &err);
	account_set(account, setting_find("token-command"), "echo", &err);
	account_make_foreign(account);
	CHECK(account->tls_cert == NULL && account->token_command == NULL);
	password_is(account, NULL, EX_CONFIG,
	    "those of [defaults] are for the accounts of the configuration");
}

static void
a_netrc_without_the_host_needs_a_prompt(void)
{
	struct account *account = new_account("netrc", NULL);
	char *path = write_file(".netrc", "default password x\n", 19, 0600);

	setenv("HOME", directory, 1);
	CHECK(!account_needs_prompt(account));
	unlink(path);
	CHECK(account_needs_prompt(account));
	free(path);
	account_free(account);
	account = new_account("auth", "external");
	CHECK(!account_needs_prompt(account));
	account_free(account);
	account = new_account("password-command", "false");
	CHECK(!account_needs_prompt(account));
	account_free(account);
}

/* Neither read nor touched: what is piped to us is somebody's data. */
static void
without_a_terminal_nothing_is_asked(void)
{
	char data[8] = "";
	int fds[2];

	CHECK_INT(pipe(fds), 0);
	CHECK_INT(write(fds[1], "SECRET\n", 7), 7);
	close(fds[1]);
	CHECK_INT(dup2(fds[0], 0), 0);
	close(fds[0]);
	password_is(new_account(NULL, NULL), NULL, EX_CONFIG,
	    "no password for this account, and no terminal to ask at: give "
	    "--password-command, --password-file, --password-fd or --netrc");
	CHECK_INT(read(0, data, sizeof(data)), 7);
}

/* In the child: the terminal is ours; ask, and say what was got by status. */
static int
ask(const char *slave, const char *want)
{
	struct account *account;
	struct err err = ERR_INIT;
	char *password;
	int fd, status = 9;

	setsid();
	if ((fd = open(slave, O_RDWR)) == -1 || ioctl(fd, TIOCSCTTY, 0) == -1)
		return 8;
	account = new_account(NULL, NULL);
	if (account_prompt(account, &err) == -1)
		status = err.status;
	else {
		password = account_password(account, &err);
		if (password != NULL && strcmp(password, want) == 0)
			status = 0;
		free(password);
	}
	account_free(account);
	close(fd);
	return status;
}

/* Type at a terminal of our own making once the prompt is there. */
static void
typed(const char *keys, const char *want, int want_status)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), status;
	char seen[4096] = "";
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	CHECK(master != -1 && grantpt(master) == 0 && unlockpt(master) == 0);
	fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(ask(ptsname(master), want));
	while (strstr(seen, "org: ") == NULL &&
	    (n = read(master, seen + len, sizeof(seen) - 1 - len)) > 0)
		len += (size_t)n;
	CHECK_STR(seen, "Password for joe@pop.example.org: ");
	CHECK_INT(write(master, keys, strlen(keys)), strlen(keys));
	while ((n = read(master, seen, sizeof(seen) - 1)) > 0) {
		seen[n] = '\0';
		CHECK(strstr(seen, "SECRET") == NULL);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), want_status);
	close(master);
}

static void
at_a_terminal_it_is_asked(void)
{
	char *keys = xmalloc(4096);

	typed("SECRET\n", "SECRET", 0);
	typed("\n", "", EX_CONFIG);
	typed("\004", "", EX_CONFIG);
	memset(keys, 'x', 4095);
	keys[3000] = '\n';
	keys[3001] = '\0';
	typed(keys, "", EX_CONFIG);
	free(keys);
}

int
main(void)
{
	if (mkdtemp(directory) == NULL)
		return 1;
	/* no terminal of whoever runs this */
	if (getpgrp() == getpid()) {
		pid_t pid = fork();
		int status;

		if (pid != 0) {
			if (waitpid(pid, &status, 0) == -1)
				return 1;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
	}
	setsid();
	setenv("HOME", directory, 1);
	TEST(files);
	TEST(files_of_others);
	TEST(fifos);
	TEST(commands);
	TEST(a_descriptor_is_read_once_and_kept);
	TEST(the_order_of_sources);
	TEST(tokens);
	TEST(netrc);
	TEST(others_get_nothing);
	TEST(a_netrc_without_the_host_needs_a_prompt);
	TEST(without_a_terminal_nothing_is_asked);
	TEST(at_a_terminal_it_is_asked);
	rmdir(directory);
	return TEST_END();
}
