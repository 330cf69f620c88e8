/* SPDX-License-Identifier: ISC */
/* Known values, and independence of how the input is split. */
#include <stdlib.h>

#include "base/digest.h"
#include "base/parse.h"
#include "test.h"

/* Test case 1 of the GCM specification: zero key, zero nonce, no data. */
static void
gmac_known(void)
{
	static const unsigned char key[DIGEST_KEY_LEN];
	unsigned char out[DIGEST_LEN];
	char text[2 * DIGEST_LEN + 1];
	struct digest *digest = digest_new(key);

	digest_final(digest, out);
	format_hex(out, sizeof(out), text);
	CHECK_STR(text, "58e2fccefa7e3061367f1d57a4e7455a");
	digest_free(digest);
	digest_free(NULL);
}

static void
gmac_splits(void)
{
	static const size_t steps[] = { 1, 3, 15, 16, 17, 33, 100, 997 };
	unsigned char key[DIGEST_KEY_LEN], want[DIGEST_LEN], got[DIGEST_LEN];
	unsigned char data[1000];
	struct digest *digest;
	size_t i, at;

	digest_random(key, sizeof(key));
	for (i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	digest = digest_new(key);
	digest_update(digest, data, sizeof(data));
	digest_final(digest, want);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (at = 0; at < sizeof(data); at += steps[i]) {
			size_t len = sizeof(data) - at;

			digest_update(digest, data + at,
			    len < steps[i] ? len : steps[i]);
			digest_update(digest, data, 0);
		}
		digest_final(digest, got);
		CHECK_MEM(got, sizeof(got), want, sizeof(want));
	}
	data[500] ^= 1;
	digest_update(digest, data, sizeof(data));
	digest_final(digest, got);
	CHECK(memcmp(got, want, sizeof(got)) != 0);
	digest_free(digest);
}

static void
sha256(void)
{
	static const struct digest_part ab_c[] = { { "ab", 2 }, { "c", 1 } };
	static const struct digest_part a_bc[] = { { "a", 1 }, { "bc", 2 } };
	unsigned char one[32], two[32];
	char text[65];

	digest_sha256(NULL, 0, one);
	format_hex(one, 32, text);
	CHECK_STR(text,
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
	digest_sha256(ab_c, 2, one);
	digest_sha256(a_bc, 2, two);
	CHECK(memcmp(one, two, 32) != 0);
	/* printf '\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c' | sha256sum */
	format_hex(one, 32, text);
	CHECK_STR(text,
	    "601d5476e2ccfe2c87a2bba7a3226597"
	    "34a05749d5b5aa781f513e4912db0d5f");
}

/* RFC 1939 section 7. */
static void
md5(void)
{
	static const char text[] = "<1896.697170952@dbc.mtview.ca.us>tanstaaf";
	unsigned char out[16];
	char hex[33];

	CHECK_INT(digest_md5(text, strlen(text), out), 0);
	format_hex(out, sizeof(out), hex);
	CHECK_STR(hex, "c4c9334bac560ecc979e58001b3e22fb");
}

static void
crc32(void)
{
	const char *text = "123456789123456789123456789";
	unsigned int whole = digest_crc32(0, text, 27), crc;
	size_t split;

	CHECK_INT(digest_crc32(0, "", 0), 0);
	CHECK_INT(digest_crc32(0, "123456789", 9), 0xcbf43926);
	CHECK_INT(digest_crc32(0, "a", 1), 0xe8b7be43);
	for (split = 0; split <= 27; split++) {
		crc = digest_crc32(0, text, split);
		CHECK_INT(digest_crc32(crc, text + split, 27 - split), whole);
	}
}

int
main(void)
{
	TEST(gmac_known);
	TEST(gmac_splits);
	TEST(sha256);
	TEST(md5);
	TEST(crc32);
	return TEST_END();
}
