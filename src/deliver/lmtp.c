/* SPDX-License-Identifier: ISC */
/*
 * Delivery by LMTP (RFC 2033) to one recipient. ADDRESS is HOST:PORT or the
 * path of a socket, "!" and the recipient may follow. One connection serves the
 * whole run. A reply of 4xx leaves the message for later, as any trouble with
 * the connection does; 5xx means that it was refused.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"
#include "deliver/lmtp_conn.h"
#include "deliver/return_path.h"
#include "net/net.h"

#define COPY_LEN 16384
#define SMTP_PORT 25

struct lmtp {
	struct lmtp_conn conn;
	char *host, *port; /* owned; port NULL: host is a socket's path */
	char *peer;        /* owned */
	char *recipient;   /* owned */
	/* the connection cannot be had: not tried again within one apply */
	struct err down;
};

/* How handing over one message goes. */
enum step {
	STEP_OK,
	STEP_REFUSED, /* item->err says why; the connection is fine */
	STEP_LOST     /* item->err says why; there is no connection */
};

static bool
is_recipient(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 127 || *p == '<' || *p == '>')
			return false;
	return p != text && p - text < RETURN_PATH_MAX;
}

static const char *
user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw == NULL ? getenv("LOGNAME") : pw->pw_name;
}

/* [HOST]:PORT, HOST:PORT, /SOCKET */
static int
split_address(struct lmtp *lmtp, const char *address, struct err *err)
{
	const char *host = address, *colon = strrchr(address, ':');
	uint64_t number;
	size_t len;

	if (address[0] == '/') {
		lmtp->host = xstrdup(address);
		return 0;
	}
	if (colon == NULL || colon == address || colon[1] == '\0')
		return err_set(err, EX_CONFIG,
		    "%s is not HOST:PORT or the path of a socket", address);
	len = (size_t)(colon - address);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	lmtp->host = xstrndup(host, len);
	lmtp->port = xstrdup(colon + 1);
	/* RFC 2033 section 5: an SMTP server there may be taken for one */
	if (strcmp(lmtp->port, "smtp") == 0 ||
	    (parse_u64(lmtp->port, strlen(lmtp->port), UINT16_MAX, &number) ==
		    strlen(lmtp->port) &&
		number == SMTP_PORT))
		return err_set(err, EX_CONFIG,
		    "%s: port 25 is that of SMTP, where LMTP must not be "
		    "spoken; it is often 24",
		    address);
	return 0;
}

static void
free_lmtp(struct lmtp *lmtp)
{
	lmtp_close(&lmtp->conn);
	free(lmtp->host);
	free(lmtp->port);
	free(lmtp->peer);
	free(lmtp->recipient);
	free(lmtp);
}

static int
set_up(struct lmtp *lmtp, const struct deliver *deliver, struct err *err)
{
	const char *bang = strrchr(deliver->path, '!'), *recipient;

	recipient = bang != NULL       ? bang + 1 :
	    deliver->recipient != NULL ? deliver->recipient :
					 user_name();
	lmtp->peer = bang == NULL ?
	    xstrdup(deliver->path) :
	    xstrndup(deliver->path, (size_t)(bang - deliver->path));
	if (recipient == NULL || !is_recipient(recipient))
		return err_set(err, EX_CONFIG,
		    "%s: no usable recipient for LMTP", deliver->path);
	lmtp->recipient = xstrdup(recipient);
	lmtp->conn.peer = lmtp->peer;
	lmtp->conn.timeout_ms = deliver->timeout_ms;
	lmtp->conn.until_ms = deliver->until_ms;
	return split_address(lmtp, lmtp->peer, err);
}

static int
open_lmtp(struct deliver *deliver, struct err *err)
{
	struct lmtp *lmtp;

	if (handover_open(deliver, err) == -1)
		return -1;
	lmtp = xcalloc(1, sizeof(*lmtp));
	lmtp->conn.fd = -1;
	if (set_up(lmtp, deliver, err) == -1) {
		free_lmtp(lmtp);
		return -1;
	}
	deliver->work = lmtp;
	return 0;
}

static void
close_lmtp(struct deliver *deliver)
{
	free_lmtp(deliver->work);
}

/* Send a line, read its reply, which shall be 2xx or 354 after DATA. */
static enum step
command(struct lmtp *lmtp, struct deliver_item *item, const char *line,
    const struct deliver_hooks *hooks)
{
	struct lmtp_reply reply;
	bool is_data = strcmp(line, "DATA\r\n") == 0;

	if (lmtp_send(&lmtp->conn, line, strlen(line), hooks, &item->err) ==
		-1 ||
	    lmtp_reply(&lmtp->conn, &reply, hooks, &item->err) == -1)
		return STEP_LOST;
	if (is_data ? reply.code == 354 : reply.code / 100 == 2)
		return STEP_OK;
	err_set(&item->err, reply.code / 100 == 5 ? EX_CANTCREAT : EX_TEMPFAIL,
	    "%s: %s", lmtp->peer, reply.text);
	if (reply.code != 421)
		return STEP_REFUSED;
	/* it is about to close */
	lmtp_close(&lmtp->conn);
	return STEP_LOST;
}

static enum step
envelope(struct lmtp *lmtp, struct deliver_item *item,
    const struct deliver_hooks *hooks)
{
	char head[RETURN_PATH_WINDOW], sender[RETURN_PATH_MAX];
	char line[RETURN_PATH_MAX + 64];
	enum step step;
	ssize_t len;

	len = pread(item->fd, head, sizeof(head), 0);
	return_path(head, len > 0 ? (size_t)len : 0, sender);
	/* what a server refuses would be refused for ever */
	if (!return_path_is_mailbox(sender))
		sender[0] = '\0';
	snprintf(line, sizeof(line), "MAIL FROM:<%s>%s\r\n", sender,
	    lmtp->conn.eight_bit ? " BODY=8BITMIME" : "");
	if ((step = command(lmtp, item, line, hooks)) != STEP_OK)
		return step;
	snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", lmtp->recipient);
	if ((step = command(lmtp, item, line, hooks)) != STEP_OK)
		return step;
	return command(lmtp, item, "DATA\r\n", hooks);
}

/* Up to the first LF, or up to a CR and with it. */
static size_t
run_length(const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len), *cr;

	if (lf != NULL)
		len = (size_t)(lf - data);
	cr = memchr(data, '\r', len);
	return cr == NULL ? len : (size_t)(cr - data) + 1;
}

/*
 * A piece of the message: LF becomes CRLF, a dot that begins a line becomes
 * two. So does one behind a bare CR: a server that takes that for the end of a
 * line would find the end of the message there, and commands behind it (RFC
 * 5321 section 2.3.8). *last is the last octet, also of the piece before.
 */
static int
send_piece(struct lmtp *lmtp, const char *data, size_t len, char *last,
    const struct deliver_hooks *hooks, struct err *err)
{
	size_t run;

	while (len > 0) {
		if ((*last == '\n' || *last == '\r') && data[0] == '.' &&
		    lmtp_send(&lmtp->conn, ".", 1, hooks, err) == -1)
			return -1;
		if (data[0] == '\n') {
			run = 1;
			if (lmtp_send(&lmtp->conn, "\r\n", 2, hooks, err) == -1)
				return -1;
		} else {
			run = run_length(data, len);
			if (lmtp_send(&lmtp->conn, data, run, hooks, err) == -1)
				return -1;
		}
		*last = data[run - 1];
		data += run;
		len -= run;
	}
	return 0;
}

static enum step
send_message(struct lmtp *lmtp, struct deliver_item *item,
    const struct deliver_hooks *hooks)
{
	char data[COPY_LEN], last = '\n';
	uint64_t offset = 0;
	ssize_t len;

	while (
	    (len = pread(item->fd, data, sizeof(data), (off_t)offset)) != 0) {
		/* half a message must never be ended by a dot */
		if (len == -1) {
			err_sys(&item->err, EX_IOERR, "spool file");
			shutdown(lmtp->conn.fd, SHUT_RDWR);
			close(lmtp->conn.fd);
			lmtp->conn.fd = -1;
			return STEP_LOST;
		}
		if (send_piece(lmtp, data, (size_t)len, &last, hooks,
			&item->err) == -1)
			return STEP_LOST;
		offset += (uint64_t)len;
	}
	return command(lmtp, item, last == '\n' ? ".\r\n" : "\r\n.\r\n", hooks);
}

static int
call(struct lmtp *lmtp, const struct deliver_hooks *hooks, struct err *err)
{
	struct net_target target = { .host = lmtp->host, .port = lmtp->port };

	if (lmtp_connect(&lmtp->conn, &target, hooks, err) == -1)
		return err_prefix(err, "LMTP");
	return 0;
}

static int
probe(struct deliver *deliver, struct err *err)
{
	struct lmtp *lmtp = deliver->work;

	/* a server may take one connection at a time */
	return lmtp->conn.fd != -1 ? 0 : call(lmtp, NULL, err);
}

static int
reconnect(struct lmtp *lmtp, struct deliver_item *item,
    const struct deliver_hooks *hooks)
{
	if (lmtp->down.status == 0)
		(void)call(lmtp, hooks, &lmtp->down);
	if (lmtp->down.status == 0)
		return 0;
	item->err = lmtp->down;
	return -1;
}

static int
hand_over(struct deliver *deliver, struct deliver_item *item,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct lmtp *lmtp = deliver->work;
	struct deliver_item scratch;
	bool reused = lmtp->conn.fd != -1;
	enum step step;

	(void)err;
	if (!reused && reconnect(lmtp, item, hooks) == -1)
		return 1;
	step = envelope(lmtp, item, hooks);
	/* a server closes what has been idle too long: once more */
	if (step == STEP_LOST && reused) {
		if (reconnect(lmtp, item, hooks) == -1)
			return 1;
		step = envelope(lmtp, item, hooks);
	}
	if (step == STEP_OK && send_message(lmtp, item, hooks) == STEP_OK)
		return 0;
	/* the next one begins anew */
	if (lmtp->conn.fd != -1)
		(void)command(lmtp, &scratch, "RSET\r\n", hooks);
	return 1;
}

static int
apply(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct lmtp *lmtp = deliver->work;

	lmtp->down.status = 0;
	return handover_apply(deliver, items, n, hooks, hand_over, err);
}

const struct kind kind_lmtp = {
	.name = "lmtp",
	.has_spools = true,
	.open = open_lmtp,
	.close = close_lmtp,
	.probe = probe,
	.begin = handover_begin,
	.write = handover_write,
	.drop = handover_drop,
	.apply = apply,
	.release = handover_release,
};
