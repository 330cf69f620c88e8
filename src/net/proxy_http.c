/* SPDX-License-Identifier: ISC */
/*
 * CONNECT through an HTTP proxy (RFC 9110 section 9.3.6), with Basic login
 * (RFC 7617). The answer's header is read an octet at a time: behind it the
 * server may have begun to speak.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "net/net_priv.h"
#include "net/proxy.h"

#define HEADER_MAX 16384

static void
put_login(struct buf *out, const struct proxy *proxy)
{
	struct buf login = BUF_INIT;

	if (proxy->user == NULL)
		return;
	buf_printf(&login, "%s:%s", proxy->user, proxy->password);
	buf_puts(out, "Proxy-Authorization: Basic ");
	base64_encode(login.data, login.len, out);
	buf_puts(out, "\r\n");
	buf_clear(&login); /* wipes */
}

static int
ask(const struct proxy_talk *talk, const struct proxy *proxy, const char *name,
    uint16_t port)
{
	const char *open = strchr(name, ':') != NULL ? "[" : "";
	const char *close = *open != '\0' ? "]" : "";
	struct buf out = BUF_INIT;
	int rc;

	buf_printf(&out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n",
	    open, name, close, (unsigned int)port, open, name, close,
	    (unsigned int)port);
	put_login(&out, proxy);
	buf_puts(&out, "\r\n");
	rc = proxy_move(talk, POLLOUT, (unsigned char *)out.data, out.len);
	buf_clear(&out);
	return rc;
}

/* The header of the answer, with its empty line. */
static int
read_header(const struct proxy_talk *talk, struct buf *header)
{
	unsigned char octet;

	while (header->len < HEADER_MAX) {
		if (proxy_move(talk, POLLIN, &octet, 1) == -1)
			return -1;
		buf_append(header, (const char *)&octet, 1);
		if (header->len >= 4 &&
		    memcmp(header->data + header->len - 4, "\r\n\r\n", 4) == 0)
			return 0;
		/* what is no HTTP need not be waited for */
		if (header->len <= 5 &&
		    memcmp(header->data, "HTTP/", header->len) != 0)
			break;
	}
	return err_set(talk->err, EX_PROTOCOL, "the proxy does not speak HTTP");
}

static int
judge_status(const struct proxy_talk *talk, const struct proxy *proxy,
    const struct buf *header)
{
	const char *line = header->data, *end = strchr(line, '\r');
	const char *space = memchr(line, ' ', (size_t)(end - line));
	uint64_t code = 0;
	char *said;
	int status;

	if (space == NULL ||
	    parse_u64(space + 1, (size_t)(end - space - 1), 999, &code) != 3)
		return err_set(talk->err, EX_PROTOCOL,
		    "the proxy does not speak HTTP");
	if (code / 100 == 2)
		return 0;
	if (code == 407)
		return err_set(talk->err, EX_NOPERM, "the proxy %s",
		    proxy->user == NULL ? "wants a user and a password" :
					  "refuses the user or password");
	status = code / 100 == 4 ? EX_UNAVAILABLE : EX_TEMPFAIL;
	said = log_said(space + 1, (size_t)(end - space - 1), 80);
	err_set(talk->err, status, "the proxy says: %s", said);
	free(said);
	return -1;
}

int
proxy_connect_http(const struct proxy_talk *talk, const struct proxy *proxy,
    const char *name, uint16_t port)
{
	struct buf header = BUF_INIT;
	int rc = -1;

	if (strpbrk(name, "\r\n \t") != NULL)
		return err_set(talk->err, EX_USAGE,
		    "the host name is not one that a proxy takes");
	if (ask(talk, proxy, name, port) == 0 &&
	    read_header(talk, &header) == 0) {
		(void)buf_text(&header);
		rc = judge_status(talk, proxy, &header);
	}
	buf_clear(&header);
	return rc;
}
