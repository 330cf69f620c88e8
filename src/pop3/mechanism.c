/* SPDX-License-Identifier: ISC */
/*
 * The ways to log in. The table is in the order of preference over TLS:
 * whoever configured a token means it; a proof that is bound to the TLS
 * channel is better than one that is not, and any proof is better than the
 * password itself. What is not automatic is obsolete (MD5), trusts addresses,
 * or needs something set up beside a password.
 */
#include "pop3/mechanism.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "pop3/auth.h"

/* What is shown of a list of mechanisms. */
#define OFFERED_MAX 512

static const struct mechanism mechanisms[] = {
	{ .name = "oauthbearer",
	    .sasl = "OAUTHBEARER",
	    .kind = MECHANISM_TOKEN,
	    .automatic = true,
	    .reveals = true,
	    .proof_at = 1 },
	{ .name = "xoauth2",
	    .sasl = "XOAUTH2",
	    .kind = MECHANISM_TOKEN,
	    .automatic = true,
	    .reveals = true,
	    .proof_at = 1 },
	{ .name = "scram-sha-256-plus",
	    .sasl = "SCRAM-SHA-256-PLUS",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .binding = true,
	    .first = true,
	    .password = true,
	    .proof_at = 2 },
	{ .name = "scram-sha-256",
	    .sasl = "SCRAM-SHA-256",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .first = true,
	    .password = true,
	    .proof_at = 2 },
	{ .name = "scram-sha-1-plus",
	    .sasl = "SCRAM-SHA-1-PLUS",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .binding = true,
	    .first = true,
	    .password = true,
	    .proof_at = 2 },
	{ .name = "scram-sha-1",
	    .sasl = "SCRAM-SHA-1",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .first = true,
	    .password = true,
	    .proof_at = 2 },
	{ .name = "plain",
	    .sasl = "PLAIN",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .reveals = true,
	    .first = true,
	    .password = true,
	    .proof_at = 1 },
	{ .name = "login",
	    .sasl = "LOGIN",
	    .kind = MECHANISM_SASL,
	    .automatic = true,
	    .reveals = true,
	    .password = true,
	    .proof_at = 2 },
	{ .name = "user",
	    .kind = MECHANISM_USER,
	    .automatic = true,
	    .reveals = true,
	    .password = true },
	{ .name = "cram-md5",
	    .sasl = "CRAM-MD5",
	    .kind = MECHANISM_SASL,
	    .password = true,
	    .proof_at = 1 },
	{ .name = "apop", .kind = MECHANISM_APOP, .password = true },
	{ .name = "rpop", .kind = MECHANISM_RPOP },
	{ .name = "external",
	    .sasl = "EXTERNAL",
	    .kind = MECHANISM_SASL,
	    .first = true,
	    .proof_at = 1 },
	{ .name = "gssapi",
	    .sasl = "GSSAPI",
	    .kind = MECHANISM_SASL,
	    .first = true,
	    .proof_at = 1 },
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

const struct mechanism *
mechanism_find(const char *name)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++) {
		if (strcasecmp(mechanisms[i].name, name) == 0)
			return &mechanisms[i];
	}
	return NULL;
}

int
pop3_auth_check(const char *mechanism, struct err *err)
{
	if (strcasecmp(mechanism, "auto") == 0 ||
	    mechanism_find(mechanism) != NULL)
		return 0;
	return err_set(err, EX_CONFIG, "there is no --auth %s; use: %s",
	    mechanism, pop3_auth_names());
}

const char *
pop3_auth_names(void)
{
	return "auto user apop rpop plain login cram-md5 scram-sha-1 "
	       "scram-sha-1-plus scram-sha-256 scram-sha-256-plus external "
	       "gssapi xoauth2 oauthbearer";
}

const char *
mechanism_timestamp(const char *greeting, size_t *len)
{
	const char *at = strchr(greeting, '<'), *p;
	bool domain = false;

	/*
	 * Only what has the shape of a msg-id is hashed (RFC 1939 section 7):
	 * a server that may choose any octets can find out the password from
	 * colliding ones.
	 */
	if (at == NULL)
		return NULL;
	for (p = at + 1; *p > ' ' && *p < 127 && *p != '<' && *p != '>'; p++)
		domain = domain || (*p == '@' && p > at + 1);
	if (*p != '>' || !domain)
		return NULL;
	*len = (size_t)(p - at) + 1;
	return at;
}

static bool
is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		size_t n = strcspn(list, " \t");

		if (n == len && strncasecmp(list, word, n) == 0)
			return true;
		list += n;
		list += strspn(list, " \t");
	}
	return false;
}

/* A token has no use in the clear (RFC 7628 section 3), whatever is allowed. */
static bool
may_send(const struct mechanism_offer *offer, const struct mechanism *mechanism)
{
	if (mechanism->kind == MECHANISM_TOKEN)
		return offer->tls;
	return offer->may_reveal || !mechanism->reveals;
}

static int
refuse_clear(const struct mechanism_offer *offer,
    const struct mechanism *mechanism, struct err *err)
{
	if (mechanism->kind == MECHANISM_TOKEN)
		return err_set(err, EX_CONFIG,
		    "--auth %s would send the token to %s in the clear, which "
		    "is never done; use --tls=implicit or --tls=starttls",
		    mechanism->name, offer->peer);
	return err_set(err, EX_CONFIG,
	    "--auth %s would send the password to %s in the clear; use --tls, "
	    "or --insecure-auth if that is wanted",
	    mechanism->name, offer->peer);
}

/* --auth was given: that one or none. */
static int
choose_wanted(const struct mechanism_offer *offer,
    const struct mechanism **list, struct err *err)
{
	const struct mechanism *mechanism = mechanism_find(offer->wanted);
	char *offered;

	if (mechanism == NULL)
		return pop3_auth_check(offer->wanted, err);
	if (!may_send(offer, mechanism))
		return refuse_clear(offer, mechanism, err);
	if (mechanism->binding && !offer->binding)
		return err_set(err, EX_CONFIG,
		    "--auth %s needs TLS with channel binding, which the "
		    "connection to %s does not have",
		    mechanism->name, offer->peer);
	/* Without a list the server may know it all the same. */
	if (mechanism->sasl != NULL && offer->sasl[0] != '\0' &&
	    !is_listed(offer->sasl, mechanism->sasl)) {
		offered =
		    log_said(offer->sasl, strlen(offer->sasl), OFFERED_MAX);
		(void)err_set(err, EX_CONFIG,
		    "%s does not offer --auth %s, but: %s", offer->peer,
		    mechanism->name, offered);
		free(offered);
		return -1;
	}
	list[0] = mechanism;
	return 1;
}

static bool
is_acceptable(const struct mechanism_offer *offer,
    const struct mechanism *mechanism)
{
	if (!mechanism->automatic)
		return false;
	if (!may_send(offer, mechanism))
		return false;
	if (mechanism->binding && !offer->binding)
		return false;
	if (mechanism->kind == MECHANISM_TOKEN && !offer->token)
		return false;
	/* CAPA may leave USER out, and be refused: USER is always there. */
	return mechanism->sasl == NULL ||
	    is_listed(offer->sasl, mechanism->sasl);
}

int
mechanism_choose(const struct mechanism_offer *offer,
    const struct mechanism *list[MECHANISMS_MAX], struct err *err)
{
	size_t i;
	int n = 0;

	if (offer->wanted != NULL && strcasecmp(offer->wanted, "auto") != 0)
		return choose_wanted(offer, list, err);
	for (i = 0; i < MECHANISMS; i++) {
		if (is_acceptable(offer, &mechanisms[i]))
			list[n++] = &mechanisms[i];
	}
	if (n == 0 && offer->token)
		return err_set(err, EX_UNAVAILABLE,
		    "the token is not sent to %s without TLS; use "
		    "--tls=implicit or --tls=starttls",
		    offer->peer);
	if (n == 0)
		return err_set(err, EX_UNAVAILABLE,
		    "%s offers no login that keeps the password secret on a "
		    "line without TLS; use --tls=implicit or --tls=starttls, "
		    "or --insecure-auth to send it in the clear",
		    offer->peer);
	return n;
}
