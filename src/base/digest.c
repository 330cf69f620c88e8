/* SPDX-License-Identifier: ISC */
/* Digests: AES-GMAC and SHA-256 from GnuTLS, CRC-32 of our own. */
#include "base/digest.h"

#include <bsd/stdlib.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/xalloc.h"

struct digest {
	gnutls_hmac_hd_t mac;
};

/* Only a library without memory or without the algorithm gets here. */
static void
must(int result)
{
	if (result < 0) {
		log_error("digest: %s", gnutls_strerror(result));
		exit(EX_OSERR);
	}
}

static void
begin(struct digest *digest)
{
	static const unsigned char nonce[12];

	gnutls_hmac_set_nonce(digest->mac, nonce, sizeof(nonce));
}

struct digest *
digest_new(const unsigned char key[DIGEST_KEY_LEN])
{
	struct digest *digest = xmalloc(sizeof(*digest));

	must(gnutls_hmac_init(&digest->mac, GNUTLS_MAC_AES_GMAC_128, key,
	    DIGEST_KEY_LEN));
	begin(digest);
	return digest;
}

void
digest_free(struct digest *digest)
{
	if (digest == NULL)
		return;
	gnutls_hmac_deinit(digest->mac, NULL);
	free(digest);
}

void
digest_update(struct digest *digest, const void *data, size_t len)
{
	if (len > 0)
		must(gnutls_hmac(digest->mac, data, len));
}

void
digest_final(struct digest *digest, unsigned char out[DIGEST_LEN])
{
	gnutls_hmac_output(digest->mac, out);
	begin(digest);
}

void
digest_random(unsigned char *data, size_t len)
{
	arc4random_buf(data, len);
}

void
digest_sha256(const struct digest_part *parts, size_t n, unsigned char out[32])
{
	gnutls_hash_hd_t hash;
	size_t i;

	must(gnutls_hash_init(&hash, GNUTLS_DIG_SHA256));
	for (i = 0; i < n; i++) {
		uint64_t len = parts[i].len;
		unsigned char length[8];
		int octet;

		for (octet = 7; octet >= 0; octet--) {
			length[octet] = (unsigned char)(len & 255);
			len >>= 8;
		}
		must(gnutls_hash(hash, length, sizeof(length)));
		if (parts[i].len > 0)
			must(gnutls_hash(hash, parts[i].data, parts[i].len));
	}
	gnutls_hash_deinit(hash, out);
}

int
digest_md5(const void *data, size_t len, unsigned char out[16])
{
	return gnutls_hash_fast(GNUTLS_DIG_MD5, data, len, out) < 0 ? -1 : 0;
}

/*
 * Slicing by 8: table[k][x] is the CRC of octet x followed by k NULs, so that
 * eight octets are folded in with eight independent lookups.
 */
static uint32_t table[8][256];

static void
make_tables(void)
{
	uint32_t x;
	int k;

	for (x = 0; x < 256; x++) {
		uint32_t crc = x;
		int bit;

		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
		table[0][x] = crc;
	}
	for (k = 1; k < 8; k++) {
		for (x = 0; x < 256; x++) {
			uint32_t crc = table[k - 1][x];

			table[k][x] = (crc >> 8) ^ table[0][crc & 255];
		}
	}
}

unsigned int
digest_crc32(unsigned int crc, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t c = ~(uint32_t)crc;

	if (table[0][1] == 0)
		make_tables();
	for (; len >= 8; len -= 8, p += 8) {
		c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		c = table[7][c & 255] ^ table[6][c >> 8 & 255] ^
		    table[5][c >> 16 & 255] ^ table[4][c >> 24] ^
		    table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
		    table[0][p[7]];
	}
	for (; len > 0; len--, p++)
		c = (c >> 8) ^ table[0][(c ^ *p) & 255];
	return ~c;
}
