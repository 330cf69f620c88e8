/* SPDX-License-Identifier: ISC */
/* Waiting for a descriptor while a connection is being made. */
#ifndef NET_WAIT_H
#define NET_WAIT_H

#include <stdint.h>

struct err;

/*
 * Until fd shows one of events (poll(2)). -1: EX_TEMPFAIL, until_ms has passed
 * or a stop signal came; what names the peer.
 */
int wait_for(int fd, short events, int64_t until_ms, const char *what,
    struct err *err);

#endif
