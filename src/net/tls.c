/* SPDX-License-Identifier: ISC */
/*
 * TLS through GnuTLS. The socket is read in large gulps into a buffer of ours,
 * from which GnuTLS takes its five-octet headers and its records: one receive
 * call serves many records. GnuTLS's log is not used; every fatal code becomes
 * a sentence here, a fault of a certificate in tls_cert.c.
 */
#include "net/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/xalloc.h"
#include "net/foreign.h"
#include "net/net.h"
#include "net/tls_cert.h"
#include "net/wait.h"

#define RAW_SIZE (256 * 1024)
#define RECORD_MAX (16 * 1024)
#define IOV_COUNT 16

/* A record: type, version, length of its body (RFC 5246 section 6.2.1). */
#define HEADER_LEN 5
#define TYPE_ALERT 21
#define TYPE_HANDSHAKE 22
#define TYPE_APPLICATION_DATA 23
/* What tells of a peer that does not speak TLS. */
#define FIRST_LEN 128

/* What is done with a server's wish for another handshake (HelloRequest). */
enum again {
	AGAIN_NO,
	AGAIN_SHAKE,
	AGAIN_REFUSE
};

struct tls {
	gnutls_session_t session; /* owned */
	struct tls_cert *cert;    /* owned */
	char *host;               /* owned; what the peer must be */
	int fd;

	char *raw; /* owned; received, not yet decrypted */
	size_t raw_start, raw_len;
	bool may_receive;      /* pull may ask the socket once more */
	char first[FIRST_LEN]; /* octets that the peer sent */
	size_t first_len;
	uint64_t received;
	uint64_t pulled; /* octets that GnuTLS has taken from raw */
	/* of the record that GnuTLS is taking; header_len 0: between two */
	unsigned char header[HEADER_LEN];
	size_t header_len, body_left;
	bool withhold, withheld; /* records of application data */

	size_t unsent; /* of a record that did not go out whole */
	bool handshaken, any_data;
	enum again again;
	bool closed;       /* by close_notify */
	struct err failed; /* fatal, found behind octets handed out */
	struct err verify; /* from inside the handshake */
};

/* ---- the socket, as GnuTLS sees it ---- */

/*
 * GnuTLS takes a header, then its body; this keeps in step. How much of len
 * octets at data it gets at once.
 */
static size_t
follow_record(struct tls *tls, const char *data, size_t len)
{
	if (tls->header_len < HEADER_LEN) {
		if (len > HEADER_LEN - tls->header_len)
			len = HEADER_LEN - tls->header_len;
		memcpy(tls->header + tls->header_len, data, len);
		tls->header_len += len;
		tls->body_left =
		    (size_t)tls->header[3] << 8 | (size_t)tls->header[4];
	} else {
		if (len > tls->body_left)
			len = tls->body_left;
		tls->body_left -= len;
	}
	if (tls->header_len == HEADER_LEN && tls->body_left == 0)
		tls->header_len = 0;
	return len;
}

static ssize_t
pull(gnutls_transport_ptr_t arg, void *data, size_t len)
{
	struct tls *tls = arg;
	ssize_t n;

	if (tls->raw_len == 0) {
		if (!tls->may_receive) {
			gnutls_transport_set_errno(tls->session, EAGAIN);
			return -1;
		}
		n = recv(tls->fd, tls->raw, RAW_SIZE, 0);
		if (n <= 0) {
			gnutls_transport_set_errno(tls->session,
			    n == 0 ? 0 : errno);
			return n;
		}
		/* a short answer has emptied the socket: do not ask again */
		tls->may_receive = !tls->handshaken || n == RAW_SIZE;
		if (tls->received == 0) {
			tls->first_len =
			    (size_t)n < FIRST_LEN ? (size_t)n : FIRST_LEN;
			memcpy(tls->first, tls->raw, tls->first_len);
		}
		tls->received += (uint64_t)n;
		tls->raw_start = 0;
		tls->raw_len = (size_t)n;
	}
	if (tls->withhold && tls->header_len == 0 &&
	    tls->raw[tls->raw_start] == TYPE_APPLICATION_DATA) {
		tls->withheld = true;
		gnutls_transport_set_errno(tls->session, EAGAIN);
		return -1;
	}
	if (len > tls->raw_len)
		len = tls->raw_len;
	len = follow_record(tls, tls->raw + tls->raw_start, len);
	memcpy(data, tls->raw + tls->raw_start, len);
	tls->raw_start += len;
	tls->raw_len -= len;
	tls->pulled += len;
	return (ssize_t)len;
}

static ssize_t
push(gnutls_transport_ptr_t arg, const giovec_t *vec, int count)
{
	struct tls *tls = arg;
	struct iovec iov[IOV_COUNT];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t n;

	while (msg.msg_iovlen < IOV_COUNT && (int)msg.msg_iovlen < count) {
		iov[msg.msg_iovlen].iov_base = vec[msg.msg_iovlen].iov_base;
		iov[msg.msg_iovlen].iov_len = vec[msg.msg_iovlen].iov_len;
		msg.msg_iovlen++;
	}
	n = sendmsg(tls->fd, &msg, MSG_NOSIGNAL);
	if (n == -1)
		gnutls_transport_set_errno(tls->session, errno);
	return n;
}

/* ---- what went wrong, in a sentence ---- */

/* Until the first octet a peer may still end it for want of a certificate. */
static bool
wants_certificate(const struct tls *tls)
{
	return !tls->any_data &&
	    gnutls_certificate_client_get_request_status(tls->session) != 0 &&
	    gnutls_certificate_get_ours(tls->session) == NULL;
}

static int
alert_error(const struct tls *tls, struct err *err)
{
	gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
	const char *name = gnutls_alert_get_name(alert);

	switch (alert) {
	case GNUTLS_A_PROTOCOL_VERSION:
	case GNUTLS_A_INSUFFICIENT_SECURITY:
		return err_set(err, EX_UNAVAILABLE,
		    "%s does not offer TLS 1.2 or newer", tls->host);
	case GNUTLS_A_NO_APPLICATION_PROTOCOL:
		return err_set(err, EX_UNAVAILABLE,
		    "%s speaks TLS there, but not POP3", tls->host);
	case GNUTLS_A_UNRECOGNIZED_NAME:
		return err_set(err, EX_UNAVAILABLE,
		    "the server does not know the name %s", tls->host);
	default:
		break;
	}
	if (wants_certificate(tls))
		return err_set(err, EX_UNAVAILABLE,
		    "%s wants a client certificate (--tls-cert, --tls-key)",
		    tls->host);
	if (!tls->any_data && gnutls_certificate_get_ours(tls->session) != NULL)
		return err_set(err, EX_UNAVAILABLE,
		    "%s refuses our client certificate: %s", tls->host,
		    name != NULL ? name : "unknown alert");
	return err_set(err, EX_UNAVAILABLE, "%s refuses TLS: %s", tls->host,
	    name != NULL ? name : "unknown alert");
}

/* The sentence for a fatal code. Returns -1. */
static int
tls_error(const struct tls *tls, int code, struct err *err)
{
	switch (code) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return alert_error(tls, err);
	case GNUTLS_E_PREMATURE_TERMINATION:
		if (wants_certificate(tls))
			break;
		return err_set(err, EX_TEMPFAIL,
		    "%s closed the connection without ending TLS", tls->host);
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		if (wants_certificate(tls))
			break;
		return err_set(err, EX_TEMPFAIL, "lost the connection to %s",
		    tls->host);
	default:
		return err_set(err, EX_UNAVAILABLE, "TLS with %s failed: %s",
		    tls->host, gnutls_strerror(code));
	}
	return err_set(err, EX_TEMPFAIL,
	    "%s closed the connection, having "
	    "asked for a client certificate (--tls-cert, --tls-key)",
	    tls->host);
}

static int
handshake_error(const struct tls *tls, int code, struct err *err)
{
	const char *protocol = foreign_protocol(tls->first, tls->first_len);

	if (protocol != NULL)
		return foreign_error(tls->host, protocol, err);
	/* a greeting begins otherwise */
	if (tls->first_len > 0 && tls->first[0] != TYPE_ALERT &&
	    tls->first[0] != TYPE_HANDSHAKE)
		return err_set(err, EX_UNAVAILABLE,
		    "%s does not speak TLS there; try --tls=starttls or "
		    "port 995",
		    tls->host);
	switch (code) {
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return err_set(err, EX_UNAVAILABLE,
		    "%s does not offer TLS 1.2 or newer", tls->host);
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PULL_ERROR:
		return err_set(err, EX_TEMPFAIL,
		    "%s closed the connection during the TLS handshake",
		    tls->host);
	default:
		return tls_error(tls, code, err);
	}
}

/* ---- starting ---- */

static int
verify(gnutls_session_t session)
{
	struct tls *tls = gnutls_session_get_ptr(session);

	if (tls_cert_verify(tls->cert, session, &tls->verify) == 0)
		return 0;
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

/*
 * Debian's default, and a user's NORMAL, still take TLS 1.0: never here. What
 * else the distribution or the user decided is kept.
 */
static int
set_priority(struct tls *tls, const char *priority, struct err *err)
{
	static const char floor[] = "-VERS-TLS1.0:-VERS-TLS1.1:-VERS-DTLS-ALL";
	const char *where = NULL;
	char *all;
	int rc;

	if (priority == NULL) {
		rc = gnutls_set_default_priority_append(tls->session, floor,
		    NULL, 0);
		if (rc >= 0)
			return 0;
		return err_set(err, EX_CONFIG, "the system's TLS priority: %s",
		    gnutls_strerror(rc));
	}
	all = xasprintf("%s:%s", priority, floor);
	rc = gnutls_priority_set_direct(tls->session, all, &where);
	if (rc == GNUTLS_E_INVALID_REQUEST && where != NULL)
		err_set(err, EX_CONFIG, "TLS priority '%s': wrong at octet %zu",
		    priority, (size_t)(where - all) + 1);
	else if (rc < 0)
		err_set(err, EX_CONFIG,
		    "TLS priority '%s': %s (TLS 1.2 is the least)", priority,
		    gnutls_strerror(rc));
	free(all);
	return rc >= 0 ? 0 : -1;
}

static int
set_up(struct tls *tls, const struct tls_options *options, struct err *err)
{
	gnutls_datum_t alpn = { (unsigned char *)"pop3", 4 };
	int rc;

	rc = gnutls_init(&tls->session,
	    GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	if (rc < 0)
		return err_set(err, EX_OSERR, "TLS: %s", gnutls_strerror(rc));
	if (set_priority(tls, options->priority, err) == -1)
		return -1;
	gnutls_session_set_ptr(tls->session, tls);
	gnutls_session_set_verify_function(tls->session, verify);
	gnutls_transport_set_ptr(tls->session, tls);
	gnutls_transport_set_pull_function(tls->session, pull);
	gnutls_transport_set_vec_push_function(tls->session, push);
	rc = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE,
	    tls_cert_credentials(tls->cert));
	if (rc >= 0)
		rc = gnutls_alpn_set_protocols(tls->session, &alpn, 1, 0);
	/* RFC 6066 section 3: no literals */
	if (rc >= 0 && !net_is_literal(tls->host) && tls->host[0] != '/')
		rc = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS,
		    tls->host, strlen(tls->host));
	if (rc < 0)
		return err_set(err, EX_CONFIG, "TLS with %s: %s", tls->host,
		    gnutls_strerror(rc));
	return 0;
}

/*
 * The peer learns why we end it: its log is where its operator looks. Not one
 * that is gone, has said so itself, or does not speak TLS.
 */
static void
send_alert(struct tls *tls, int code)
{
	if (tls->verify.status != 0)
		(void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL,
		    tls_cert_alert(tls->cert));
	else if (tls->first_len > 0 && tls->first[0] == TYPE_HANDSHAKE &&
	    code != GNUTLS_E_FATAL_ALERT_RECEIVED &&
	    code != GNUTLS_E_PREMATURE_TERMINATION &&
	    code != GNUTLS_E_PULL_ERROR && code != GNUTLS_E_PUSH_ERROR)
		(void)gnutls_alert_send_appropriate(tls->session, code);
}

/* What the handshake waits for, as poll(2) calls it. */
static short
handshake_events(const struct tls *tls)
{
	return gnutls_record_get_direction(tls->session) == 1 ? POLLOUT :
								POLLIN;
}

/*
 * GnuTLS has answered AGAIN, after pulled octets at the last time. It does so
 * between two records of one message, too, when the next one may already lie
 * in raw, where poll(2) does not see it.
 */
static int
handshake_wait(struct tls *tls, uint64_t pulled, int64_t until_ms,
    struct err *err)
{
	short events = handshake_events(tls);

	/* the server is thinking: time for the trust store */
	if (tls_cert_trust(tls->cert, err) == -1)
		return -1;
	if (events == POLLIN && tls->raw_len > 0 && tls->pulled != pulled &&
	    deadline_now() < until_ms && signals_stop() == 0)
		return 0;
	if (wait_for(tls->fd, events, until_ms, "TLS handshake", err) == -1)
		return err_prefix(err, "%s", tls->host);
	return 0;
}

static int
handshake(struct tls *tls, int64_t until_ms, struct err *err)
{
	uint64_t pulled;
	int rc;

	for (;;) {
		pulled = tls->pulled;
		rc = gnutls_handshake(tls->session);
		if (rc >= 0)
			return 0;
		if (rc == GNUTLS_E_AGAIN) {
			if (handshake_wait(tls, pulled, until_ms, err) == -1)
				return -1;
		} else if (gnutls_error_is_fatal(rc)) {
			send_alert(tls, rc);
			if (tls->verify.status == 0)
				return handshake_error(tls, rc, err);
			*err = tls->verify;
			return -1;
		}
	}
}

/* host as certificates name it: A-labels, no brackets, no trailing dot. */
static char *
certificate_host(const char *host)
{
	struct err unused = ERR_INIT;
	char *name = net_canonical_host(host, &unused);

	return name != NULL ? name : xstrdup(host);
}

struct tls *
tls_start(int fd, const char *host, const struct tls_options *options,
    int64_t until_ms, struct err *err)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));

	tls->fd = fd;
	tls->may_receive = true;
	tls->host = certificate_host(host);
	tls->raw = xmalloc(RAW_SIZE);
	tls->cert = tls_cert_new(tls->host, options, err);
	if (tls->cert == NULL || set_up(tls, options, err) == -1 ||
	    handshake(tls, until_ms, err) == -1) {
		tls_free(tls);
		return NULL;
	}
	tls->handshaken = true;
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	if (tls->handshaken && tls->failed.status == 0)
		(void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
	if (tls->session != NULL)
		gnutls_deinit(tls->session);
	tls_cert_free(tls->cert);
	free(tls->raw);
	free(tls->host);
	free(tls);
}

/* ---- another handshake ---- */

/*
 * A server of TLS 1.2 wants another handshake: IIS and Exchange do, and wait,
 * where client certificates are optional. Without RFC 5746 the handshake
 * could be that of a session which somebody began in our name: refused, by a
 * warning. GnuTLS itself takes no other certificate than the first one here.
 */
static void
asked_again(struct tls *tls)
{
	tls->again = AGAIN_REFUSE;
	if (gnutls_safe_renegotiation_status(tls->session) != 0) {
		tls->again = AGAIN_SHAKE;
		/* it may be for want of our certificate, again */
		tls->any_data = false;
	}
}

/*
 * Go on with it. 0: done; else GnuTLS's code. Before the server has heard of
 * it, it may still send application data: these are kept from the handshake,
 * which GnuTLS would begin anew after them.
 */
static int
shake_again(struct tls *tls)
{
	int rc;

	tls->withheld = false;
	if (tls->again == AGAIN_SHAKE) {
		tls->withhold = true;
		rc = gnutls_handshake(tls->session);
		tls->withhold = false;
	} else
		rc = gnutls_alert_send(tls->session, GNUTLS_AL_WARNING,
		    GNUTLS_A_NO_RENEGOTIATION);
	if (rc == 0)
		tls->again = AGAIN_NO;
	return rc;
}

/* Is GnuTLS in the middle of a record of application data? */
static bool
in_application_data(const struct tls *tls)
{
	return tls->header_len > 0 && tls->header[0] == TYPE_APPLICATION_DATA;
}

short
tls_handshaking(const struct tls *tls)
{
	/* it begins when a record that is half sent has gone */
	if (tls->again == AGAIN_NO || tls->unsent > 0 ||
	    tls->failed.status != 0)
		return 0;
	return handshake_events(tls);
}

/* ---- octets ---- */

/* A fatal code, kept until the octets before it have been handed out. */
static void
fail(struct tls *tls, int code)
{
	if (tls->again != AGAIN_NO)
		send_alert(tls, code);
	if (tls->verify.status != 0)
		tls->failed = tls->verify;
	else
		(void)tls_error(tls, code, &tls->failed);
}

/* gnutls_record_recv, unless another handshake comes before it. */
static ssize_t
receive(struct tls *tls, char *data, size_t len)
{
	ssize_t n;
	int rc;

	if (tls->again != AGAIN_NO && tls->unsent == 0 &&
	    !in_application_data(tls)) {
		rc = shake_again(tls);
		if (rc < 0 && !tls->withheld)
			return rc;
	}
	n = gnutls_record_recv(tls->session, data, len);
	if (n == GNUTLS_E_REHANDSHAKE)
		asked_again(tls);
	return n;
}

ssize_t
tls_recv(struct tls *tls, void *data, size_t len, struct err *err)
{
	size_t got = 0;
	uint64_t pulled;
	ssize_t n;

	tls->may_receive = true;
	while (got < len && !tls->closed && tls->failed.status == 0) {
		pulled = tls->pulled;
		n = receive(tls, (char *)data + got, len - got);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0)
			tls->closed = true;
		else if (n == GNUTLS_E_AGAIN) {
			/* a ticket (TLS 1.3) says so with records behind it */
			if (tls->raw_len == 0 || tls->pulled == pulled)
				break;
		} else if (gnutls_error_is_fatal((int)n))
			fail(tls, (int)n);
	}
	if (got > 0) {
		tls->any_data = true;
		return (ssize_t)got;
	}
	if (tls->closed)
		return -2;
	if (tls->failed.status == 0)
		return 0;
	*err = tls->failed;
	return -1;
}

ssize_t
tls_send(struct tls *tls, const void *data, size_t len, struct err *err)
{
	size_t size = len < RECORD_MAX ? len : RECORD_MAX;
	ssize_t n;

	if (tls->again != AGAIN_NO && tls->unsent == 0)
		return 0;
	do {
		/* a record that was held up lies encrypted in GnuTLS */
		if (tls->unsent > 0)
			n = gnutls_record_send(tls->session, NULL, 0);
		else
			n = gnutls_record_send(tls->session, data, size);
	} while (n == GNUTLS_E_INTERRUPTED);
	if (n == GNUTLS_E_AGAIN) {
		if (tls->unsent == 0)
			tls->unsent = size;
		return 0;
	}
	if (n < 0)
		return tls_error(tls, (int)n, err);
	tls->unsent = 0;
	return n;
}

bool
tls_pending(const struct tls *tls)
{
	if (tls_handshaking(tls) == POLLOUT)
		return false;
	return tls->raw_len > 0 || tls->closed || tls->failed.status != 0 ||
	    gnutls_record_check_pending(tls->session) > 0;
}

uint64_t
tls_received(const struct tls *tls)
{
	return tls->received;
}

/* ---- facts ---- */

void
tls_describe(const struct tls *tls, struct buf *out)
{
	gnutls_datum_t alpn;
	char *text;

	text = gnutls_session_get_desc(tls->session);
	buf_printf(out, "tls: %s %s\n",
	    gnutls_protocol_get_name(gnutls_protocol_get_version(tls->session)),
	    text != NULL ? text : "");
	gnutls_free(text);
	if (gnutls_alpn_get_selected_protocol(tls->session, &alpn) == 0) {
		text = log_safe(alpn.data, alpn.size);
		buf_printf(out, "tls: protocol %s\n", text);
		free(text);
	}
	tls_cert_describe(tls->session, out);
}

const char *
tls_binding(struct tls *tls, struct buf *out)
{
	gnutls_channel_binding_t type = GNUTLS_CB_TLS_EXPORTER;
	const char *name = "tls-exporter";
	gnutls_datum_t data;

	if (gnutls_protocol_get_version(tls->session) < GNUTLS_TLS1_3) {
		/* RFC 7627: without it two sessions can share this value */
		if ((gnutls_session_get_flags(tls->session) &
			GNUTLS_SFLAGS_EXT_MASTER_SECRET) == 0)
			return NULL;
		type = GNUTLS_CB_TLS_UNIQUE;
		name = "tls-unique";
	}
	if (gnutls_session_channel_binding(tls->session, type, &data) < 0)
		return NULL;
	buf_append(out, data.data, data.size);
	gnutls_free(data.data);
	return name;
}

char *
tls_idna(const char *host)
{
	gnutls_datum_t out;
	char *name;

	if (gnutls_idna_map(host, (unsigned int)strlen(host), &out,
		GNUTLS_IDNA_FORCE_2008) < 0)
		return NULL;
	name = xstrndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	return name;
}
