/* SPDX-License-Identifier: ISC */
/*
 * The question behind a batch's RETRs whose answer shows that no reply has
 * been swallowed or doubled (poplar-delivery(7)).
 */
#ifndef FETCH_SENTINEL_H
#define FETCH_SENTINEL_H

struct err;
struct run;

/*
 * Close the open batch and ask UIDL n or LIST n for its last message; where
 * the server serves neither, octets decide. The batch becomes VERIFIED or
 * SUSPECT when the answer comes.
 */
int sentinel_submit(struct run *run, struct err *err);
/* Close the open batch as VERIFIED without asking. */
void sentinel_spare(struct run *run);

#endif
