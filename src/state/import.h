/* SPDX-License-Identifier: ISC */
/*
 * State files of mpop, fetchmail, getmail6 and fdm, read so that what they have
 * delivered counts as seen. Formats: at the head of import.c.
 */
#ifndef STATE_IMPORT_H
#define STATE_IMPORT_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* Known names: "mpop", "fetchmail", "getmail", "fdm". */
typedef int import_fn(void *arg, const char *uid, size_t len, uint32_t time);

/*
 * Call fn for each UIDL in file that belongs to user at host (mpop and
 * fetchmail files hold many; NULL: the only one there is). time is 0 where
 * unknown. Returns how many; -1: EX_DATAERR with file:line, EX_IOERR
 * unreadable, EX_USAGE unknown tool or several accounts (named in the
 * sentence).
 */
int import_read(const char *tool, const char *file, const char *user,
    const char *host, import_fn *fn, void *arg, struct err *err);

#endif
