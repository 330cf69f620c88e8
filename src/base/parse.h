/* SPDX-License-Identifier: ISC */
/* Numbers and sizes out of text, strictly. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decimal digits from the front of text (no blank, no sign): *value, and how
 * many octets they took; 0 if there are none or they pass max.
 */
size_t parse_u64(const char *text, size_t len, uint64_t max, uint64_t *value);

/* A whole string: digits with an optional k, M or G (powers of 1024; either
 * case). 0, or -1 if it is anything else or overflows. */
int parse_size(const char *text, uint64_t *octets);

/* A whole string: digits and one of m h d w. 0 or -1. Seconds. */
int parse_age(const char *text, uint64_t *seconds);

/* Lower-case hex digits, two an octet: fills data (len octets); 0 or -1. */
int parse_hex(const char *text, size_t text_len, unsigned char *data,
    size_t len);
/* The reverse; text has room for 2 * len + 1. */
void format_hex(const unsigned char *data, size_t len, char *text);

#endif
