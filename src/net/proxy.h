/* SPDX-License-Identifier: ISC */
/* SOCKS 5 (RFC 1928), with user and password (RFC 1929), and HTTP. */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct sockaddr;

struct proxy {
	char *host, *port;     /* owned; port 1080, or 80, unless given */
	char *user, *password; /* owned; decoded, or NULL */
	bool resolves;         /* socks5h, http: names go to the proxy */
	bool http;             /* CONNECT (RFC 9110 section 9.3.6) */
};

/* socks5h://, socks5:// or http://, [user:pass@]host[:port]. -1: EX_USAGE. */
int proxy_parse(struct proxy *proxy, const char *url, struct err *err);
void proxy_clear(struct proxy *proxy);

/*
 * Ask the proxy at the other end of fd (non-blocking) for a connection to name
 * or, if name is NULL, to addr; both with port. -1: EX_TEMPFAIL (lost, late,
 * the proxy could not reach it), EX_NOPERM our user or password was refused,
 * EX_UNAVAILABLE the proxy forbids it, EX_PROTOCOL not such a proxy.
 */
int proxy_connect(int fd, const struct proxy *proxy, const char *name,
    const struct sockaddr *addr, uint16_t port, int64_t until_ms,
    struct err *err);

#endif
