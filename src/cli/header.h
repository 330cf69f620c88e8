/* SPDX-License-Identifier: ISC */
/*
 * What a message's header says, out of a TOP result, for people: fields, RFC
 * 2047 words, a sender's name, a date. Anything may be in it; nothing of it is
 * believed to be well-formed. Results are octets that still have to pass
 * text_safe() or json_string().
 */
#ifndef CLI_HEADER_H
#define CLI_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct buf;

/*
 * Append the body of the first field called name (any case), unfolded (RFC
 * 5322 section 2.2.3) and without blanks around it. Only lines before the
 * first empty one count; they end in LF. false: there is none.
 */
bool header_field(const char *text, size_t len, const char *name,
    struct buf *out);

/*
 * Append value with its encoded words (RFC 2047, RFC 2231 language) as UTF-8.
 * A word in an unknown charset or a broken one stays as it is; octets that its
 * charset does not have become U+FFFD.
 */
void header_decode(const char *value, size_t len, struct buf *out);

/*
 * Append the display name, decoded, of the first address in value (a From
 * field), or else the address.
 */
void header_sender(const char *value, size_t len, struct buf *out);

/* An RFC 5322 date, obsolete forms included. false: it is none. */
bool header_date(const char *value, size_t len, time_t *when);

#endif
