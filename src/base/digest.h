/* SPDX-License-Identifier: ISC */
/* Digests, through GnuTLS. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_LEN 16
#define DIGEST_KEY_LEN 16

struct digest; /* AES-GMAC-128 with an all-zero nonce, a running one */

struct digest *digest_new(const unsigned char key[DIGEST_KEY_LEN]);
void digest_free(struct digest *digest);
void digest_update(struct digest *digest, const void *data, size_t len);
/* The digest of all since new or the last final; begins anew. */
void digest_final(struct digest *digest, unsigned char out[DIGEST_LEN]);

void digest_random(unsigned char *data, size_t len);

/*
 * SHA-256 over n parts, each preceded by its length as 8 octets big-endian,
 * so that no two lists of parts agree.
 */
struct digest_part {
	const void *data;
	size_t len;
};
void digest_sha256(const struct digest_part *parts, size_t n,
    unsigned char out[32]);
/* MD5, for APOP only. -1 where the library's policy forbids it. */
int digest_md5(const void *data, size_t len, unsigned char out[16]);
/* CRC-32 as in gzip, zlib and PNG; crc is 0 to begin with. */
unsigned int digest_crc32(unsigned int crc, const void *data, size_t len);

#endif
