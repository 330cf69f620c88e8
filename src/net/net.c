/* SPDX-License-Identifier: ISC */
/*
 * Making the connection: by name through every address in turn, by path, by a
 * proxy or by a command. Each address gets an equal share of the time left, so
 * that a dead one leaves some to the next. (What a host is called: host.c.)
 */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/stop.h"
#include "base/xalloc.h"
#include "net/proxy.h"
#include "net/wait.h"

/* ---- names ---- */

static int
resolver_error(const char *host, const char *port, int code, struct err *err)
{
	switch (code) {
	case EAI_NONAME:
		return err_set(err, EX_NOHOST, "there is no host named %s",
		    host);
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return err_set(err, EX_NOHOST,
		    "host %s has no address of the kind wanted", host);
	case EAI_SERVICE:
		return err_set(err, EX_USAGE, "there is no port named %s",
		    port);
	case EAI_SYSTEM:
		return err_sys(err, EX_TEMPFAIL, "cannot look up %s", host);
	default:
		return err_set(err, EX_TEMPFAIL, "cannot look up %s: %s", host,
		    gai_strerror(code));
	}
}

/* All addresses of host, which is checked; *name is how it is looked up. */
static int
resolve(const char *host, const char *port, int family,
    struct addrinfo **addresses, struct err *err)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM };
	char *canonical, *name;
	size_t len = strlen(host);
	bool absolute;
	int code;

	canonical = net_canonical_host(host, err);
	if (canonical == NULL)
		return -1;
	if (net_is_literal(canonical))
		hints.ai_flags = AI_NUMERICHOST;
	/* a trailing dot keeps the resolver from its search list */
	absolute = host[len - 1] == '.' && hints.ai_flags == 0;
	name = xasprintf("%s%s", canonical, absolute ? "." : "");
	code = getaddrinfo(name, port, &hints, addresses);
	if (code != 0)
		resolver_error(canonical, port, code, err);
	free(name);
	free(canonical);
	return code == 0 ? 0 : -1;
}

static int
port_number(const char *port, uint16_t *number, struct err *err)
{
	struct servent *service;
	uint64_t value;
	size_t len = strlen(port);

	if (len > 0 && parse_u64(port, len, 65535, &value) == len) {
		*number = (uint16_t)value;
		return 0;
	}
	service = getservbyname(port, "tcp");
	if (service == NULL)
		return resolver_error("", port, EAI_SERVICE, err);
	*number = ntohs((uint16_t)service->s_port);
	return 0;
}

static void
format_address(const struct addrinfo *ai, char *text, socklen_t size)
{
	if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, size, NULL, 0,
		NI_NUMERICHOST) != 0)
		text[0] = '\0';
}

/* ---- one connection ---- */

static int
bind_source(int fd, int family, const char *source, struct err *err)
{
	struct addrinfo *local;
	int rc = 0;

	if (resolve(source, NULL, family, &local, err) == -1) {
		err->status = EX_USAGE;
		return err_prefix(err, "source address");
	}
	if (bind(fd, local->ai_addr, local->ai_addrlen) == -1)
		rc = err_sys(err, EX_USAGE, "source address %s", source);
	freeaddrinfo(local);
	return rc;
}

static int
finish_connect(int fd, int64_t until_ms, struct err *err)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (errno != EINPROGRESS && errno != EINTR)
		return err_set(err, EX_TEMPFAIL, "%s", strerror(errno));
	if (wait_for(fd, POLLOUT, until_ms, "connecting", err) == -1)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		return err_set(err, EX_TEMPFAIL, "%s", strerror(error));
	return 0;
}

static int
connect_address(const struct addrinfo *ai, const char *source, int64_t until_ms,
    struct err *err)
{
	int fd, on = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return err_sys(err, EX_TEMPFAIL, "socket");
	if (source != NULL && bind_source(fd, ai->ai_family, source, err) == -1)
		goto fail;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1 &&
	    finish_connect(fd, until_ms, err) == -1)
		goto fail;
	if (ai->ai_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
fail:
	close(fd);
	return -1;
}

/* until_ms, or less if n addresses have to share what is left. */
static int64_t
share(int64_t until_ms, int n)
{
	int64_t now = deadline_now();

	if (until_ms == DEADLINE_NEVER || until_ms <= now)
		return until_ms;
	return now + (until_ms - now) / n;
}

static int
count_addresses(const struct addrinfo *ai)
{
	int n = 0;

	for (; ai != NULL; ai = ai->ai_next)
		n++;
	return n;
}

/* Each address in turn; what each said is told when none would. */
static int
connect_any(const struct addrinfo *ai, const struct net_target *target,
    const char *host, const char *port, int64_t until_ms, struct err *err)
{
	struct err one = ERR_INIT;
	struct buf said = BUF_INIT;
	char address[NI_MAXHOST];
	int fd = -1, status = EX_USAGE, left = count_addresses(ai);

	for (; ai != NULL && fd == -1; ai = ai->ai_next, left--) {
		fd = connect_address(ai, target->source, share(until_ms, left),
		    &one);
		if (fd != -1)
			break;
		format_address(ai, address, sizeof(address));
		buf_printf(&said, "%s%s%s%s", said.len > 0 ? ", " : "",
		    strcmp(address, host) == 0 ? "" : address,
		    strcmp(address, host) == 0 ? "" : ": ", one.text);
		/* a source of the wrong family is wrong only if none fits */
		if (one.status != EX_USAGE)
			status = one.status;
		if (stop_signal() != 0)
			break;
	}
	if (fd == -1)
		err_set(err, status, "cannot connect to %s port %s: %s", host,
		    port, buf_text(&said));
	buf_clear(&said);
	return fd;
}

static int
connect_name(const struct net_target *target, const char *host,
    const char *port, int family, int64_t until_ms, struct err *err)
{
	struct addrinfo *addresses;
	int fd;

	if (resolve(host, port, family, &addresses, err) == -1)
		return -1;
	fd = connect_any(addresses, target, host, port, until_ms, err);
	freeaddrinfo(addresses);
	return fd;
}

static int
connect_path(const char *path, int64_t until_ms, struct err *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct addrinfo ai = { .ai_family = AF_UNIX,
		.ai_addr = (struct sockaddr *)&un,
		.ai_addrlen = sizeof(un) };
	char *safe;
	int fd = -1;

	safe = log_safe(path, strlen(path));
	if (strlen(path) >= sizeof(un.sun_path))
		err_set(err, EX_USAGE, "%s: too long for a socket's path",
		    safe);
	else {
		strcpy(un.sun_path, path);
		fd = connect_address(&ai, NULL, until_ms, err);
		if (fd == -1)
			err_prefix(err, "cannot connect to %s", safe);
	}
	free(safe);
	return fd;
}

/* ---- through something ---- */

/* A connection to the proxy, then its own to name, or else to ai. */
static int
through_proxy(const struct net_target *target, const struct proxy *proxy,
    const char *name, const struct addrinfo *ai, uint16_t port,
    int64_t until_ms, struct err *err)
{
	int fd;

	fd = connect_name(target, proxy->host, proxy->port, AF_UNSPEC, until_ms,
	    err);
	if (fd == -1)
		return err_prefix(err, "proxy");
	if (proxy_connect(fd, proxy, name, ai != NULL ? ai->ai_addr : NULL,
		port, until_ms, err) == 0)
		return fd;
	close(fd);
	return err_prefix(err, "cannot connect to %s port %s", target->host,
	    target->port);
}

static int
proxy_by_address(const struct net_target *target, const struct proxy *proxy,
    uint16_t port, int64_t until_ms, struct err *err)
{
	struct addrinfo *addresses, *ai;
	int fd = -1, left;

	if (resolve(target->host, target->port, target->family, &addresses,
		err) == -1)
		return -1;
	left = count_addresses(addresses);
	for (ai = addresses; ai != NULL && fd == -1 && stop_signal() == 0;
	     ai = ai->ai_next)
		fd = through_proxy(target, proxy, NULL, ai, port,
		    share(until_ms, left--), err);
	freeaddrinfo(addresses);
	return fd;
}

static int
connect_proxy(const struct net_target *target, int64_t until_ms,
    struct err *err)
{
	struct proxy proxy;
	char *name = NULL;
	uint16_t port = 0;
	int fd = -1;

	if (proxy_parse(&proxy, target->proxy, err) == -1)
		return -1;
	if (port_number(target->port, &port, err) == -1)
		goto out;
	name = net_canonical_host(target->host, err);
	if (name == NULL)
		goto out;
	if (proxy.resolves && !net_is_literal(name))
		fd = through_proxy(target, &proxy, name, NULL, port, until_ms,
		    err);
	else
		fd = proxy_by_address(target, &proxy, port, until_ms, err);
out:
	free(name);
	proxy_clear(&proxy);
	return fd;
}

static int
connect_tunnel(const char *command, struct child *child, struct err *err)
{
	int fd, flags;

	fd = child_tunnel(child, command, err);
	if (fd == -1)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
		err_sys(err, EX_OSERR, "tunnel");
		close(fd);
		child_kill(child);
		return -1;
	}
	return fd;
}

int
net_connect(const struct net_target *target, struct child *tunnel_child,
    int64_t until_ms, struct err *err)
{
	if (target->tunnel != NULL)
		return connect_tunnel(target->tunnel, tunnel_child, err);
	if (target->host[0] == '/')
		return connect_path(target->host, until_ms, err);
	if (target->proxy != NULL)
		return connect_proxy(target, until_ms, err);
	return connect_name(target, target->host, target->port, target->family,
	    until_ms, err);
}
