/* SPDX-License-Identifier: ISC */
/*
 * Private to this room: is a message in an mbox, wherever it may be by now?
 * Known by its From_ line, then by its header, without the lines that readers
 * add and change (Status and the like), and by its whole body: a message that
 * was cut does not count as found.
 */
#ifndef DELIVER_MBOX_SEARCH_H
#define DELIVER_MBOX_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/mbox.h"

struct mbox_wanted {
	struct mbox_part part; /* as it is in its spool */
	bool found;
	unsigned int from_line; /* mbox_search()'s: its CRC */
};

/*
 * Look through the first limit octets of fd, once; each place counts for one of
 * wanted. -1: EX_IOERR, what names fd.
 */
int mbox_search(int fd, uint64_t limit, struct mbox_wanted *wanted, size_t n,
    const char *what, struct err *err);

#endif
