/* SPDX-License-Identifier: ISC */
/*
 * Proxies: their URLs, and a SOCKS 5 client. What travels (RFC 1928, RFC 1929):
 *	> 05 n methods           < 05 method (0 none, 2 password, ff refused)
 *	> 01 len user len pass   < 01 status (0 well)
 *	> 05 01 00 type addr port
 *	< 05 reply 00 type addr port
 * with type 1 (4 octets), 3 (length, name) or 4 (16 octets).
 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "net/net_priv.h"
#include "net/wait.h"

#define SOCKS_PORT "1080"
#define HTTP_PORT "80"
#define FIELD_MAX 255 /* one octet of length */

enum {
	SOCKS_VERSION = 5,
	SOCKS_CONNECT = 1,
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	METHOD_REFUSED = 0xff,
	PASSWORD_VERSION = 1,
	TYPE_IPV4 = 1,
	TYPE_NAME = 3,
	TYPE_IPV6 = 4
};

/* ---- the URL ---- */

/* text with %XX decoded; NULL: malformed, or a NUL, or too long for SOCKS. */
static char *
decode(const char *text, size_t len)
{
	char *out = xmalloc(len + 1), hex[2];
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		if (len - i < 3)
			goto bad;
		hex[0] = (char)(text[i + 1] | 0x20); /* either case */
		hex[1] = (char)(text[i + 2] | 0x20);
		if (parse_hex(hex, 2, (unsigned char *)out + n, 1) == -1 ||
		    out[n] == '\0')
			goto bad;
		n++;
		i += 2;
	}
	out[n] = '\0';
	if (n > 0 && n <= FIELD_MAX)
		return out;
bad:
	explicit_bzero(out, len);
	free(out);
	return NULL;
}

static int
parse_login(struct proxy *proxy, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);

	if (colon == NULL)
		return -1;
	proxy->user = decode(text, (size_t)(colon - text));
	proxy->password = decode(colon + 1, len - (size_t)(colon + 1 - text));
	return proxy->user != NULL && proxy->password != NULL ? 0 : -1;
}

static int
parse_host_port(struct proxy *proxy, const char *text)
{
	size_t len;

	if (*text == '[') {
		len = strcspn(text, "]");
		if (text[len] == '\0')
			return -1;
		proxy->host = xstrndup(text + 1, len - 1);
		len++;
	} else {
		len = strcspn(text, ":");
		proxy->host = xstrndup(text, len);
	}
	if (proxy->host[0] == '\0')
		return -1;
	if (text[len] == '\0')
		proxy->port = xstrdup(proxy->http ? HTTP_PORT : SOCKS_PORT);
	else if (text[len] == ':' && text[len + 1] != '\0')
		proxy->port = xstrdup(text + len + 1);
	return proxy->port != NULL ? 0 : -1;
}

int
proxy_parse(struct proxy *proxy, const char *url, struct err *err)
{
	const char *rest, *at;
	char *place;
	int rc = -1;

	memset(proxy, 0, sizeof(*proxy));
	if (strncasecmp(url, "socks5h://", 10) == 0) {
		proxy->resolves = true;
		rest = url + 10;
	} else if (strncasecmp(url, "socks5://", 9) == 0) {
		rest = url + 9;
	} else if (strncasecmp(url, "http://", 7) == 0) {
		proxy->http = proxy->resolves = true;
		rest = url + 7;
	} else {
		return err_set(err, EX_USAGE,
		    "the proxy must be socks5h://host:port, "
		    "socks5://host:port or http://host:port");
	}
	at = strrchr(rest, '@');
	if (at == NULL || parse_login(proxy, rest, (size_t)(at - rest)) == 0) {
		place = xstrdup(at == NULL ? rest : at + 1);
		if (place[0] != '\0' && place[strlen(place) - 1] == '/')
			place[strlen(place) - 1] = '\0';
		rc = parse_host_port(proxy, place);
		free(place);
	}
	if (rc == 0)
		return 0;
	proxy_clear(proxy);
	/* the URL is not shown: there may be a password in it */
	return err_set(err, EX_USAGE,
	    "malformed proxy: wanted "
	    "socks5h://[user:password@]host[:port]");
}

void
proxy_clear(struct proxy *proxy)
{
	if (proxy->password != NULL)
		explicit_bzero(proxy->password, strlen(proxy->password));
	free(proxy->password);
	free(proxy->user);
	free(proxy->host);
	free(proxy->port);
	memset(proxy, 0, sizeof(*proxy));
}

/* ---- the conversation ---- */

int
proxy_move(const struct proxy_talk *talk, short event, unsigned char *data,
    size_t len)
{
	ssize_t n;

	while (len > 0) {
		if (event == POLLIN)
			n = recv(talk->fd, data, len, 0);
		else
			n = send(talk->fd, data, len, MSG_NOSIGNAL);
		if (n == 0)
			return err_set(talk->err, EX_TEMPFAIL,
			    "the proxy closed the connection");
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (wait_for(talk->fd, event, talk->until_ms,
				"the proxy", talk->err) == -1)
				return -1;
		} else if (errno != EINTR)
			return err_sys(talk->err, EX_TEMPFAIL,
			    "lost the proxy");
	}
	return 0;
}

static int
not_socks(const struct proxy_talk *talk)
{
	return err_set(talk->err, EX_PROTOCOL,
	    "the proxy does not speak SOCKS 5");
}

static int
send_password(const struct proxy_talk *talk, const struct proxy *proxy)
{
	size_t user_len = strlen(proxy->user);
	size_t password_len = strlen(proxy->password);
	unsigned char msg[3 + 2 * FIELD_MAX], reply[2];
	int rc;

	msg[0] = PASSWORD_VERSION;
	msg[1] = (unsigned char)user_len;
	memcpy(msg + 2, proxy->user, user_len);
	msg[2 + user_len] = (unsigned char)password_len;
	memcpy(msg + 3 + user_len, proxy->password, password_len);
	rc = proxy_move(talk, POLLOUT, msg, 3 + user_len + password_len);
	explicit_bzero(msg, sizeof(msg));
	if (rc == -1 || proxy_move(talk, POLLIN, reply, 2) == -1)
		return -1;
	if (reply[1] != 0)
		return err_set(talk->err, EX_NOPERM,
		    "the proxy refuses the user or password");
	return 0;
}

static int
greet(const struct proxy_talk *talk, const struct proxy *proxy)
{
	unsigned char msg[4] = { SOCKS_VERSION, 1, METHOD_NONE,
		METHOD_PASSWORD };
	unsigned char reply[2];

	if (proxy->user != NULL)
		msg[1] = 2;
	if (proxy_move(talk, POLLOUT, msg, 2 + (size_t)msg[1]) == -1 ||
	    proxy_move(talk, POLLIN, reply, 2) == -1)
		return -1;
	if (reply[0] != SOCKS_VERSION)
		return not_socks(talk);
	if (reply[1] == METHOD_NONE)
		return 0;
	if (reply[1] == METHOD_PASSWORD && proxy->user != NULL)
		return send_password(talk, proxy);
	if (reply[1] == METHOD_REFUSED || reply[1] == METHOD_PASSWORD)
		return err_set(talk->err, EX_NOPERM, "the proxy wants %s",
		    proxy->user == NULL ? "a user and a password" :
					  "another kind of login");
	return not_socks(talk);
}

static int
request(const struct proxy_talk *talk, const char *name,
    const struct sockaddr *addr, uint16_t port)
{
	unsigned char msg[7 + FIELD_MAX] = { SOCKS_VERSION, SOCKS_CONNECT, 0 };
	size_t n = 4, len;

	if (name != NULL) {
		len = strlen(name);
		if (len == 0 || len > FIELD_MAX)
			return err_set(talk->err, EX_USAGE,
			    "the host name is too long for the proxy");
		msg[3] = TYPE_NAME;
		msg[n++] = (unsigned char)len;
		memcpy(msg + n, name, len);
		n += len;
	} else if (addr->sa_family == AF_INET) {
		msg[3] = TYPE_IPV4;
		memcpy(msg + n,
		    &((const struct sockaddr_in *)(const void *)addr)->sin_addr,
		    4);
		n += 4;
	} else {
		msg[3] = TYPE_IPV6;
		memcpy(msg + n,
		    &((const struct sockaddr_in6 *)(const void *)addr)
			 ->sin6_addr,
		    16);
		n += 16;
	}
	msg[n++] = (unsigned char)(port >> 8);
	msg[n++] = (unsigned char)(port & 0xff);
	return proxy_move(talk, POLLOUT, msg, n);
}

static int
refusal(const struct proxy_talk *talk, unsigned int reply)
{
	static const char *const words[] = {
		"it failed",
		"its rules forbid it",
		"network unreachable",
		"host unreachable",
		"connection refused",
		"time to live expired",
		"it cannot connect",
		"address type not supported",
	};

	if (reply < 1 || reply > sizeof(words) / sizeof(words[0]))
		return err_set(talk->err, EX_TEMPFAIL,
		    "the proxy answers with code %u", reply);
	return err_set(talk->err, reply == 2 ? EX_UNAVAILABLE : EX_TEMPFAIL,
	    "the proxy says: %s", words[reply - 1]);
}

/* The reply, to its last octet: the next is the server's. */
static int
receive_reply(const struct proxy_talk *talk)
{
	unsigned char head[5], rest[FIELD_MAX + 2];
	size_t len;

	if (proxy_move(talk, POLLIN, head, 2) == -1)
		return -1;
	if (head[0] != SOCKS_VERSION)
		return not_socks(talk);
	if (head[1] != 0)
		return refusal(talk, head[1]);
	if (proxy_move(talk, POLLIN, head + 2, 3) == -1)
		return -1;
	switch (head[3]) {
	case TYPE_IPV4:
		len = 4 - 1 + 2; /* one octet is in head[4] */
		break;
	case TYPE_IPV6:
		len = 16 - 1 + 2;
		break;
	case TYPE_NAME:
		len = (size_t)head[4] + 2;
		break;
	default:
		return not_socks(talk);
	}
	return proxy_move(talk, POLLIN, rest, len);
}

static const char *
to_text(const struct sockaddr *addr, char text[INET6_ADDRSTRLEN])
{
	const void *octets = addr->sa_family == AF_INET ?
	    (const void *)&((const struct sockaddr_in *)(const void *)addr)
		->sin_addr :
	    (const void *)&((const struct sockaddr_in6 *)(const void *)addr)
		->sin6_addr;

	return inet_ntop(addr->sa_family, octets, text, INET6_ADDRSTRLEN);
}

int
proxy_connect(int fd, const struct proxy *proxy, const char *name,
    const struct sockaddr *addr, uint16_t port, int64_t until_ms,
    struct err *err)
{
	struct proxy_talk talk = { fd, until_ms, err };

	char numeric[INET6_ADDRSTRLEN];

	if (proxy->http)
		return proxy_connect_http(&talk, proxy,
		    name != NULL ? name : to_text(addr, numeric), port);
	if (greet(&talk, proxy) == -1 || request(&talk, name, addr, port) == -1)
		return -1;
	return receive_reply(&talk);
}
