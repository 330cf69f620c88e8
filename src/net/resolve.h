/* SPDX-License-Identifier: ISC */
/* Private to this room: from a name to its addresses. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct err;

struct address {
	struct sockaddr_storage sockaddr;
	socklen_t len;
};

/*
 * All addresses of host, of one family (AF_UNSPEC: any), in the order in which
 * they are to be tried. *addresses is the caller's, who frees it. Returns their
 * number, or -1: EX_NOHOST there is none, EX_USAGE not a name or not a port,
 * EX_TEMPFAIL the name servers do not tell, until_ms passed or a stop signal
 * came.
 */
int resolve(const char *host, const char *port, int family, int64_t until_ms,
    struct address **addresses, struct err *err);

/* The number of a port, by name or as digits. -1: EX_USAGE. */
int resolve_port(const char *port, uint16_t *number, struct err *err);

/* As people write it, without a port; "" for the path of a socket. */
void resolve_text(const struct address *address, char *text, size_t size);

#endif
