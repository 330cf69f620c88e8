/* SPDX-License-Identifier: ISC */
/*
 * Conversions from a charset to UTF-8. The last few stay open: with glibc each
 * iconv_open(3) of another charset loads a module, which takes longer than the
 * conversion of a line.
 */
#ifndef CLI_CHARSET_H
#define CLI_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * Is there a conversion from the charset of this name? One that is not open
 * yet costs one of *opens; when none is left the answer is no.
 */
bool charset_known(const char *name, int *opens);
/*
 * Convert and append; of a charset that charset_known() knows. Each octet that
 * cannot be converted becomes U+FFFD.
 */
void charset_convert(const char *name, char *data, size_t len, struct buf *out);

#endif
