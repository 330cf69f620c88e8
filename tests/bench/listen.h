/* SPDX-License-Identifier: ISC */
/* Where the bench's servers listen. */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H

/* A socket on a loopback port of the kernel's choice, which is printed as
 * "port N". Ends the program if there is none. */
int listen_loopback(void);

#endif
