/* SPDX-License-Identifier: ISC */
/*
 * A connection of the tests' server: lines in, gathered output, TLS, and the
 * faults that count octets. Nothing is sent before the input is used up, so
 * that the replies to pipelined commands leave together.
 */
#include "server/server.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Flushed at this size even if more commands wait. */
#define CONN_QUEUE (1024 * 1024)

void
sleep_ms(unsigned int ms)
{
	struct timespec left = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
}

void
conn_log(struct conn *conn, const char *format, ...)
{
	char line[4096];
	int len;
	va_list ap;

	if (conn->server->log_fd == -1)
		return;
	len = snprintf(line, sizeof(line), "%lu ", conn->number);
	va_start(ap, format);
	len +=
	    vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, ap);
	va_end(ap);
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	line[len++] = '\n';
	if (write(conn->server->log_fd, line, (size_t)len) == -1)
		warn("log");
}

void
conn_open(struct conn *conn, const struct server *server, int fd,
    unsigned long number)
{
	int on = 1;

	conn->server = server;
	conn->number = number;
	conn->fd = fd;
	conn->tls = NULL;
	conn->dead = false;
	conn->faulty = number <= server->fault_connections;
	conn->sent = conn->sent_raw = 0;
	conn->in_len = conn->in_pos = 0;
	conn_forget(conn);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn_log(conn, "OPEN");
}

static void
conn_finish(struct conn *conn)
{
	if (conn->tls != NULL)
		gnutls_deinit(conn->tls);
	conn->tls = NULL;
	conn->dead = true;
	conn_log(conn, "CLOSE sent %ju raw %ju", (uintmax_t)conn->sent,
	    (uintmax_t)conn->sent_raw);
	close(conn->fd);
	conn->fd = -1;
}

/* Read and drop until the peer ends, at most a minute without a word. */
static void
drain(int fd)
{
	char buf[65536];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	while (poll(&poll_fd, 1, 60000) > 0 && read(fd, buf, sizeof(buf)) > 0)
		;
}

void
conn_end(struct conn *conn, enum ending ending)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (conn->dead)
		return;
	if (ending == END_RST)
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	/* Closing with unread input would send a reset in place of the FIN. */
	if (ending == END_FIN)
		shutdown(conn->fd, SHUT_WR);
	if (ending != END_RST)
		drain(conn->fd);
	conn_finish(conn);
}

void
conn_close(struct conn *conn)
{
	conn_flush(conn);
	if (conn->dead)
		return;
	if (conn->tls != NULL)
		gnutls_bye(conn->tls, GNUTLS_SHUT_WR);
	conn_end(conn, END_FIN);
}

/* Octets to the socket; -1: the connection is dead. */
static int
write_raw(struct conn *conn, struct iovec *iov, int count)
{
	ssize_t n;

	while (count > 0) {
		n = writev(conn->fd, iov, count);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		conn->sent_raw += (uint64_t)n;
		while (count > 0 && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* GnuTLS writes through this, so that a cut may fall inside a record. */
static ssize_t
tls_push(gnutls_transport_ptr_t arg, const void *data, size_t len)
{
	struct conn *conn = arg;
	uint64_t left;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, len };

	if (conn->dead)
		return -1;
	if (conn->faulty && conn->server->cut_raw_after != UINT64_MAX) {
		left = conn->server->cut_raw_after - conn->sent_raw;
		if (left <= len) {
			iov.iov_len = left;
			write_raw(conn, &iov, 1);
			/* Finished by the caller: GnuTLS is still using it. */
			conn->dead = true;
			gnutls_transport_set_errno(conn->tls, EPIPE);
			return -1;
		}
	}
	if (write_raw(conn, &iov, 1) == -1) {
		gnutls_transport_set_errno(conn->tls, errno);
		return -1;
	}
	return (ssize_t)len;
}

static ssize_t
tls_pull(gnutls_transport_ptr_t arg, void *data, size_t len)
{
	struct conn *conn = arg;

	return read(conn->fd, data, len);
}

/* A send or handshake failed: by the fault, or because the peer has gone. */
static void
conn_failed(struct conn *conn)
{
	bool cut = conn->dead;

	conn->dead = false;
	conn_end(conn, cut ? conn->server->cut_ending : END_RST);
}

int
conn_tls(struct conn *conn)
{
	const struct server *server = conn->server;
	int rc;

	conn_flush(conn);
	if (conn->dead)
		return -1;
	/* What came before the handshake in the clear must not count in it. */
	conn->in_len = conn->in_pos = 0;
	if (gnutls_init(&conn->tls, GNUTLS_SERVER) < 0)
		errx(1, "gnutls_init");
	gnutls_priority_set(conn->tls, server->priorities);
	gnutls_credentials_set(conn->tls, GNUTLS_CRD_CERTIFICATE,
	    server->credentials);
	if (server->client_ca != NULL)
		gnutls_certificate_server_set_request(conn->tls,
		    GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_ptr(conn->tls, conn);
	gnutls_transport_set_push_function(conn->tls, tls_push);
	gnutls_transport_set_pull_function(conn->tls, tls_pull);
	do
		rc = gnutls_handshake(conn->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc) && !conn->dead);
	if (rc < 0) {
		conn_log(conn, "TLS failed: %s", gnutls_strerror(rc));
		if (!conn->dead &&
		    gnutls_alert_send_appropriate(conn->tls, rc) == 0)
			conn_end(conn, END_FIN);
		else
			conn_failed(conn);
		return -1;
	}
	conn_log(conn, "TLS");
	return 0;
}

/* The queued pieces as TLS records of 16 KiB: small replies share one. */
static int
write_tls(struct conn *conn)
{
	char record[16384];
	size_t len = 0, n, used = 0;
	ssize_t rc;
	int i = 0;

	while (i < conn->iov_count || len > 0) {
		while (i < conn->iov_count && len < sizeof(record)) {
			n = conn->iov[i].iov_len - used;
			if (n > sizeof(record) - len)
				n = sizeof(record) - len;
			memcpy(record + len,
			    (char *)conn->iov[i].iov_base + used, n);
			len += n;
			used += n;
			if (used == conn->iov[i].iov_len) {
				i++;
				used = 0;
			}
		}
		do
			rc = gnutls_record_send(conn->tls, record, len);
		while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_AGAIN);
		if (rc < 0)
			return -1;
		len = 0;
	}
	return 0;
}

void
conn_forget(struct conn *conn)
{
	conn->iov_count = 0;
	conn->queued = conn->text_len = 0;
}

/* Cut the queue down to n octets. */
static void
trim(struct conn *conn, uint64_t n)
{
	int i;

	for (i = 0; i < conn->iov_count && conn->iov[i].iov_len <= n; i++)
		n -= conn->iov[i].iov_len;
	if (i < conn->iov_count && n > 0)
		conn->iov[i++].iov_len = (size_t)n;
	conn->iov_count = i;
}

void
conn_flush(struct conn *conn)
{
	uint64_t left = UINT64_MAX;
	bool cut;

	if (conn->dead || (conn->queued == 0 && conn->sent > 0))
		return;
	if (conn->faulty && conn->server->cut_after != UINT64_MAX)
		left = conn->server->cut_after - conn->sent;
	/* Without TLS both counts are the same. */
	if (conn->faulty && conn->tls == NULL &&
	    conn->server->cut_raw_after != UINT64_MAX)
		left = conn->server->cut_raw_after - conn->sent_raw;
	cut = conn->queued >= left;
	if (cut)
		trim(conn, left);
	conn->sent += cut ? left : conn->queued;
	if ((conn->tls != NULL ?
		    write_tls(conn) :
		    write_raw(conn, conn->iov, conn->iov_count)) == -1)
		conn_failed(conn);
	else if (cut)
		conn_end(conn, conn->server->cut_ending);
	conn_forget(conn);
}

void
conn_add(struct conn *conn, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (conn->iov_count == CONN_IOVS || conn->queued > CONN_QUEUE)
		conn_flush(conn);
	conn->iov[conn->iov_count].iov_base = (void *)(uintptr_t)data;
	conn->iov[conn->iov_count++].iov_len = len;
	conn->queued += len;
}

void
conn_copy(struct conn *conn, const void *data, size_t len)
{
	const char *from = data;
	struct iovec *last;
	char *to;
	size_t n;

	for (; len > 0; from += n, len -= n) {
		/* As conn_add, which must not flush what it is given here. */
		if (conn->text_len == CONN_TEXT ||
		    conn->iov_count == CONN_IOVS || conn->queued > CONN_QUEUE)
			conn_flush(conn);
		n = CONN_TEXT - conn->text_len;
		if (n > len)
			n = len;
		to = conn->text + conn->text_len;
		memcpy(to, from, n);
		conn->text_len += n;
		last = conn->iov_count > 0 ? &conn->iov[conn->iov_count - 1] :
					     NULL;
		if (last != NULL &&
		    (char *)last->iov_base + last->iov_len == to) {
			last->iov_len += n;
			conn->queued += n;
		} else
			conn_add(conn, to, n);
	}
}

void
conn_say(struct conn *conn, const char *format, ...)
{
	char line[4096];
	int len;
	va_list ap;

	va_start(ap, format);
	len = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof(line))
		errx(1, "reply too long");
	conn_copy(conn, line, (size_t)len);
	conn_copy(conn, "\r\n", 2);
}

/* Whether anything came. */
static bool
conn_fill(struct conn *conn)
{
	ssize_t n;

	if (conn->in_pos > 0) {
		conn->in_len -= conn->in_pos;
		memmove(conn->in, conn->in + conn->in_pos, conn->in_len);
		conn->in_pos = 0;
	}
	if (conn->in_len == sizeof(conn->in))
		errx(1, "a client's line of %zu octets", conn->in_len);
	do {
		if (conn->tls != NULL)
			n = gnutls_record_recv(conn->tls,
			    conn->in + conn->in_len,
			    sizeof(conn->in) - conn->in_len);
		else
			n = read(conn->fd, conn->in + conn->in_len,
			    sizeof(conn->in) - conn->in_len);
	} while (conn->tls != NULL ?
		n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED :
		n == -1 && errno == EINTR);
	if (n <= 0)
		return false;
	conn->in_len += (size_t)n;
	if (conn->server->latency_ms > 0)
		sleep_ms(conn->server->latency_ms);
	return true;
}

bool
conn_has_line(const struct conn *conn)
{
	return memchr(conn->in + conn->in_pos, '\n',
		   conn->in_len - conn->in_pos) != NULL;
}

char *
conn_line(struct conn *conn)
{
	char *line, *end;

	while (!conn->dead && !conn_has_line(conn)) {
		conn_flush(conn);
		if (!conn->dead && !conn_fill(conn)) {
			conn_log(conn, "EOF");
			return NULL;
		}
	}
	if (conn->dead)
		return NULL;
	line = conn->in + conn->in_pos;
	end = memchr(line, '\n', conn->in_len - conn->in_pos);
	conn->in_pos += (size_t)(end - line) + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	conn_log(conn, "C: %s", line);
	return line;
}
