/* SPDX-License-Identifier: ISC */
/* A connection to an LMTP server (RFC 2033), lines both ways. */
#include "deliver/lmtp_conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "deliver/deliver.h"
#include "net/net.h"

/* How long the POP3 line waits for us. */
#define PUMP_MS 200
/* How long an answer is waited for after a signal, and that to QUIT. */
#define STOP_MS 5000
#define QUIT_MS 1000
/* Lines of one reply. */
#define LINES_MAX 100

static int
lost(struct lmtp_conn *conn, struct err *err, const char *why)
{
	close(conn->fd);
	conn->fd = -1;
	return err_set(err, EX_TEMPFAIL, "%s: %s", conn->peer, why);
}

static int64_t
answer_until(const struct lmtp_conn *conn)
{
	return deadline_earlier(conn->until_ms,
	    deadline_after(conn->timeout_ms));
}

/* Once a stop signal has come there is not much time left. */
static bool
is_stopping(struct lmtp_conn *conn)
{
	if (signals_stop() == 0)
		return false;
	if (conn->stop_ms == 0)
		conn->stop_ms = deadline_after(STOP_MS);
	return true;
}

/* Until events may be had. -1: closed. */
static int
wait_for(struct lmtp_conn *conn, short events, int64_t until_ms,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct pollfd fds[] = { { conn->fd, events, 0 },
		{ signals_fd(), POLLIN, 0 } };
	bool pumped = hooks != NULL && hooks->pump != NULL;
	bool stopping;
	int ms, n;

	for (;;) {
		if ((stopping = is_stopping(conn)))
			until_ms = deadline_earlier(until_ms, conn->stop_ms);
		ms = deadline_poll(until_ms);
		if (ms == 0)
			return lost(conn, err,
			    stopping ? "interrupted" : "no answer in time");
		if (pumped && (ms < 0 || ms > PUMP_MS))
			ms = PUMP_MS;
		/* it stays readable */
		n = poll(fds, stopping ? 1 : 2, ms);
		if (n > 0 && fds[0].revents != 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return lost(conn, err, strerror(errno));
		if (pumped)
			hooks->pump(hooks->arg, 0);
	}
}

static int
flush(struct lmtp_conn *conn, const struct deliver_hooks *hooks,
    struct err *err)
{
	int64_t until_ms = answer_until(conn);
	size_t done = 0;
	ssize_t n;

	while (done < conn->out_len) {
		n = send(conn->fd, conn->out + done, conn->out_len - done,
		    MSG_NOSIGNAL);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for(conn, POLLOUT, until_ms, hooks, err) == -1)
				return -1;
		} else if (errno != EINTR) {
			return lost(conn, err, strerror(errno));
		}
	}
	conn->out_len = 0;
	return 0;
}

int
lmtp_send(struct lmtp_conn *conn, const void *data, size_t len,
    const struct deliver_hooks *hooks, struct err *err)
{
	const char *p = data;
	size_t n;

	while (len > 0) {
		if (conn->out_len == sizeof(conn->out) &&
		    flush(conn, hooks, err) == -1)
			return -1;
		n = sizeof(conn->out) - conn->out_len;
		if (n > len)
			n = len;
		memcpy(conn->out + conn->out_len, p, n);
		conn->out_len += n;
		p += n;
		len -= n;
	}
	return 0;
}

/* More input behind what there is. */
static int
fill(struct lmtp_conn *conn, int64_t until_ms,
    const struct deliver_hooks *hooks, struct err *err)
{
	ssize_t n;

	memmove(conn->in, conn->in + conn->in_pos, conn->in_len - conn->in_pos);
	conn->in_len -= conn->in_pos;
	conn->in_pos = 0;
	if (conn->in_len == sizeof(conn->in))
		return lost(conn, err, "a line too long for LMTP");
	for (;;) {
		n = recv(conn->fd, conn->in + conn->in_len,
		    sizeof(conn->in) - conn->in_len, 0);
		if (n > 0) {
			conn->in_len += (size_t)n;
			return 0;
		}
		if (n == 0)
			return lost(conn, err, "connection closed");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return lost(conn, err, strerror(errno));
		if (wait_for(conn, POLLIN, until_ms, hooks, err) == -1)
			return -1;
	}
}

/* A line without its end; it stays valid until the next. */
static int
read_line(struct lmtp_conn *conn, const char **line, size_t *len,
    int64_t until_ms, const struct deliver_hooks *hooks, struct err *err)
{
	const char *end;

	for (;;) {
		*line = conn->in + conn->in_pos;
		*len = conn->in_len - conn->in_pos;
		if (*len > 0 && (end = memchr(*line, '\n', *len)) != NULL)
			break;
		if (fill(conn, until_ms, hooks, err) == -1)
			return -1;
	}
	*len = (size_t)(end - *line);
	conn->in_pos += *len + 1;
	if (*len > 0 && (*line)[*len - 1] == '\r')
		(*len)--;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* reply-line = 3DIGIT [ ( "-" / SP ) text ]; "-": more lines follow. */
static int
parse_line(const char *line, size_t len, struct lmtp_reply *reply)
{
	char *safe;

	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
	    !is_digit(line[2]) || (len > 3 && line[3] != ' ' && line[3] != '-'))
		return -1;
	reply->code =
	    (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	safe = log_safe(line, len);
	snprintf(reply->text, sizeof(reply->text), "%s", safe);
	free(safe);
	return len > 3 && line[3] == '-';
}

int
lmtp_reply(struct lmtp_conn *conn, struct lmtp_reply *reply,
    const struct deliver_hooks *hooks, struct err *err)
{
	int64_t until_ms;
	const char *line;
	size_t len;
	int lines, more = 1;

	if (flush(conn, hooks, err) == -1)
		return -1;
	until_ms = answer_until(conn);
	for (lines = 0; more == 1 && lines < LINES_MAX; lines++) {
		if (read_line(conn, &line, &len, until_ms, hooks, err) == -1)
			return -1;
		more = parse_line(line, len, reply);
		if (len == 12 && strncasecmp(line + 4, "8BITMIME", 8) == 0)
			conn->eight_bit = true;
	}
	if (more != 0)
		return lost(conn, err, "this is not LMTP");
	return 0;
}

static int
expect(struct lmtp_conn *conn, int code, const struct deliver_hooks *hooks,
    struct err *err)
{
	struct lmtp_reply reply;

	if (lmtp_reply(conn, &reply, hooks, err) == -1)
		return -1;
	if (reply.code != code)
		return lost(conn, err, reply.text);
	return 0;
}

static bool
is_full_name(const char *host)
{
	const char *p;

	for (p = host; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			return false;
	return host[0] != '.' && strchr(host, '.') != NULL;
}

/* A name with a domain, else the address (RFC 5321 section 4.1.4). */
static void
own_name(const struct lmtp_conn *conn, char *name, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} own;
	socklen_t len = sizeof(own);
	char text[INET6_ADDRSTRLEN];

	if (gethostname(name, size) == -1 || name[0] == '\0')
		snprintf(name, size, "localhost");
	name[size - 1] = '\0';
	if (is_full_name(name) || getsockname(conn->fd, &own.any, &len) == -1)
		return;
	if (own.any.sa_family == AF_INET &&
	    inet_ntop(AF_INET, &own.in.sin_addr, text, sizeof(text)) != NULL)
		snprintf(name, size, "[%s]", text);
	else if (own.any.sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &own.in6.sin6_addr, text, sizeof(text)) != NULL)
		snprintf(name, size, "[IPv6:%s]", text);
}

int
lmtp_connect(struct lmtp_conn *conn, const struct net_target *target,
    const struct deliver_hooks *hooks, struct err *err)
{
	char name[256], line[300];
	int len;

	conn->in_pos = conn->in_len = conn->out_len = 0;
	conn->fd = net_connect(target, NULL, answer_until(conn), err);
	if (conn->fd == -1) {
		/* trouble on the way is never the message's fault */
		err->status = EX_TEMPFAIL;
		return -1;
	}
	if (expect(conn, 220, hooks, err) == -1)
		return -1;
	own_name(conn, name, sizeof(name));
	conn->eight_bit = false;
	len = snprintf(line, sizeof(line), "LHLO %s\r\n", name);
	if (lmtp_send(conn, line, (size_t)len, hooks, err) == -1)
		return -1;
	return expect(conn, 250, hooks, err);
}

void
lmtp_close(struct lmtp_conn *conn)
{
	struct err ignored = ERR_INIT;
	struct lmtp_reply reply;
	int timeout_ms = conn->timeout_ms;

	if (conn->fd == -1)
		return;
	conn->timeout_ms = QUIT_MS;
	if (lmtp_send(conn, "QUIT\r\n", 6, NULL, &ignored) == 0)
		(void)lmtp_reply(conn, &reply, NULL, &ignored);
	conn->timeout_ms = timeout_ms;
	if (conn->fd != -1)
		close(conn->fd);
	conn->fd = -1;
}
