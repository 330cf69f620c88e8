/* SPDX-License-Identifier: ISC */
/* Private to this room: the first of several addresses that answers. */
#ifndef NET_RACE_H
#define NET_RACE_H

#include <stddef.h>
#include <stdint.h>

struct address;
struct err;

/*
 * Connect to one of n addresses, from source unless that is NULL, until
 * until_ms. They are put into the order of RFC 8305. Returns a descriptor that
 * does not block, or -1 with what each said; host is what the user calls them.
 * EX_USAGE: source fits none of them; EX_TEMPFAIL.
 */
int race_connect(struct address *addresses, size_t n, const char *source,
    const char *host, int64_t until_ms, struct err *err);

#endif
