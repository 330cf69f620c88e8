/* SPDX-License-Identifier: ISC */
/*
 * Opening a session: connect, TLS or STLS, CAPA, UTF8, login, LANG. CAPA is
 * asked again after STLS (RFC 2595 section 4) and after login, where many
 * servers say more or less than before.
 */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "account/account.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "net/net.h"
#include "net/stream.h"
#include "net/tls.h"
#include "pop3/auth.h"
#include "session/language.h"

/* Longer than a server needs that knows CAPA, even one that is busy. */
#define CAPA_MS 20000

static char **
copy_lines(char *const *lines)
{
	size_t n = 0;
	char **copy;

	while (lines[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(lines[i]);
	return copy;
}

static void
free_lines(char **lines)
{
	for (size_t i = 0; lines != NULL && lines[i] != NULL; i++)
		free(lines[i]);
	free(lines);
}

static int
start_tls(struct session *session, struct stream *stream, struct err *err)
{
	struct account *account = session->account;
	struct tls_options options = {
		.ca_file = account->tls_ca_file,
		.store = account->tls_store,
		.crl_file = account->tls_crl_file,
		.pins = (const char *const *)account->tls_pins,
		.pin_only = account->tls_pin_only,
		.cert_file = account->tls_cert,
		.key_file = account->tls_key,
		.priority = account->tls_priority,
	};

	char *password;
	int rc;

	if (account_key_password(account, &password, err) == -1)
		return -1;
	options.key_password = password;
	rc = stream_start_tls(stream,
	    account->tls_host != NULL ? account->tls_host : account->host,
	    &options, session_until(session), err);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	return rc;
}

int64_t
session_until(const struct session *session)
{
	int64_t step = session->account->timeout_ms > 0 ?
	    deadline_after(session->account->timeout_ms) :
	    DEADLINE_NEVER;

	return deadline_earlier(step, session->until_ms);
}

static struct stream *
open_stream(struct session *session, struct err *err)
{
	struct account *account = session->account;
	struct net_target target = {
		.host = account->host,
		.port = account->port,
		.family = account->family,
		.source = account->source_address,
		.proxy = account->proxy,
		.tunnel = account->tunnel,
	};
	struct stream *stream;
	int fd;

	/* not while the server waits for the handshake */
	if (account_prompt_key(account, err) == -1)
		return NULL;
	fd =
	    net_connect(&target, &session->tunnel, session_until(session), err);
	if (fd == -1) {
		/* what this machine does not know may be written anywhere */
		if (err->status == EX_USAGE)
			err->status = EX_CONFIG;
		return NULL;
	}
	stream = stream_new(fd, account->host);
	if (account->tls == ACCOUNT_TLS_IMPLICIT &&
	    start_tls(session, stream, err) == -1) {
		stream_free(stream);
		return NULL;
	}
	return stream;
}

/*
 * A server that awaits TLS from the first octet says nothing before it, or
 * complains in TLS: an alert begins by 0x15.
 */
static int
hint_at_tls(const struct account *account, const struct stream *stream,
    struct err *err)
{
	struct err silent = *err;
	size_t len;
	const char *input = stream_input(stream, &len);

	if (account->tls == ACCOUNT_TLS_IMPLICIT)
		return -1;
	if (len > 0 && input[0] == 0x15)
		return err_set(err, EX_UNAVAILABLE,
		    "%s speaks TLS there; use --tls=implicit", account->host);
	if (err->status != EX_TEMPFAIL || stream_received(stream) > 0)
		return -1;
	return err_set(err, silent.status,
	    "%s; if it speaks TLS there, try --tls=implicit", silent.text);
}

int
session_connect(struct session *session, struct account *account,
    int64_t until_ms, struct err *err)
{
	struct pop3_options options = {
		.timeout_ms = account->timeout_ms,
		.until_ms = until_ms,
		.window = account->pipelining,
		/* a round trip saved; in the clear some middlebox might mind */
		.early = account->tls == ACCOUNT_TLS_IMPLICIT,
		.no_capa = account->capa != ACCOUNT_CAPA_AUTO,
		/* where it is not done without, patience is all there is */
		.capa_ms = account->tls == ACCOUNT_TLS_STARTTLS ? 0 : CAPA_MS,
	};
	struct stream *stream;

	memset(session, 0, sizeof(*session));
	session->account = account;
	session->until_ms = until_ms;
	session->tunnel.pid = -1;
	if (account->user != NULL)
		log_hide(account->user);
	stream = open_stream(session, err);
	if (stream == NULL)
		return -1;
	session->pop3 = pop3_new(stream, &options);
	if (options.early && pop3_capa_submit(session->pop3, err) == -1)
		return -1;
	if (pop3_greeting(session->pop3, err) == -1)
		return hint_at_tls(account, stream, err);
	return 0;
}

/* STLS is mandatory when chosen: nothing else is said before it. */
static int
secure_by_stls(struct session *session, struct err *err)
{
	struct pop3 *pop3 = session->pop3;

	if (pop3_capa_known(pop3) && !(pop3_caps(pop3) & POP3_CAP_STLS))
		return err_set(err, EX_UNAVAILABLE,
		    "%s does not offer STLS (STARTTLS); try --tls=implicit",
		    pop3_peer(pop3));
	if (pop3_stls(pop3, err) == -1) {
		if (err->status == EX_NOPERM)
			err->status = EX_UNAVAILABLE;
		return -1;
	}
	pop3_capa_forget(pop3);
	if (start_tls(session, pop3_stream(pop3), err) == -1)
		return -1;
	return pop3_capa(pop3, err);
}

static int
choose_utf8(struct session *session, struct err *err)
{
	struct pop3 *pop3 = session->pop3;
	enum account_utf8 wanted = session->account->utf8;

	if (wanted == ACCOUNT_UTF8_OFF)
		return 0;
	if (wanted == ACCOUNT_UTF8_AUTO && !(pop3_caps(pop3) & POP3_CAP_UTF8))
		return 0;
	if (pop3_utf8(pop3, err) == 0) {
		session->utf8 = true;
		return 0;
	}
	/* offered and then refused: the mail is readable without it */
	if (wanted == ACCOUNT_UTF8_AUTO && !pop3_dead(pop3))
		return 0;
	return -1;
}

/*
 * Is this one of the servers that hang up on CAPA, or fall silent? Never where
 * STLS was asked for: who can make that session end must not choose what is
 * said in the next one.
 */
static bool
died_of_capa(const struct session *session)
{
	const struct account *account = session->account;

	return session->pop3 != NULL && pop3_capa_fatal(session->pop3) &&
	    account->capa == ACCOUNT_CAPA_AUTO &&
	    account->tls != ACCOUNT_TLS_STARTTLS;
}

/* Connect once more and leave CAPA out, for the rest of the run. */
static int
go_without_capa(struct session *session, struct err *err)
{
	struct account *account = session->account;
	int64_t until_ms = session->until_ms;

	if (!died_of_capa(session))
		return -1;
	log_info("%s: %s; connecting once more without CAPA (capa = off spares "
		 "that)",
	    account->name, err->text);
	session_close(session);
	*err = (struct err)ERR_INIT;
	return session_connect(session, account, until_ms, err);
}

static int
ask_capa(struct session *session, struct err *err)
{
	return session->account->tls == ACCOUNT_TLS_IMPLICIT ?
	    pop3_capa_finish(session->pop3, err) :
	    pop3_capa(session->pop3, err);
}

static int
secure(struct session *session, struct err *err)
{
	if (ask_capa(session, err) == -1)
		return -1;
	if (session->account->tls == ACCOUNT_TLS_STARTTLS &&
	    secure_by_stls(session, err) == -1)
		return -1;
	session->caps_before = pop3_caps(session->pop3);
	session->capa_before = copy_lines(pop3_capa_lines(session->pop3));
	return choose_utf8(session, err);
}

int
session_secure(struct session *session, struct err *err)
{
	if (secure(session, err) == 0)
		return 0;
	if (go_without_capa(session, err) == -1)
		return -1;
	return secure(session, err);
}

static char *
ask_password(void *arg, struct err *err)
{
	return account_password(arg, err);
}

static char *
ask_token(void *arg, struct err *err)
{
	return account_token(arg, err);
}

/* Whoever named a language is told that he does not get it; nothing fails. */
static void
lang_done(void *arg, struct pop3_request *request)
{
	const struct session *session = arg;
	struct err err = ERR_INIT;

	if (request->result != POP3_ERR || session->account->lang == NULL)
		return;
	(void)pop3_refused(session->pop3, request, &err);
	log_info("%s: %s", session->account->name, err.text);
}

/*
 * LANG (RFC 6856 section 3), so that what is refused is refused in the user's
 * language. Nobody waits for the answer: with PIPELINING it costs no time.
 */
static int
submit_lang(struct session *session, struct err *err)
{
	const char *wanted = session->account->lang;
	char tag[LANGUAGE_SIZE];

	if (!(pop3_caps(session->pop3) & POP3_CAP_LANG))
		return 0;
	if (wanted == NULL) {
		if (!language_of_locale(tag))
			return 0;
		wanted = tag;
	} else if (strcmp(wanted, "off") == 0)
		return 0;
	session->lang.shape = POP3_LINE;
	session->lang.done = lang_done;
	session->lang.arg = session;
	return pop3_submit(session->pop3, &session->lang, err, "LANG %s",
	    wanted);
}

/* RFC 8314 section 5.2: who has switched protection off is told what it means.
 */
static void
warn_of_clear(struct account *account)
{
	if (account->tls != ACCOUNT_TLS_NONE || !account->insecure_auth ||
	    account->warned || account->tunnel != NULL ||
	    account->host[0] == '/' || net_is_loopback(account->host))
		return;
	account->warned = true;
	log_info("%s: without TLS others can read the mail on its way, and the "
		 "password, too",
	    account->name);
}

static int
log_in(struct session *session, struct err *err)
{
	struct account *account = session->account;
	struct pop3_credentials credentials = {
		.user = account->user,
		/* who gives a token does not want to be asked for a password */
		.password = account->token_command == NULL ||
			account_has_password(account) ?
		    ask_password :
		    NULL,
		.token = account->token_command != NULL ? ask_token : NULL,
		.arg = account,
		.mechanism = account->auth,
		.tls = stream_tls(pop3_stream(session->pop3)) != NULL,
		.insecure = account->insecure_auth,
		.host = account->host,
	};

	warn_of_clear(account);
	if (pop3_login(session->pop3, &credentials, err) == -1)
		return -1;
	pop3_logged_in(session->pop3);
	return submit_lang(session, err);
}

int
session_login(struct session *session, struct err *err)
{
	if (log_in(session, err) == 0)
		return 0;
	/* that the line is closed behind CAPA may show only now */
	if (go_without_capa(session, err) == -1 || secure(session, err) == -1)
		return -1;
	return log_in(session, err);
}

int
session_open(struct session *session, struct account *account, int64_t until_ms,
    struct err *err)
{
	if (session_connect(session, account, until_ms, err) == -1 ||
	    session_secure(session, err) == -1 ||
	    session_login(session, err) == -1) {
		session_close(session);
		return -1;
	}
	return 0;
}

int
session_capa(struct session *session, struct err *err)
{
	if (session->capa_after != NULL)
		return 0;
	if (pop3_capa(session->pop3, err) == -1) {
		if (died_of_capa(session))
			err_set(err, err->status, "%s; try --capa=off",
			    err->text);
		return -1;
	}
	session->capa_after = copy_lines(pop3_capa_lines(session->pop3));
	return 0;
}

int
session_quit_behind(struct session *session, struct err *err)
{
	session->quit.shape = POP3_LINE;
	session->quitting = true;
	return pop3_submit(session->pop3, &session->quit, err, "QUIT");
}

static int
finish_quit(struct session *session, struct err *err)
{
	if (!session->quitting)
		return pop3_quit(session->pop3, err);
	if (pop3_finish(session->pop3, &session->quit, err) == -1)
		return -1;
	if (session->quit.result != POP3_OK)
		return pop3_refused(session->pop3, &session->quit, err);
	return 0;
}

int
session_quit(struct session *session, bool deletes, struct err *err)
{
	int r = finish_quit(session, err);

	if (r == -1 && !deletes && pop3_dead(session->pop3) &&
	    err->status == EX_TEMPFAIL) {
		log_info("%s: %s; nothing hangs on it", session->account->name,
		    err->text);
		r = 0;
	}
	session_close(session);
	return r;
}

void
session_close(struct session *session)
{
	if (session->pop3 == NULL && session->capa_before == NULL)
		return;
	if (died_of_capa(session))
		session->account->capa = ACCOUNT_CAPA_GIVEN_UP;
	pop3_free(session->pop3);
	child_end(&session->tunnel);
	free_lines(session->capa_before);
	free_lines(session->capa_after);
	memset(session, 0, sizeof(*session));
	session->tunnel.pid = -1;
}
