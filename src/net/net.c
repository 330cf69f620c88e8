/* SPDX-License-Identifier: ISC */
/*
 * Making the connection: by name, by path, by a proxy or by a command. (What a
 * host is called: host.c; its addresses: resolve.c; which is taken: race.c.)
 */
#include "net/net.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/child.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/signals.h"
#include "net/proxy.h"
#include "net/race.h"
#include "net/resolve.h"

static int
connect_name(const struct net_target *target, const char *host,
    const char *port, int family, int64_t until_ms, struct err *err)
{
	struct address *addresses;
	int fd, n;

	n = resolve(host, port, family, until_ms, &addresses, err);
	if (n == -1)
		return -1;
	fd = race_connect(addresses, (size_t)n, target->source, host, until_ms,
	    err);
	if (fd == -1)
		err_prefix(err, "cannot connect to %s port %s", host, port);
	free(addresses);
	return fd;
}

static int
connect_path(const char *path, int64_t until_ms, struct err *err)
{
	struct address address = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char *safe;
	int fd = -1;

	safe = log_safe(path, strlen(path));
	if (strlen(path) >= sizeof(un.sun_path))
		err_set(err, EX_USAGE, "%s: too long for a socket's path",
		    safe);
	else {
		strcpy(un.sun_path, path);
		memcpy(&address.sockaddr, &un, sizeof(un));
		fd = race_connect(&address, 1, NULL, path, until_ms, err);
		if (fd == -1)
			err_prefix(err, "cannot connect to %s", safe);
	}
	free(safe);
	return fd;
}

/* ---- through something ---- */

/* A connection to the proxy, then its own to name, or else to address. */
static int
through_proxy(const struct net_target *target, const struct proxy *proxy,
    const char *name, const struct address *address, uint16_t port,
    int64_t until_ms, struct err *err)
{
	int fd;

	fd = connect_name(target, proxy->host, proxy->port, AF_UNSPEC, until_ms,
	    err);
	if (fd == -1)
		return err_prefix(err, "proxy");
	if (proxy_connect(fd, proxy, name,
		address != NULL ? (const struct sockaddr *)&address->sockaddr :
				  NULL,
		port, until_ms, err) == 0)
		return fd;
	close(fd);
	return err_prefix(err, "cannot connect to %s port %s", target->host,
	    target->port);
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
proxy_by_address(const struct net_target *target, const struct proxy *proxy,
    uint16_t port, int64_t until_ms, struct err *err)
{
	struct address *addresses;
	int fd = -1, i, n;

	n = resolve(target->host, target->port, target->family, until_ms,
	    &addresses, err);
	if (n == -1)
		return -1;
	for (i = 0; i < n && fd == -1 && signals_stop() == 0; i++)
		fd = through_proxy(target, proxy, NULL, &addresses[i], port,
		    share(until_ms, n - i), err);
	free(addresses);
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
	if (resolve_port(target->port, &port, err) == -1)
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
