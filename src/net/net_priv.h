/* SPDX-License-Identifier: ISC */
/* What the files of this room share: the conversation with a proxy. */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct proxy;

struct proxy_talk {
	int fd; /* non-blocking */
	int64_t until_ms;
	struct err *err;
};

/* proxy.c: all of len octets, in (POLLIN) or out (POLLOUT). 0 or -1. */
int proxy_move(const struct proxy_talk *talk, short event, unsigned char *data,
    size_t len);
/* proxy_http.c: what proxy_connect() does for http://. */
int proxy_connect_http(const struct proxy_talk *talk, const struct proxy *proxy,
    const char *name, uint16_t port);

#endif
