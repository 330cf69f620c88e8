/* SPDX-License-Identifier: ISC */
/* Has the server given all messages new UIDLs? (poplar-delivery(7)) */
#ifndef FETCH_RENUMBER_H
#define FETCH_RENUMBER_H

struct err;
struct run;

/*
 * If everything that was there at the end of the last complete session is
 * gone while as many messages are listed, one of a recorded size is retrieved.
 * 0; -1: EX_TEMPFAIL its digest is known, so it is the same mail; or the
 * session's.
 */
int renumber_check(struct run *run, struct err *err);

#endif
