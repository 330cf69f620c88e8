/* SPDX-License-Identifier: ISC */
/* From names to connected sockets. The only user of the resolver. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdint.h>

struct child;
struct err;

struct net_target {
	const char *host;   /* name (U-labels allowed), address literal, or an
			       absolute path: a Unix socket */
	const char *port;   /* number or service name */
	int family;         /* AF_UNSPEC, AF_INET, AF_INET6 */
	const char *source; /* local address to bind, or NULL */
	const char *proxy;  /* socks5h://[user:pass@]host:port, socks5://, or
			       NULL */
	const char *tunnel; /* a command instead of a socket, or NULL */
};

/*
 * Connect to the first address that answers (RFC 8305), until until_ms
 * (deadline.h) or a stop signal, the look-up of the name included.
 * tunnel_child gets the process when target->tunnel is set. Returns a
 * non-blocking close-on-exec descriptor with TCP_NODELAY, or -1: EX_NOHOST
 * unknown name, EX_TEMPFAIL resolver, refused, timeout; EX_USAGE an impossible
 * name or source address.
 */
int net_connect(const struct net_target *target, struct child *tunnel_child,
    int64_t until_ms, struct err *err);

/*
 * host as certificates and identities name it: A-labels, lower case, without
 * one trailing dot; literals without brackets. The caller frees; NULL:
 * EX_USAGE, not a host name (blank, control, slash, empty label).
 */
char *net_canonical_host(const char *host, struct err *err);

/* 1 for a literal address, a path or a name that is loopback by definition. */
int net_is_loopback(const char *host);
int net_is_literal(const char *host);

#endif
