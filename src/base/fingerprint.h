/* SPDX-License-Identifier: ISC */
/*
 * Four short digests by which a message is recognized, made while it streams
 * by: nothing is kept of it, and the body is digested once.
 */
#ifndef BASE_FINGERPRINT_H
#define BASE_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"

#define FINGERPRINT_PART 8
#define FINGERPRINT_LEN (4 * FINGERPRINT_PART)

/* Each part is the first half of an AES-GMAC-128 under the state's key. */
struct fingerprint {
	unsigned char header[FINGERPRINT_PART]; /* as it came */
	/* without the fields that servers change themselves (Status, ...) */
	unsigned char stable[FINGERPRINT_PART];
	unsigned char body[FINGERPRINT_PART];
	unsigned char id[FINGERPRINT_PART]; /* Message-ID; zeros without one */
};

struct fingerprinter;

/* whole: digest whole messages too, for records that have nothing else. */
struct fingerprinter *fingerprinter_new(const unsigned char key[DIGEST_KEY_LEN],
    bool whole);
void fingerprinter_free(struct fingerprinter *maker);
/* Octets of the message, line ends LF, in any pieces. */
void fingerprinter_update(struct fingerprinter *maker, const char *data,
    size_t len);
/*
 * The fingerprint of all since new or the last final; begins anew. whole may
 * be NULL; it is filled if fingerprinter_new() was asked for it, else zeros.
 */
void fingerprinter_final(struct fingerprinter *maker,
    struct fingerprint *fingerprint, unsigned char whole[DIGEST_LEN]);

/* Equal header, or equal but for the fields that servers change. */
bool fingerprint_same_header(const struct fingerprint *a,
    const struct fingerprint *b);
/* Equal Message-ID, and there is one. */
bool fingerprint_same_id(const struct fingerprint *a,
    const struct fingerprint *b);

#endif
