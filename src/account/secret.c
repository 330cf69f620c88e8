/* SPDX-License-Identifier: ISC */
/*
 * Where passwords and tokens come from. All sources are bounded in size and,
 * but for the prompt, in time; none of them shows what it reads.
 */
#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "account/netrc.h"
#include "account/secret.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "net/tls.h"

#define SECRET_MAX 65536
#define READ_SIZE 4096
#define PROMPT_MAX 2048

int
secret_check_mode(int fd, const char *path, const char *what, struct err *err)
{
	struct stat st;
	char *safe;

	if (fstat(fd, &st) == -1)
		return err_sys(err, EX_CONFIG, "%s", path);
	/* a pipe or a descriptor's name has no permissions worth a look */
	if (!S_ISREG(st.st_mode) || (st.st_mode & 066) == 0)
		return 0;
	safe = log_safe(path, strlen(path));
	err_set(err, EX_CONFIG,
	    "%s holds %s and others may read or write it (mode %04o): "
	    "chmod 600 %s",
	    safe, what, (unsigned int)st.st_mode & 07777, safe);
	free(safe);
	return -1;
}

/* All of fd into out, which is wiped on failure. */
static int
read_all(int fd, int timeout_ms, struct buf *out, struct err *err)
{
	int64_t until_ms = deadline_after(timeout_ms);

	for (;;) {
		struct pollfd fds[2] = { { fd, POLLIN, 0 },
			{ signals_fd(), POLLIN, 0 } };
		ssize_t n;
		int ready = poll(fds, 2, deadline_poll(until_ms));

		if (signals_stop() != 0)
			return err_set(err, EX_TEMPFAIL, "interrupted");
		if (ready == -1 && errno == EINTR)
			continue;
		if (ready == -1)
			return err_sys(err, EX_OSERR, "poll");
		if (ready == 0)
			return err_set(err, EX_TEMPFAIL,
			    "nothing came in time");
		n = read(fd, buf_grow(out, READ_SIZE), READ_SIZE);
		out->len -= (size_t)(READ_SIZE - (n > 0 ? n : 0));
		if (n == 0)
			return 0;
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == -1)
			return err_sys(err, EX_CONFIG, "cannot be read");
		if (out->len > SECRET_MAX)
			return err_set(err, EX_CONFIG,
			    "more than 64 KiB, which is no password");
	}
}

int
secret_read_file(const char *path, const char *what, int timeout_ms,
    struct buf *out, struct err *err)
{
	char *safe = log_safe(path, strlen(path));
	/* a FIFO is not waited for here, but where time and signals count */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;

	if (fd == -1) {
		err_sys(err, EX_CONFIG, "%s", safe);
		free(safe);
		return -1;
	}
	r = secret_check_mode(fd, path, what, err);
	if (r == 0 && (r = read_all(fd, timeout_ms, out, err)) == -1)
		err_prefix(err, "%s", safe);
	close(fd);
	free(safe);
	if (r == -1)
		buf_clear(out);
	return r;
}

/* A byte order mark at the beginning: editors leave it, and nobody sees it. */
static void
drop_mark(struct buf *text)
{
	if (text->len < 3 || memcmp(text->data, "\xef\xbb\xbf", 3) != 0)
		return;
	text->len -= 3;
	memmove(text->data, text->data + 3, text->len);
	explicit_bzero(text->data + text->len, 3);
}

/*
 * The octets as a string: without the line end, and nothing that would break
 * a line of the protocol. Takes from.
 */
static char *
finish(struct buf *from, const char *source, struct err *err)
{
	drop_mark(from);
	/* and without empty lines behind it, as an editor may leave them */
	while (from->len > 0 &&
	    (from->data[from->len - 1] == '\n' ||
		from->data[from->len - 1] == '\r'))
		from->len--;
	if (from->len == 0)
		err_set(err, EX_CONFIG, "%s: it is empty", source);
	else if (memchr(from->data, '\0', from->len) != NULL)
		err_set(err, EX_CONFIG, "%s: there is a NUL in it", source);
	else if (memchr(from->data, '\n', from->len) != NULL ||
	    memchr(from->data, '\r', from->len) != NULL)
		err_set(err, EX_CONFIG,
		    "%s: more than one line (`| head -n 1` takes the first)",
		    source);
	else
		return buf_take(from);
	buf_clear(from);
	return NULL;
}

static char *
from_file(const struct account *account, struct err *err)
{
	struct buf data = BUF_INIT;

	if (secret_read_file(account->password_file, "a password",
		account->timeout_ms, &data, err) == -1) {
		err_prefix(err, "password-file");
		return NULL;
	}
	return finish(&data, "password-file", err);
}

static char *
from_command(const struct account *account, const char *command,
    const char *source, struct err *err)
{
	struct buf data = BUF_INIT;

	if (child_capture(command, SECRET_MAX,
		deadline_after(account->timeout_ms), &data, err) == -1) {
		err_prefix(err, "%s", source);
		buf_clear(&data);
		return NULL;
	}
	return finish(&data, source, err);
}

/*
 * A descriptor gives its octets once, whatever the number of accounts that
 * were told to read it; so they are kept.
 */
static char *
from_descriptor(const struct account *account, struct err *err)
{
	static char *kept;
	static int kept_fd = -1;
	struct buf data = BUF_INIT;

	if (kept == NULL || kept_fd != account->password_fd) {
		if (read_all(account->password_fd, account->timeout_ms, &data,
			err) == -1) {
			buf_clear(&data);
			err_prefix(err, "password-fd %d", account->password_fd);
			return NULL;
		}
		if (kept != NULL)
			explicit_bzero(kept, strlen(kept));
		free(kept);
		kept = finish(&data, "password-fd", err);
		kept_fd = account->password_fd;
	}
	return kept == NULL ? NULL : xstrdup(kept);
}

static char *
no_password(const struct account *account, struct err *err)
{
	const char *name =
	    account->name != NULL ? account->name : "this account";
	char *missing;

	if (account->netrc) {
		missing = netrc_missing(account);
		err_set(err, EX_CONFIG,
		    "no password for %s: %s, and there is no terminal to ask "
		    "at",
		    name, missing);
		free(missing);
	} else if (account->withheld)
		err_set(err, EX_CONFIG,
		    "no password for %s: those of [defaults] are for the "
		    "accounts of the configuration, not for a server named on "
		    "the command line; name such an account with --account, or "
		    "give --password-command, --password-file, or --netrc with "
		    "an entry for this machine",
		    name);
	else
		err_set(err, EX_CONFIG,
		    "no password for %s, and no terminal to ask at: give "
		    "--password-command, --password-file, --password-fd or "
		    "--netrc",
		    name);
	return NULL;
}

/*
 * Ask at the terminal and nowhere else: without RPP_REQUIRE_TTY it would read
 * standard input, which may be somebody's data. NULL, and err is left alone:
 * there is no terminal.
 */
static char *
ask(const char *prompt, struct err *err)
{
	char text[PROMPT_MAX], *answer = NULL;
	size_t len;

	if (readpassphrase(prompt, text, sizeof(text), RPP_REQUIRE_TTY) ==
	    NULL) {
		if (errno == EINTR)
			err_set(err, EX_TEMPFAIL,
			    "interrupted while asking for a password");
	} else if ((len = strlen(text)) == 0)
		err_set(err, EX_CONFIG, "no password was typed");
	else if (len == sizeof(text) - 1)
		/* readpassphrase cuts in silence */
		err_set(err, EX_CONFIG, "the password typed is too long");
	else
		answer = xstrdup(text);
	explicit_bzero(text, sizeof(text));
	return answer;
}

static char *
from_prompt(const struct account *account, struct err *err)
{
	const char *user = account->user != NULL ? account->user : "?";
	const char *host = account->host != NULL ? account->host : "?";
	struct err why = ERR_INIT;
	char *who, *safe, *prompt, *answer;

	who = xasprintf("%s@%s", user, host);
	safe = log_safe(who, strlen(who));
	prompt = xasprintf("Password for %s: ", safe);
	answer = ask(prompt, &why);
	if (answer == NULL && why.status == 0)
		no_password(account, err);
	else if (answer == NULL)
		*err = why;
	free(prompt);
	free(safe);
	free(who);
	return answer;
}

/* Is there a key whose password only the user can give? */
static bool
key_needs_prompt(const struct account *account)
{
	return account->tls != ACCOUNT_TLS_NONE && account->tls_key != NULL &&
	    account->tls_key_password_command == NULL &&
	    account->tls_key_password == NULL &&
	    tls_key_is_encrypted(account->tls_key);
}

static int
ask_key(struct account *account, struct err *err)
{
	struct err why = ERR_INIT;
	char *safe, *prompt;

	safe = log_safe(account->tls_key, strlen(account->tls_key));
	prompt = xasprintf("Password for the key %s: ", safe);
	account->tls_key_password = ask(prompt, &why);
	if (account->tls_key_password == NULL && why.status == 0)
		err_set(&why, EX_CONFIG,
		    "the key %s needs a password, and there is no terminal "
		    "to ask at: give --tls-key-password-command",
		    safe);
	free(prompt);
	free(safe);
	if (account->tls_key_password != NULL)
		return 0;
	*err = why;
	return -1;
}

int
account_prompt_key(struct account *account, struct err *err)
{
	return key_needs_prompt(account) ? ask_key(account, err) : 0;
}

int
account_key_password(struct account *account, char **password, struct err *err)
{
	*password = NULL;
	if (account_prompt_key(account, err) == -1)
		return -1;
	if (account->tls_key_password != NULL)
		*password = xstrdup(account->tls_key_password);
	else if (account->tls_key_password_command != NULL) {
		*password =
		    from_command(account, account->tls_key_password_command,
			"tls-key-password-command", err);
		if (*password == NULL)
			return -1;
	}
	return 0;
}

/* Is there a source that gives the password whenever it is asked? */
static bool
has_source(const struct account *account)
{
	return account->password != NULL || account->password_file != NULL ||
	    account->password_command != NULL;
}

bool
account_has_password(const struct account *account)
{
	return has_source(account) || account->password_fd != -1 ||
	    account->netrc;
}

char *
account_password(struct account *account, struct err *err)
{
	char *password;

	if (account->password != NULL)
		return xstrdup(account->password);
	if (account->password_fd != -1)
		return from_descriptor(account, err);
	if (account->password_file != NULL)
		return from_file(account, err);
	if (account->password_command != NULL)
		return from_command(account, account->password_command,
		    "password-command", err);
	if (account->netrc) {
		if (netrc_password(account, &password, err) == -1)
			return NULL;
		if (password != NULL)
			return password;
	}
	return from_prompt(account, err);
}

char *
account_token(struct account *account, struct err *err)
{
	char *token;

	if (account->token_command == NULL) {
		err_set(err, EX_CONFIG,
		    "no OAuth token for %s: give --token-command",
		    account->name != NULL ? account->name : "this account");
		return NULL;
	}
	token =
	    from_command(account, account->token_command, "token-command", err);
	for (char *p = token; p != NULL && *p != '\0'; p++) {
		/* RFC 6750: a control character would forge a field of ours */
		if (*p > 0x20 && *p < 0x7f)
			continue;
		err_set(err, EX_CONFIG,
		    "token-command: what it prints is not a token");
		explicit_bzero(token, strlen(token));
		free(token);
		return NULL;
	}
	return token;
}

static bool
password_needs_prompt(const struct account *account)
{
	struct err err = ERR_INIT;
	char *password = NULL;
	bool needs;

	if (account->password != NULL)
		return false;
	if (account->password_fd != -1)
		return true;
	if (has_source(account) || account->token_command != NULL)
		return false;
	/* these show who we are without one */
	if (account->auth != NULL &&
	    (strcmp(account->auth, "external") == 0 ||
		strcmp(account->auth, "gssapi") == 0))
		return false;
	if (!account->netrc)
		return true;
	/* its errors are for account_password() to tell */
	needs =
	    netrc_password(account, &password, &err) == 0 && password == NULL;
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	return needs;
}

bool
account_needs_prompt(const struct account *account)
{
	return password_needs_prompt(account) || key_needs_prompt(account);
}

int
account_prompt(struct account *account, struct err *err)
{
	if (account_prompt_key(account, err) == -1)
		return -1;
	if (!password_needs_prompt(account))
		return 0;
	account->password = account->password_fd != -1 ?
	    from_descriptor(account, err) :
	    from_prompt(account, err);
	return account->password == NULL ? -1 : 0;
}
