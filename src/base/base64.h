/* SPDX-License-Identifier: ISC */
/* Base64 (RFC 4648 section 4), through GnuTLS. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

struct buf;

/* Append data, encoded without line ends. */
void base64_encode(const void *data, size_t len, struct buf *out);
/* Append what text stands for; 0, or -1 if it is not base64. */
int base64_decode(const char *text, size_t len, struct buf *out);

#endif
