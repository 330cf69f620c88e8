/* SPDX-License-Identifier: ISC */
/*
 * Logging in (RFC 1939 sections 4 and 7, RFC 5034). An attempt ends in one of
 * three ways; after a refusal the next mechanism may be tried where the server
 * has not yet judged a password, or where judging it once more in another way
 * can help. A server that fails to prove itself ends it all: trying a weaker
 * mechanism then would give the password to an impostor.
 */
#include "pop3/auth.h"

#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "net/stream.h"
#include "net/tls.h"
#include "pop3/mechanism.h"
#include "pop3/oauth.h"
#include "pop3/pop3.h"
#include "pop3/sasl.h"

/* Challenges in one exchange; GSSAPI needs the most, about four. */
#define AUTH_ROUNDS_MAX 16
/* What is shown of the reason for refusing a token. */
#define DETAIL_MAX 512
/* Times a run may have a password judged: some lock the account at three. */
#define AUTH_JUDGED_MAX 2

enum outcome {
	LOGGED_IN,
	REFUSED, /* the next mechanism may be tried */
	OVER
};

struct login {
	struct pop3 *pop3;
	const struct pop3_credentials *credentials;
	char *password, *token; /* owned, wiped */
	const char *binding_type;
	struct buf binding;

	/* the attempt under way */
	struct buf reply;
	enum pop3_code code;
	int responses; /* of SASL, sent */
	bool judged;   /* the server has seen what proves who we are */
	char *detail;  /* owned: why a token was refused, safe to show */
};

/* A command of a login, its argument wiped. Returns as pop3_auth_line. */
static int
command(struct login *login, const char *verb, const char *argument,
    struct err *err)
{
	struct buf line = BUF_INIT;
	int result;

	buf_puts(&line, verb);
	buf_puts(&line, " ");
	buf_puts(&line, argument);
	result = pop3_auth_line(login->pop3, buf_text(&line), false,
	    &login->reply, &login->code, err);
	buf_clear(&line);
	return result;
}

/* Does the server say by [AUTH] when a password is wrong (RFC 3206)? */
static bool
says_auth(const struct login *login)
{
	return (pop3_caps(login->pop3) & POP3_CAP_AUTH_RESP_CODE) != 0;
}

/*
 * The status of a refused login. Without a code, or by an unknown one, it is
 * the credentials that were refused, unless the server would have said so.
 */
static int
refusal_status(const struct login *login)
{
	switch (login->code) {
	case POP3_CODE_NONE:
	case POP3_CODE_UTF8:
	case POP3_CODE_OTHER:
		return says_auth(login) ? EX_UNAVAILABLE : EX_NOPERM;
	default:
		return pop3_code_status(login->code);
	}
}

/* Would another mechanism fare better? A fault of the server stays. */
static bool
is_final(enum pop3_code code)
{
	return code != POP3_CODE_NONE && code != POP3_CODE_UTF8 &&
	    code != POP3_CODE_OTHER && code != POP3_CODE_AUTH;
}

static enum outcome
refused(const struct login *login, struct err *err)
{
	char *words =
	    log_said(login->reply.data, login->reply.len, login->reply.len);
	int status = refusal_status(login);

	(void)err_set(err, status, "%s refused the login%s%s",
	    pop3_peer(login->pop3), words[0] != '\0' ? ": " : "", words);
	if (login->detail != NULL)
		(void)err_set(err, status, "%s (%s)", err->text, login->detail);
	free(words);
	return is_final(login->code) ? OVER : REFUSED;
}

/* What the last reply of an attempt means. */
static enum outcome
settle(const struct login *login, int result, struct err *err)
{
	switch (result) {
	case POP3_OK:
		return LOGGED_IN;
	case POP3_ERR:
		return refused(login, err);
	case POP3_MORE:
		(void)err_set(err, EX_PROTOCOL,
		    "%s sent a challenge where the login should have ended",
		    pop3_peer(login->pop3));
		return OVER;
	default:
		return OVER;
	}
}

/* Why a password is needed that was never meant to be. */
static int
no_password(const struct login *login, struct err *err)
{
	const struct pop3_credentials *credentials = login->credentials;
	const char *peer = pop3_peer(login->pop3);
	const char *list = pop3_sasl_mechanisms(login->pop3);
	char *offered;

	if (credentials->token == NULL)
		return err_set(err, EX_CONFIG,
		    "no password is configured, and %s accepts nothing else",
		    peer);
	if (credentials->mechanism != NULL &&
	    strcasecmp(credentials->mechanism, "auto") != 0)
		return err_set(err, EX_CONFIG,
		    "--auth %s needs a password, and --token-command is all "
		    "that is configured",
		    credentials->mechanism);
	if (!credentials->tls)
		return err_set(err, EX_CONFIG,
		    "the token is not sent without TLS, and no password is "
		    "configured; use --tls=implicit or --tls=starttls");
	offered = log_said(list, strlen(list), DETAIL_MAX);
	(void)err_set(err, EX_CONFIG,
	    "%s offers no login by token (OAUTHBEARER or XOAUTH2)%s%s, and no "
	    "password is configured",
	    peer, offered[0] != '\0' ? ", only: " : "", offered);
	free(offered);
	return -1;
}

static int
need_password(struct login *login, struct err *err)
{
	const struct pop3_credentials *credentials = login->credentials;

	if (login->password != NULL)
		return 0;
	if (credentials->password == NULL)
		return no_password(login, err);
	login->password = credentials->password(credentials->arg, err);
	if (login->password == NULL)
		return -1;
	log_secret(login->password);
	return 0;
}

/* Before half of a login is sent: can the rest be? */
static int
check_line(const char *what, const char *text, struct err *err)
{
	if (strpbrk(text, "\r\n") != NULL)
		return err_set(err, EX_CONFIG, "the %s holds a line end", what);
	return 0;
}

/* digest: octets behind the name. A password has as many as it takes. */
static int
check_length(const char *verb, const char *name, size_t digest, struct err *err)
{
	size_t room =
	    POP3_COMMAND_MAX - strlen(" \r\n") - strlen(verb) - digest;

	if (strlen(name) > room)
		return err_set(err, EX_CONFIG,
		    "the user name is too long: %s takes %zu octets", verb,
		    room);
	return 0;
}

static enum outcome
attempt_user(struct login *login, struct err *err)
{
	int result;

	if (check_line("password", login->password, err) == -1 ||
	    check_length("USER", login->credentials->user, 0, err) == -1)
		return OVER;
	result = command(login, "USER", login->credentials->user, err);
	if (result != POP3_OK)
		return settle(login, result, err);
	login->judged = true;
	return settle(login, command(login, "PASS", login->password, err), err);
}

static enum outcome
attempt_rpop(struct login *login, struct err *err)
{
	const char *user = login->credentials->user;
	int result;

	if (check_length("USER", user, 0, err) == -1)
		return OVER;
	result = command(login, "USER", user, err);
	if (result == POP3_OK)
		result = command(login, "RPOP", user, err);
	return settle(login, result, err);
}

/* name and password as APOP can carry them */
static int
check_apop(const struct login *login, struct err *err)
{
	const char *user = login->credentials->user;

	/* else RFC 6856 section 2.2 wants both prepared by SASLprep */
	if (!utf8_is_ascii(user) || !utf8_is_ascii(login->password))
		return err_set(err, EX_CONFIG,
		    "--auth apop takes a user name and a password in ASCII");
	if (strpbrk(user, " \t") != NULL)
		return err_set(err, EX_CONFIG,
		    "--auth apop takes a user name without blanks, as the "
		    "digest follows one");
	return check_length("APOP", user, strlen(" ") + 32, err);
}

/* arguments = name " " MD5(timestamp password) */
static int
apop_arguments(struct login *login, struct buf *arguments, struct err *err)
{
	unsigned char md5[16];
	char hex[sizeof(md5) * 2 + 1];
	struct buf text = BUF_INIT;
	const char *stamp;
	size_t len;
	int result;

	stamp = mechanism_timestamp(pop3_greeting_text(login->pop3), &len);
	if (stamp == NULL)
		return err_set(err, EX_CONFIG,
		    "--auth apop: the greeting of %s holds no timestamp",
		    pop3_peer(login->pop3));
	if (check_apop(login, err) == -1)
		return -1;
	buf_append(&text, stamp, len);
	buf_puts(&text, login->password);
	result = digest_md5(text.data, text.len, md5);
	buf_clear(&text);
	if (result == -1)
		return err_set(err, EX_CONFIG,
		    "--auth apop: this system does not permit MD5");
	format_hex(md5, sizeof(md5), hex);
	buf_printf(arguments, "%s %s", login->credentials->user, hex);
	return 0;
}

static enum outcome
attempt_apop(struct login *login, struct err *err)
{
	struct buf arguments = BUF_INIT;
	enum outcome outcome = OVER;

	if (apop_arguments(login, &arguments, err) == 0) {
		login->judged = true;
		outcome = settle(login,
		    command(login, "APOP", buf_text(&arguments), err), err);
	}
	buf_clear(&arguments);
	return outcome;
}

/* A response of an exchange, or "" (RFC 5034: an empty line). */
static int
respond(struct login *login, const struct mechanism *mechanism,
    const struct buf *response, struct err *err)
{
	struct buf line = BUF_INIT;
	int result;

	base64_encode(response->data, response->len, &line);
	login->judged = ++login->responses >= mechanism->proof_at;
	result = pop3_auth_line(login->pop3, buf_text(&line), true,
	    &login->reply, &login->code, err);
	buf_clear(&line);
	return result;
}

/*
 * The AUTH command, with the initial response (NULL: none) when the line has
 * room for it. Else the server asks for it with an empty challenge. One that
 * lists no mechanisms may be older than initial responses (RFC 5034 section 3).
 */
static int
begin(struct login *login, const struct mechanism *mechanism,
    const struct buf *initial, struct err *err)
{
	struct buf argument = BUF_INIT;
	size_t before;
	int result;

	if (pop3_sasl_mechanisms(login->pop3)[0] == '\0')
		initial = NULL;
	buf_printf(&argument, "%s ", mechanism->sasl);
	before = argument.len;
	if (initial != NULL && initial->len == 0)
		buf_puts(&argument, "=");
	else if (initial != NULL)
		base64_encode(initial->data, initial->len, &argument);
	if (initial != NULL &&
	    argument.len + strlen("AUTH \r\n") <= POP3_COMMAND_MAX)
		login->judged = ++login->responses >= mechanism->proof_at;
	else
		argument.len = before - 1;
	result = command(login, "AUTH", buf_text(&argument), err);
	buf_clear(&argument);
	return result;
}

/* Leave an exchange (RFC 5034 section 4); whatever is said to that. */
static void
cancel(struct login *login)
{
	struct err ignored = ERR_INIT;

	(void)pop3_auth_line(login->pop3, "*", false, &login->reply,
	    &login->code, &ignored);
}

/* One side cannot go on: ours (another mechanism may do) or the server's. */
static enum outcome
give_up(const struct login *login, struct err *err)
{
	(void)err_prefix(err, "%s", pop3_peer(login->pop3));
	return err->status == EX_CONFIG || err->status == EX_NOPERM ? REFUSED :
								      OVER;
}

/* Decode the challenge and find the response. Returns as sasl_step. */
static int
answer(struct login *login, const struct mechanism *mechanism,
    struct sasl *sasl, struct buf *response, struct err *err)
{
	struct buf challenge = BUF_INIT;
	int result = -1;

	response->len = 0;
	/* What LOGIN servers ask is for people, and not always base64. */
	if (strcmp(mechanism->name, "login") != 0 &&
	    base64_decode(login->reply.data, login->reply.len, &challenge) ==
		-1)
		(void)err_set(err, EX_PROTOCOL,
		    "%s: the server's challenge is not base64",
		    mechanism->sasl);
	else
		result = sasl_step(sasl, buf_text(&challenge), challenge.len,
		    response, err);
	buf_clear(&challenge);
	return result;
}

static enum outcome
exchange(struct login *login, const struct mechanism *mechanism,
    struct sasl *sasl, struct buf *response, struct err *err)
{
	int more = 1, result, rounds;

	if (mechanism->first) {
		more = sasl_step(sasl, "", 0, response, err);
		if (more == -1)
			return give_up(login, err);
	}
	result =
	    begin(login, mechanism, mechanism->first ? response : NULL, err);
	if (mechanism->first && result == POP3_MORE && login->reply.len == 0)
		result = respond(login, mechanism, response, err);
	for (rounds = 0; result == POP3_MORE && rounds < AUTH_ROUNDS_MAX;
	     rounds++) {
		more = answer(login, mechanism, sasl, response, err);
		if (more == -1) {
			/* "channel-bindings-dont-match" and its like */
			if (mechanism->binding && err->status == EX_NOPERM &&
			    strstr(err->text, "channel-binding") != NULL)
				login->judged = true;
			cancel(login);
			return give_up(login, err);
		}
		result = respond(login, mechanism, response, err);
	}
	if (result == POP3_OK && more != 0) {
		(void)err_set(err, EX_PROTOCOL,
		    "%s ended the %s login before it had proved itself",
		    pop3_peer(login->pop3), mechanism->sasl);
		return OVER;
	}
	return settle(login, result, err);
}

static enum outcome
attempt_sasl(struct login *login, const struct mechanism *mechanism,
    struct err *err)
{
	struct sasl_options options = { .mechanism = mechanism->sasl,
		.user = login->credentials->user,
		.authzid = login->credentials->authzid,
		.password = mechanism->password ? login->password : NULL,
		.host = login->credentials->host,
		.clear =
		    !login->credentials->tls && !login->credentials->insecure,
		.binding_type = login->binding_type,
		.binding = login->binding.data,
		.binding_len = login->binding.len };
	struct buf response = BUF_INIT;
	struct sasl *sasl = sasl_new(&options, err);
	enum outcome outcome;

	if (sasl == NULL)
		return give_up(login, err);
	outcome = exchange(login, mechanism, sasl, &response, err);
	buf_clear(&response);
	sasl_free(sasl);
	return outcome;
}

/*
 * A refused token is explained in a challenge, which is acknowledged, or
 * cancelled if it cannot be read (RFC 5034 section 4).
 */
static int
hear_why(struct login *login, const struct mechanism *mechanism,
    struct err *err)
{
	const char *answer = oauth_acknowledge(mechanism->sasl);
	struct buf json = BUF_INIT;
	int result;

	if (base64_decode(login->reply.data, login->reply.len, &json) == -1)
		answer = "*";
	else if (json.len > 0) {
		login->detail = log_said(json.data, json.len, json.len);
		if (strlen(login->detail) > DETAIL_MAX)
			utf8_cut(login->detail, DETAIL_MAX);
	}
	buf_clear(&json);
	result = pop3_auth_line(login->pop3, answer, false, &login->reply,
	    &login->code, err);
	if (result == POP3_OK)
		return err_set(err, EX_PROTOCOL,
		    "%s refused the token and then accepted it",
		    pop3_peer(login->pop3));
	return result;
}

/* Always in two steps: some servers close the line on a long AUTH. */
static enum outcome
attempt_token(struct login *login, const struct mechanism *mechanism,
    struct err *err)
{
	const struct pop3_credentials *credentials = login->credentials;
	struct buf message = BUF_INIT;
	int result;

	if (oauth_message(mechanism->sasl, credentials->user,
		credentials->authzid, credentials->host, login->token, &message,
		err) == -1)
		return OVER;
	result = begin(login, mechanism, NULL, err);
	if (result == POP3_MORE)
		result = respond(login, mechanism, &message, err);
	buf_clear(&message);
	if (result == POP3_MORE && login->judged)
		result = hear_why(login, mechanism, err);
	return settle(login, result, err);
}

/*
 * Secrets are fetched before a command is sent: a server would not wait for
 * somebody who types.
 */
static int
need_secret(struct login *login, const struct mechanism *mechanism,
    struct err *err)
{
	const struct pop3_credentials *credentials = login->credentials;

	if (mechanism->password)
		return need_password(login, err);
	if (mechanism->kind != MECHANISM_TOKEN || login->token != NULL)
		return 0;
	if (credentials->token == NULL)
		return err_set(err, EX_CONFIG,
		    "--auth %s needs --token-command", mechanism->name);
	login->token = credentials->token(credentials->arg, err);
	if (login->token == NULL)
		return -1;
	log_secret(login->token);
	return 0;
}

static enum outcome
attempt(struct login *login, const struct mechanism *mechanism, struct err *err)
{
	login->responses = 0;
	login->judged = false;
	login->code = POP3_CODE_NONE;
	if (need_secret(login, mechanism, err) == -1)
		return OVER;
	log_debug(1, "login: %s", mechanism->name);
	switch (mechanism->kind) {
	case MECHANISM_USER:
		return attempt_user(login, err);
	case MECHANISM_APOP:
		return attempt_apop(login, err);
	case MECHANISM_RPOP:
		return attempt_rpop(login, err);
	case MECHANISM_TOKEN:
		return attempt_token(login, mechanism, err);
	case MECHANISM_SASL:
		break;
	}
	return attempt_sasl(login, mechanism, err);
}

static int
first_that(bool (*fits)(const struct mechanism *mechanism),
    const struct mechanism *const *list, int n, int i)
{
	while (i < n && !fits(list[i]))
		i++;
	return i;
}

static bool
reveals(const struct mechanism *mechanism)
{
	return mechanism->reveals;
}

static bool
binds(const struct mechanism *mechanism)
{
	return mechanism->binding;
}

/*
 * After list[at] was refused: which one is next, or n for none.
 *
 * Not yet judged: it was the mechanism, not the password. Judged, and refused
 * for another reason than that: no other will do. A proof bound to the channel
 * was refused: the other end may be one in the middle, who must get nothing
 * that he can use. Another proof was refused: the server may lack what it needs
 * to check it, so show the password where that is acceptable. The password
 * itself was refused: it is wrong.
 */
static int
next_after(const struct login *login, const struct mechanism *const *list,
    int n, int at)
{
	int i;

	if (!login->judged)
		return at + 1;
	if (list[at]->kind == MECHANISM_TOKEN || list[at]->reveals ||
	    (says_auth(login) && login->code != POP3_CODE_AUTH))
		return n;
	if (list[at]->binding)
		return first_that(binds, list, n, at + 1);
	i = first_that(reveals, list, n, at + 1);
	return i < n ? i : at + 1;
}

/* Who knows that his server is the right one can go on by hand. */
static void
explain_end(const struct login *login, const struct mechanism *const *list,
    int n, int at, struct err *err)
{
	if (!login->judged || !list[at]->binding || at + 1 == n)
		return;
	(void)err_set(err, err->status,
	    "%s; it was a proof bound to the TLS channel, and after that no "
	    "weaker one is tried (--auth %s would)",
	    err->text, list[n - 1]->name);
}

static int
try_all(struct login *login, const struct mechanism *const *list, int n,
    struct err *err)
{
	struct err refusal = ERR_INIT;
	int at = 0, last = 0, judged = 0;

	while (at < n) {
		enum outcome outcome = attempt(login, list[at], err);

		if (outcome == LOGGED_IN) {
			*err = (struct err)ERR_INIT;
			return 0;
		}
		/* Many close the line behind a refusal: that is the news. */
		if (outcome == OVER && refusal.status != 0 &&
		    pop3_dead(login->pop3))
			*err = refusal;
		if (outcome == OVER)
			return -1;
		judged += login->judged;
		if (judged == AUTH_JUDGED_MAX)
			break;
		refusal = *err;
		last = at;
		at = next_after(login, list, n, at);
	}
	explain_end(login, list, n, last, err);
	return -1;
}

int
pop3_login(struct pop3 *pop3, const struct pop3_credentials *credentials,
    struct err *err)
{
	struct login login = { .pop3 = pop3, .credentials = credentials };
	const struct mechanism *list[MECHANISMS_MAX];
	struct tls *tls = stream_tls(pop3_stream(pop3));
	struct mechanism_offer offer = { .peer = pop3_peer(pop3),
		.wanted = credentials->mechanism,
		.sasl = pop3_sasl_mechanisms(pop3),
		.tls = credentials->tls,
		.may_reveal = credentials->tls || credentials->insecure,
		.token = credentials->token != NULL };
	int n, result = -1;

	if (credentials->user == NULL)
		return err_set(err, EX_CONFIG, "no user name; use --user");
	if (check_line("user name", credentials->user, err) == -1)
		return -1;
	if (tls != NULL)
		login.binding_type = tls_binding(tls, &login.binding);
	offer.binding = login.binding_type != NULL;
	n = mechanism_choose(&offer, list, err);
	if (n > 0)
		result = try_all(&login, list, n, err);
	if (login.password != NULL)
		freezero(login.password, strlen(login.password));
	if (login.token != NULL)
		freezero(login.token, strlen(login.token));
	buf_clear(&login.binding);
	buf_clear(&login.reply);
	free(login.detail);
	return result;
}
