/* SPDX-License-Identifier: ISC */
/* Whose is a file that is believed, or written to? */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <sys/stat.h>

#include <stdbool.h>

#define OWNER_ROOT 0x1  /* root may own it, too */
#define OWNER_ANY 0x2   /* and so may anybody */
#define OWNER_GROUP 0x4 /* its group may write to it */

/*
 * Could another user have written this file, or can one do so? NULL, or the
 * end of a sentence that says why: "it belongs to another user".
 */
const char *owner_fault(const struct stat *st, unsigned int allow);
/* Is this group our own, with nobody else in it (umask 002)? */
bool owner_is_alone_in(gid_t group);

#endif
