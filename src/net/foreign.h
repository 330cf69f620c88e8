/* SPDX-License-Identifier: ISC */
/* Servers of other protocols, which a wrong port leads to. */
#ifndef NET_FOREIGN_H
#define NET_FOREIGN_H

#include <stddef.h>

struct err;

/*
 * The protocol of a server whose first octets these are, or NULL: it is not
 * known, or POP3.
 */
const char *foreign_protocol(const char *data, size_t len);

/* The sentence for it, with the port to use. Returns -1: EX_PROTOCOL. */
int foreign_error(const char *peer, const char *protocol, struct err *err);

#endif
