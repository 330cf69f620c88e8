/* SPDX-License-Identifier: ISC */
/*
 * The floor program's line: one socket that does not block, commands in one
 * queue, input in a large buffer, TLS over a pull function with another one.
 */

#include "floor.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_OCTETS 262144

static int sock = -1;
static gnutls_session_t tls;
static char raw[IN_OCTETS]; /* undecrypted */
static size_t raw_start;
static size_t raw_end;
static char in[IN_OCTETS];
static size_t in_start;
static size_t in_end;
static char *out;
static size_t out_start;
static size_t out_end;
static size_t out_room;

static ssize_t
pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
	ssize_t n;

	(void)ptr;
	if (raw_start == raw_end) {
		n = recv(sock, raw, sizeof(raw), 0);
		if (n <= 0)
			return n;
		raw_start = 0;
		raw_end = (size_t)n;
	}
	if (len > raw_end - raw_start)
		len = raw_end - raw_start;
	memcpy(data, raw + raw_start, len);
	raw_start += len;
	return (ssize_t)len;
}

/* GnuTLS also says "again" after a session ticket, with more in raw. */
static void
wait_for(short events)
{
	struct pollfd fds = { .fd = sock, .events = events };

	if (raw_start != raw_end)
		return;
	if (poll(&fds, 1, 60000) == 0)
		errx(75, "timeout");
}

static void
start_tls(const char *ca_file)
{
	static const char host[] = "127.0.0.1";
	gnutls_certificate_credentials_t cred;
	int rc;

	gnutls_certificate_allocate_credentials(&cred);
	if (gnutls_certificate_set_x509_trust_file(cred, ca_file,
		GNUTLS_X509_FMT_PEM) < 0)
		errx(78, "%s", ca_file);
	gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(tls);
	gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_session_set_verify_cert(tls, host, 0);
	gnutls_transport_set_int(tls, sock);
	gnutls_transport_set_pull_function(tls, pull);
	while ((rc = gnutls_handshake(tls)) < 0) {
		if (gnutls_error_is_fatal(rc) != 0)
			errx(69, "TLS: %s", gnutls_strerror(rc));
		wait_for(gnutls_record_get_direction(tls) ? POLLOUT : POLLIN);
	}
}

void
line_open(int port, const char *ca_file)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(sock, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(75, "connect");
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(sock, F_SETFL, O_NONBLOCK);
	if (ca_file != NULL)
		start_tls(ca_file);
}

void
line_send(const char *command, size_t len)
{
	if (out_end + len > out_room) {
		out_room = (out_end + len) * 2;
		out = realloc(out, out_room);
		if (out == NULL)
			err(71, "realloc");
	}
	memcpy(out + out_end, command, len);
	out_end += len;
}

static bool
again(ssize_t n)
{
	if (tls != NULL)
		return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
	return n == -1 && (errno == EAGAIN || errno == EINTR);
}

static void
push(void)
{
	size_t len = out_end - out_start;
	ssize_t n;

	if (tls != NULL)
		n = gnutls_record_send(tls, out + out_start, len);
	else
		n = send(sock, out + out_start, len, MSG_NOSIGNAL);
	if (n < 0 && !again(n))
		errx(75, "send");
	if (n > 0)
		out_start += (size_t)n;
	if (out_start == out_end)
		out_start = out_end = 0;
}

static void
fill(void)
{
	ssize_t n;
	int rearm = 1;

	memmove(in, in + in_start, in_end - in_start);
	in_end -= in_start;
	in_start = 0;
	if (in_end == sizeof(in))
		errx(76, "a line too long");
	for (;;) {
		if (out_end > 0)
			push();
		if (tls != NULL)
			n = gnutls_record_recv(tls, in + in_end,
			    sizeof(in) - in_end);
		else
			n = recv(sock, in + in_end, sizeof(in) - in_end, 0);
		if (n > 0)
			break;
		if (n == 0 || !again(n))
			errx(75, "the server closed the connection");
		setsockopt(sock, IPPROTO_TCP, TCP_QUICKACK, &rearm,
		    sizeof(rearm));
		wait_for((short)(POLLIN | (out_end > 0 ? POLLOUT : 0)));
	}
	in_end += (size_t)n;
}

char *
line_read(size_t *len)
{
	char *start;
	char *nl;

	for (;;) {
		start = in + in_start;
		nl = memchr(start, '\n', in_end - in_start);
		if (nl != NULL)
			break;
		fill();
	}
	*len = (size_t)(nl + 1 - start);
	in_start += *len;
	return start;
}
