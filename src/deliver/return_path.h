/* SPDX-License-Identifier: ISC */
/* Private to this room: the envelope sender, from the header. */
#ifndef DELIVER_RETURN_PATH_H
#define DELIVER_RETURN_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define RETURN_PATH_MAX 320 /* with the NUL */
/* How much of a header is looked at. */
#define RETURN_PATH_WINDOW 8192

/*
 * The address in the first Return-Path field of the len octets that a message
 * begins with, "" if there is none or it is <> or not fit to be used: other
 * than printable ASCII, with blanks or angles, too long.
 */
void return_path(const char *head, size_t len, char address[RETURN_PATH_MAX]);
/*
 * Is this what RFC 5321 section 4.1.2 calls a Mailbox, in ASCII: a dot-string
 * or a quoted string, "@", and a domain or an address literal? A server may
 * refuse anything else.
 */
bool return_path_is_mailbox(const char *address);

#endif
