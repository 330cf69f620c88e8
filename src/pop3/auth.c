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

/* RFC 2449 section 4: with CRLF. */
#define AUTH_LINE_MAX 255
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
	/* all that is secret or was sent as such, a NUL behind each */
	struct buf secrets;

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

/* No sentence may hold it, nor a trace that shows the server's lines. */
static void
keep_secret(struct login *login, const char *secret)
{
	buf_append(&login->secrets, secret, strlen(secret) + 1);
	if (log_options()->debug > 1)
		log_hide(secret);
}

/* There are servers that repeat what was wrong, as it was or decoded. */
static void
cover_secrets(const struct login *login, char *text)
{
	const struct buf *secrets = &login->secrets;

	for (size_t at = 0; at < secrets->len;
	     at += strlen(secrets->data + at) + 1)
		log_cover(text, secrets->data + at);
}

static enum outcome
refused(const struct login *login, struct err *err)
{
	char *words = log_safe(login->reply.data, login->reply.len);
	int status = pop3_code_status(login->code);

	cover_secrets(login, words);
	/* Without a code, or an unknown one, it is the login that failed. */
	if (status == EX_UNAVAILABLE && login->code != POP3_CODE_SYS_PERM)
		status = EX_NOPERM;
	(void)err_set(err, status, "%s refused the login%s%s",
	    pop3_peer(login->pop3), words[0] != '\0' ? ": " : "", words);
	if (login->detail != NULL)
		(void)err_set(err, status, "%s (%s)", err->text, login->detail);
	free(words);
	return status == EX_NOPERM ? REFUSED : OVER;
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

static int
need_password(struct login *login, struct err *err)
{
	const struct pop3_credentials *credentials = login->credentials;

	if (login->password != NULL)
		return 0;
	if (credentials->password == NULL)
		return err_set(err, EX_CONFIG,
		    "no password is configured, and %s accepts nothing else",
		    pop3_peer(login->pop3));
	login->password = credentials->password(credentials->arg, err);
	if (login->password == NULL)
		return -1;
	keep_secret(login, login->password);
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

static enum outcome
attempt_user(struct login *login, struct err *err)
{
	int result;

	if (check_line("password", login->password, err) == -1)
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
	int result = command(login, "USER", user, err);

	if (result == POP3_OK)
		result = command(login, "RPOP", user, err);
	return settle(login, result, err);
}

static enum outcome
attempt_apop(struct login *login, struct err *err)
{
	unsigned char md5[16];
	char hex[sizeof(md5) * 2 + 1];
	struct buf text = BUF_INIT;
	const char *stamp;
	size_t len;
	int result;

	stamp = mechanism_timestamp(pop3_greeting_text(login->pop3), &len);
	if (stamp == NULL) {
		(void)err_set(err, EX_CONFIG,
		    "--auth apop: the greeting of %s holds no timestamp",
		    pop3_peer(login->pop3));
		return OVER;
	}
	/* else RFC 6856 section 2.2 wants both prepared by SASLprep */
	if (!utf8_is_ascii(login->credentials->user) ||
	    !utf8_is_ascii(login->password)) {
		(void)err_set(err, EX_CONFIG,
		    "--auth apop takes a user name and a password in ASCII");
		return OVER;
	}
	buf_append(&text, stamp, len);
	buf_puts(&text, login->password);
	result = digest_md5(text.data, text.len, md5);
	buf_clear(&text);
	if (result == -1) {
		(void)err_set(err, EX_CONFIG,
		    "--auth apop: this system does not permit MD5");
		return OVER;
	}
	format_hex(md5, sizeof(md5), hex);
	buf_printf(&text, "%s %s", login->credentials->user, hex);
	login->judged = true;
	result = command(login, "APOP", buf_text(&text), err);
	buf_clear(&text);
	return settle(login, result, err);
}

/* A response of an exchange, or "" (RFC 5034: an empty line). */
static int
respond(struct login *login, const struct mechanism *mechanism,
    const struct buf *response, struct err *err)
{
	struct buf line = BUF_INIT;
	int result;

	base64_encode(response->data, response->len, &line);
	keep_secret(login, buf_text(&line));
	login->judged = ++login->responses >= mechanism->proof_at;
	result = pop3_auth_line(login->pop3, buf_text(&line), true,
	    &login->reply, &login->code, err);
	buf_clear(&line);
	return result;
}

/*
 * The AUTH command, with the initial response (NULL: none) when the line has
 * room for it. Else the server asks for it with an empty challenge.
 */
static int
begin(struct login *login, const struct mechanism *mechanism,
    const struct buf *initial, struct err *err)
{
	struct buf argument = BUF_INIT;
	size_t before;
	int result;

	buf_printf(&argument, "%s ", mechanism->sasl);
	before = argument.len;
	if (initial != NULL && initial->len == 0)
		buf_puts(&argument, "=");
	else if (initial != NULL)
		base64_encode(initial->data, initial->len, &argument);
	if (initial != NULL &&
	    argument.len + strlen("AUTH \r\n") <= AUTH_LINE_MAX) {
		login->judged = ++login->responses >= mechanism->proof_at;
		keep_secret(login, buf_text(&argument) + before);
	} else
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

/* A refused token is explained in a challenge, which is acknowledged. */
static int
hear_why(struct login *login, const struct mechanism *mechanism,
    struct err *err)
{
	struct buf json = BUF_INIT;
	int result;

	if (base64_decode(login->reply.data, login->reply.len, &json) == 0 &&
	    json.len > 0) {
		login->detail = log_safe(json.data, json.len);
		cover_secrets(login, login->detail);
		if (strlen(login->detail) > DETAIL_MAX)
			utf8_cut(login->detail, DETAIL_MAX);
	}
	buf_clear(&json);
	result = pop3_auth_line(login->pop3, oauth_acknowledge(mechanism->sasl),
	    false, &login->reply, &login->code, err);
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
	keep_secret(login, login->token);
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

/*
 * After list[at] was refused: which one is next, or n for none.
 *
 * Not yet judged: it was the mechanism, not the password. A proof was refused:
 * the server may lack what it needs to check it, so show the password where
 * that is acceptable. The password itself was refused: it is wrong, unless the
 * server would have said so by [AUTH] (RFC 3206) and did not.
 */
static int
next_after(const struct login *login, const struct mechanism *const *list,
    int n, int at)
{
	int i = at + 1;

	if (!login->judged)
		return i;
	if (list[at]->kind == MECHANISM_TOKEN)
		return n;
	if (list[at]->reveals) {
		bool says =
		    (pop3_caps(login->pop3) & POP3_CAP_AUTH_RESP_CODE) != 0;

		return says && login->code != POP3_CODE_AUTH ? i : n;
	}
	while (i < n && !list[i]->reveals)
		i++;
	return i < n ? i : at + 1;
}

static int
try_all(struct login *login, const struct mechanism *const *list, int n,
    struct err *err)
{
	struct err refusal = ERR_INIT;
	int at = 0, judged = 0;

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
			return -1;
		refusal = *err;
		at = next_after(login, list, n, at);
	}
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
	if (result == -1)
		cover_secrets(&login, err->text);
	if (login.password != NULL)
		freezero(login.password, strlen(login.password));
	if (login.token != NULL)
		freezero(login.token, strlen(login.token));
	buf_clear(&login.binding);
	buf_clear(&login.reply);
	buf_clear(&login.secrets);
	free(login.detail);
	return result;
}
