/* SPDX-License-Identifier: ISC */
/*
 * What check learns from the server, step by step, and what it makes of a
 * failure. Where the cause could be the wrong way to TLS, the other way is
 * tried, as far as the greeting.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "cli/provider.h"
#include "net/net.h"
#include "net/stream.h"
#include "net/tls.h"
#include "session/session.h"

#define PROBE_MS 5000
#define KEY_MARK " (its key: "
#define PIN_MARK "--tls-pin="

static void
say_wrong(struct check *check, const char *what, const char *mend,
    const struct err *err)
{
	check_say(check, what, FINDING_WRONG, err->status, mend, "%s",
	    err->text);
}

static bool
says(const struct err *err, const char *words)
{
	return strcasestr(err->text, words) != NULL;
}

static const struct provider *
provider_of(const struct check *check)
{
	return provider_find(check->account->host, check->account->user);
}

/* ---- the wrong way to TLS ---- */

/*
 * Is a POP3 server to be heard this way? It need not be one we trust. caps is
 * what it offers, where that can be known.
 */
static bool
greets(const struct account *account, enum account_tls tls, unsigned int *caps)
{
	struct account *other = account_copy(account);
	struct session session;
	struct err err = ERR_INIT;
	bool heard;

	other->tls = tls;
	if (other->timeout_ms == 0 || other->timeout_ms > PROBE_MS)
		other->timeout_ms = PROBE_MS;
	memset(&session, 0, sizeof(session));
	heard = session_connect(&session, other, deadline_after(PROBE_MS),
		    &err) == 0;
	if (heard && session_secure(&session, &err) == 0)
		*caps = session.caps_before;
	else if (tls == ACCOUNT_TLS_IMPLICIT && says(&err, "certificate"))
		heard = true;
	session_close(&session);
	account_free(other);
	return heard;
}

/* ---- connecting ---- */

static char *
mend_certificate(const struct check *check, const struct err *err)
{
	const char *pin = strstr(err->text, PIN_MARK);
	time_t now = time(NULL);
	char text[32];

	if (says(err, "expired on") || says(err, "not valid until")) {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", gmtime(&now));
		return xasprintf(
		    "If this machine's clock is wrong, set it: it says %s "
		    "UTC. Otherwise the server needs a new certificate.",
		    text);
	}
	if (says(err, "is for "))
		return xstrdup("Set host to a name that the certificate is "
			       "for.");
	if (pin == NULL)
		return NULL;
	pin += strlen(PIN_MARK);
	return xasprintf(
	    "If its authority is your own, name that: tls-ca-file = FILE. If "
	    "whoever runs the server tells you the same pin, %sadd these two "
	    "lines to the account:\ntls-pin=%.*s\ntls-pin-only",
	    check->account->tls_ca_file != NULL ||
		    check->account->tls_crl_file != NULL ?
		"remove tls-ca-file and tls-crl-file and " :
		"",
	    (int)strcspn(pin, ")"), pin);
}

/* The key is in what mends it, where it can be pasted. */
static void
say_certificate(struct check *check, const struct err *err)
{
	struct err brief = *err;
	char *key = strstr(brief.text, KEY_MARK);
	char *mend = mend_certificate(check, err);

	if (key != NULL)
		*key = '\0';
	say_wrong(check, "tls", mend, &brief);
	free(mend);
}

static char *
mend_host(const struct check *check)
{
	const struct provider *provider = provider_of(check);

	/* on loopback there may be a proxy that gets the token */
	if (provider == NULL || net_is_loopback(check->account->host))
		return NULL;
	if (provider->host == NULL)
		return xasprintf("%s has no POP3 server: %s.", provider->name,
		    provider->login);
	if (strcasecmp(provider->host, check->account->host) == 0)
		return NULL;
	return xasprintf("The POP3 server of %s is another: host = %s.",
	    provider->name, provider->host);
}

/* Nothing came of a connection: is there one that would? */
static char *
mend_connection(struct check *check, bool connected)
{
	const struct account *account = check->account;
	bool implicit = account->tls == ACCOUNT_TLS_IMPLICIT;
	unsigned int caps = 0;
	char *mend = mend_host(check);

	if (mend != NULL || account->tunnel != NULL)
		return mend;
	if (implicit && greets(account, ACCOUNT_TLS_NONE, &caps))
		return caps & POP3_CAP_STLS ?
		    xasprintf("TLS begins later at this port: set tls = "
			      "starttls and port = %s.",
			account->port) :
		    xstrdup("The server has no TLS at this port: set port = "
			    "995.");
	if (!implicit && connected &&
	    greets(account, ACCOUNT_TLS_IMPLICIT, &caps))
		return xstrdup(
		    "The server speaks TLS from the first octet at this "
		    "port: set tls = implicit.");
	if (connected || net_is_loopback(account->host))
		return NULL;
	return xstrdup("Are host and port right, and is no firewall between? "
		       "TLS is at port 995 (tls = implicit), STLS at 110 (tls "
		       "= starttls).");
}

static void
connect_failed(struct check *check, const struct session *session,
    const struct err *err)
{
	const char *what = "connect";
	char *mend = NULL;

	if (err->status == EX_NOHOST) {
		what = "resolve";
		mend = mend_host(check);
		if (mend == NULL)
			mend = xstrdup("Check the spelling of host.");
	} else if (says(err, "certificate of ")) {
		say_certificate(check, err);
		return;
	} else if (says(err, ", not POP3")) {
		mend = xstrdup("Set port = 995 with tls = implicit, or port = "
			       "110 with tls = starttls.");
	} else if (err->status == EX_UNAVAILABLE && session->pop3 == NULL) {
		what = "tls";
		mend = mend_connection(check, true);
	} else if (err->status != EX_CONFIG && err->status != EX_USAGE)
		mend = mend_connection(check, session->pop3 != NULL);
	say_wrong(check, what, mend, err);
	free(mend);
}

/* ---- TLS ---- */

/* The value of the first line of facts that begins with key. */
static char *
fact(const char *facts, const char *key)
{
	const char *at = strstr(facts, key);

	if (at == NULL)
		return xstrdup("");
	at += strlen(key);
	return xstrndup(at, strcspn(at, "\n"));
}

static void
say_facts(struct check *check, const char *facts)
{
	size_t len;

	for (; *facts != '\0'; facts += len + (facts[len] == '\n')) {
		len = strcspn(facts, "\n");
		check_say(check, "tls", FINDING_OK, 0, NULL, "%.*s", (int)len,
		    facts);
	}
}

static void
say_tls(struct check *check, const struct session *session)
{
	const struct account *account = check->account;
	const struct tls *tls = stream_tls(pop3_stream(session->pop3));
	struct buf out = BUF_INIT;
	char *version, *valid;

	if (tls == NULL) {
		if (account->tunnel == NULL && !net_is_loopback(account->host))
			check_say(check, "tls", FINDING_NOTE, 0,
			    "Set tls = implicit, or tls = starttls.",
			    "everything goes over the net readable by others");
		return;
	}
	tls_describe(tls, &out);
	version = fact(buf_text(&out), "tls: ");
	version[strcspn(version, " ")] = '\0';
	valid = fact(buf_text(&out), "tls: valid ");
	check_say(check, "tls", FINDING_OK, 0, NULL,
	    "%s; the certificate is %s (%s)", version,
	    account->tls_pins != NULL ? "the one pinned" : "trusted", valid);
	if (check->cli->verbose)
		say_facts(check, buf_text(&out));
	free(valid);
	free(version);
	buf_clear(&out);
}

static void
secure_failed(struct check *check, const struct err *err)
{
	char *mend = NULL;

	if (says(err, "certificate of ")) {
		say_certificate(check, err);
		return;
	}
	if (says(err, "does not offer STLS"))
		mend = xstrdup("Most servers have TLS at a port of its own: "
			       "tls = implicit and port = 995.");
	say_wrong(check, mend != NULL ? "tls" : "capabilities", mend, err);
	free(mend);
}

/* ---- logging in ---- */

/* Before the login: what is known not to work there. */
static void
say_provider(struct check *check)
{
	const struct provider *provider = provider_of(check);

	if (provider == NULL)
		return;
	if (provider->token_only && check->account->token_command == NULL)
		check_say(check, "login", FINDING_NOTE, 0, NULL, "%s takes %s",
		    provider->name, provider->login);
	if (provider->note != NULL)
		check_say(check, "provider", FINDING_NOTE, 0, NULL, "%s",
		    provider->note);
}

/* Is it POP that is not to be had, whatever the password? */
static bool
is_switched_off(const struct err *err)
{
	return says(err, "not enabled") || says(err, "disabled") ||
	    says(err, "POP access");
}

static char *
mend_refusal(const struct check *check, const struct err *err)
{
	const struct provider *provider = provider_of(check);
	bool off = is_switched_off(err);

	if (provider != NULL && provider->enable != NULL && off)
		return xasprintf("Switch POP on in %s.", provider->enable);
	if (off)
		return xstrdup("Switch POP on where the account is "
			       "administered.");
	if (provider != NULL && provider->enable != NULL)
		return xasprintf("%s takes %s. And POP must be on, in %s.",
		    provider->name, provider->login, provider->enable);
	if (provider != NULL)
		return xasprintf("%s takes %s.", provider->name,
		    provider->login);
	return xstrdup(
	    "Are user and password right? Some servers want the whole address "
	    "as user, some only what stands before the @; some want an app "
	    "password, and some have POP switched off until you allow it.");
}

/* What the server blames on itself is not mended by other credentials. */
static const char *
mend_fault(const struct session *session, const struct err *err)
{
	switch (pop3_last_code(session->pop3)) {
	case POP3_CODE_SYS_PERM:
		if (is_switched_off(err))
			return NULL; /* the user can mend that */
		return "Tell whoever runs the server: that does not pass by "
		       "itself, and it is not the password.";
	case POP3_CODE_SYS:
		return "Something is wrong at the server, not with the "
		       "password: wait, and if it stays, tell whoever runs it.";
	case POP3_CODE_NONE:
	case POP3_CODE_OTHER:
		if (!is_switched_off(err) &&
		    (pop3_caps(session->pop3) & POP3_CAP_AUTH_RESP_CODE))
			return "This server says so where user or password are "
			       "wrong, and it does not: wait, or ask whoever "
			       "runs it.";
		return NULL;
	default:
		return NULL;
	}
}

static void
login_failed(struct check *check, const struct session *session,
    const struct err *err)
{
	const char *what = "login", *fault;
	char *mend = NULL;

	switch (err->status) {
	case EX_NOPERM:
		mend = mend_refusal(check, err);
		break;
	case EX_CONFIG:
		what = "password";
		if (!says(err, "chmod") && !says(err, "--"))
			mend = xstrdup("See password-command and password-file "
				       "in poplar.conf(5).");
		break;
	case EX_TEMPFAIL:
		if (pop3_last_code(session->pop3) == POP3_CODE_IN_USE)
			mend = xstrdup("Another program has the mailbox open: "
				       "end it, or wait.");
		else if (pop3_last_code(session->pop3) == POP3_CODE_LOGIN_DELAY)
			mend = xstrdup("The server wants a pause between "
				       "logins: wait.");
		else if (says(err, "refuse a password"))
			mend = mend_refusal(check, err);
		break;
	default:
		if (stream_tls(pop3_stream(session->pop3)) == NULL &&
		    !check->account->insecure_auth)
			mend = xstrdup(
			    "Without TLS no password is sent: set tls = "
			    "implicit, or tls = starttls.");
		else if (says(err, "refused the login")) {
			fault = mend_fault(session, err);
			mend = fault != NULL ? xstrdup(fault) :
					       mend_refusal(check, err);
		}
		break;
	}
	say_wrong(check, what, mend, err);
	free(mend);
}

/* ---- once in ---- */

static void
say_capabilities(struct check *check, struct session *session)
{
	unsigned int caps;
	struct err err = ERR_INIT;

	if (session_capa(session, &err) == -1) {
		say_wrong(check, "capabilities", NULL, &err);
		return;
	}
	if (check->account->capa == ACCOUNT_CAPA_GIVEN_UP)
		check_say(check, "capabilities", FINDING_NOTE, 0,
		    "Set capa = off, so that it is not asked each time.",
		    "the server ended the session, or did not answer, when it "
		    "was asked for its capabilities; it was done without");
	if (!pop3_capa_known(session->pop3))
		return;
	caps = pop3_caps(session->pop3);
	if (!(caps & POP3_CAP_UIDL))
		check_say(check, "capabilities", FINDING_NOTE, 0, NULL,
		    "the server does not offer UIDL, by which new messages "
		    "are told from old ones");
	if (!(caps & POP3_CAP_PIPELINING))
		check_say(check, "capabilities", FINDING_NOTE, 0, NULL,
		    "the server does not offer PIPELINING: each message "
		    "waits for the one before it");
}

static void
use_session(struct check *check, struct session *session)
{
	struct pop3_stat stat;
	struct err err = ERR_INIT;

	if (pop3_noop(session->pop3, &err) == -1) {
		say_wrong(check, "noop", NULL, &err);
		return;
	}
	if (pop3_stat(session->pop3, &stat, &err) == -1) {
		say_wrong(check, "stat", NULL, &err);
		return;
	}
	check_say(check, "noop", FINDING_OK, 0, NULL,
	    "the session works; there %s %" PRIu64 " message%s (%" PRIu64
	    " octets)",
	    stat.count == 1 ? "is" : "are", stat.count,
	    stat.count == 1 ? "" : "s", stat.octets);
	say_capabilities(check, session);
}

static void
run_session(struct check *check, struct session *session)
{
	struct account *account = check->account;
	struct err err = ERR_INIT;

	if (session_connect(session, account,
		deadline_after(account->deadline_ms), &err) == -1) {
		connect_failed(check, session, &err);
		return;
	}
	check_say(check, "connect", FINDING_OK, 0, NULL,
	    "%s answers, and speaks POP3", pop3_peer(session->pop3));
	if (session_secure(session, &err) == -1) {
		secure_failed(check, &err);
		return;
	}
	say_tls(check, session);
	say_provider(check);
	if (session_login(session, &err) == -1) {
		login_failed(check, session, &err);
		return;
	}
	check_say(check, "login", FINDING_OK, 0, NULL, "the server lets %s in",
	    account->user != NULL ? account->user : "us");
	use_session(check, session);
}

void
check_server(struct check *check)
{
	struct session session;
	struct err err = ERR_INIT;

	memset(&session, 0, sizeof(session));
	run_session(check, &session);
	if (session.pop3 != NULL && !pop3_dead(session.pop3) &&
	    session_quit(&session, false, &err) == -1 && check->wrong == 0)
		say_wrong(check, "quit", NULL, &err);
	session_close(&session);
}
