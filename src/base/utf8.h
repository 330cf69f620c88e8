/* SPDX-License-Identifier: ISC */
/* UTF-8 and its characters, whatever the locale. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * One character from the front of data: its code point and how many octets it
 * takes (RFC 3629: no overlong forms, no surrogates); 0: invalid.
 */
size_t utf8_decode(const char *data, size_t len, uint32_t *code);
bool utf8_is_ascii(const char *text);
/* Cut text at len octets at most, and between two characters. */
void utf8_cut(char *text, size_t len);
/* Append a code point as UTF-8. */
void utf8_encode(uint32_t code, struct buf *out);
/*
 * Is it a control character, invisible, of private use, or does it steer bidi
 * text? Such text must not reach a terminal.
 */
bool utf8_is_hidden(uint32_t code);
/* Is this the user's charset (LC_CTYPE)? */
bool utf8_is_charset(void);

#endif
