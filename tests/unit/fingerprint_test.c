/* SPDX-License-Identifier: ISC */
/*
 * Fingerprints: which of the four digests two texts share, and that it makes
 * no difference in which pieces a text comes.
 */
#include "base/fingerprint.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/xalloc.h"
#include "test.h"

static const unsigned char key[DIGEST_KEY_LEN] = "of the tests";
static struct fingerprinter *maker;

static struct fingerprint
print_of(const char *text, size_t len)
{
	struct fingerprint print;

	fingerprinter_update(maker, text, len);
	fingerprinter_final(maker, &print, NULL);
	return print;
}

/* In two pieces, and octet by octet. */
static struct fingerprint
print_split(const char *text, size_t len, size_t at)
{
	struct fingerprint print;

	fingerprinter_update(maker, text, at);
	fingerprinter_update(maker, text + at, len - at);
	fingerprinter_final(maker, &print, NULL);
	return print;
}

static struct fingerprint
print_slowly(const char *text, size_t len)
{
	struct fingerprint print;

	for (size_t i = 0; i < len; i++)
		fingerprinter_update(maker, text + i, 1);
	fingerprinter_final(maker, &print, NULL);
	return print;
}

/* What two fingerprints share, as letters: h s b i; "-" for nothing. */
static const char *
shared(const struct fingerprint *x, const struct fingerprint *y)
{
	static char letters[5];
	size_t n = 0;

	if (memcmp(x->header, y->header, FINGERPRINT_PART) == 0)
		letters[n++] = 'h';
	if (memcmp(x->stable, y->stable, FINGERPRINT_PART) == 0)
		letters[n++] = 's';
	if (memcmp(x->body, y->body, FINGERPRINT_PART) == 0)
		letters[n++] = 'b';
	if (fingerprint_same_id(x, y))
		letters[n++] = 'i';
	letters[n] = '\0';
	return n == 0 ? "-" : letters;
}

static const struct pair {
	const char *name, *x, *y, *shared;
} pairs[] = {
	{ "the same", "A: 1\n\nbody\n", "A: 1\n\nbody\n", "hsb" },
	{ "another body", "A: 1\n\nbody\n", "A: 1\n\nBody\n", "hs" },
	{ "another header", "A: 1\n\nbody\n", "A: 2\n\nbody\n", "b" },
	{ "nothing in common", "A: 1\n\nx\n", "A: 2\n\ny\n", "-" },

	/* fields that servers change */
	{ "Status added", "A: 1\n\nx\n", "A: 1\nStatus: RO\n\nx\n", "sb" },
	{ "Status added first", "A: 1\n\nx\n", "Status: O\nA: 1\n\nx\n", "sb" },
	{ "Status changed", "Status: O\nA: 1\n\n", "Status: RO\nA: 1\n\n",
	    "sb" },
	{ "any case", "A: 1\n\nx\n", "A: 1\nsTaTuS: RO\n\nx\n", "sb" },
	{ "a blank before the colon", "A: 1\n\n", "A: 1\nStatus \t: RO\n\n",
	    "sb" },
	{ "folded", "A: 1\n\nx\n", "X-Keywords: a\n  b\n\tc\nA: 1\n\nx\n",
	    "sb" },
	{ "all of them", "A: 1\n\nx\n",
	    "Status: O\nX-Status: A\nX-UIDL: x\nX-UID: 7\nX-Keywords: k\n"
	    "X-IMAP: 1 2\nX-IMAPbase: 1 2\nContent-Length: 2\nLines: 1\n"
	    "A: 1\n\nx\n",
	    "sb" },
	{ "a name that only begins so", "A: 1\n\n", "A: 1\nStatuses: x\n\n",
	    "b" },
	{ "a name that only ends so", "A: 1\n\n", "A: 1\nMy-Status: x\n\n",
	    "b" },
	{ "a fold of another field", "A: 1\n\n", "A: 1\n Status: x\n\n", "b" },
	{ "in the body", "A: 1\n\nx\n", "A: 1\n\nStatus: x\nx\n", "hs" },
	{ "no colon", "A: 1\n\n", "A: 1\nStatus\n\n", "b" },
	{ "a name without an end", "A: 1\n\n",
	    "A: 1\nStatusStatusStatusStatus: x\n\n", "b" },
	{ "a fold that begins a header", " x\n\n", " y\n\n", "b" },

	/* Message-ID */
	{ "one Message-ID", "Message-ID: <a@x>\nA: 1\n\nx\n",
	    "Message-ID: <a@x>\nA: 2\n\ny\n", "i" },
	{ "another one", "Message-ID: <a@x>\n\n", "Message-ID: <b@x>\n\n",
	    "b" },
	{ "folded, and in any case", "Message-ID:\n <a@x>\nA: 1\n\n",
	    "message-id: <a@x>\nA: 2\n\n", "bi" },
	{ "empty", "Message-ID:\nA: 1\n\n", "Message-ID: \nA: 2\n\n", "b" },
	{ "none", "A: 1\n\n", "A: 2\n\n", "b" },
	{ "one has none", "Message-ID: <a@x>\n\n", "A: 1\n\n", "b" },
	{ "the last one counts", "Message-ID: <a@x>\nMessage-ID: <b@x>\n\n",
	    "Message-ID: <b@x>\n\n", "bi" },
	{ "in the body only", "A: 1\n\nMessage-ID: <a@x>\n",
	    "A: 2\n\nMessage-ID: <a@x>\n", "b" },
	{ "in a field that does not count",
	    "A: 1\nStatus: x\n Message-ID: <a@x>\n\n",
	    "A: 2\nStatus: x\n Message-ID: <a@x>\n\n", "b" },

	/* no end, no beginning */
	{ "header only, without its end", "A: 1\n", "A: 1\n\n", "hs" },
	{ "nothing, and an empty line", "", "\n", "hs" },
	{ "not even a line end", "A: 1", "A: 1", "hsb" },
	{ "a name only", "Status", "A", "b" },
	{ "body only", "\nbody\n", "\nbody\n", "hsb" },
	{ "an empty line is no header", "\nA: 1\n", "A: 1\n\n", "-" },
};

static void
test_pairs(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *pair = &pairs[i];
		struct fingerprint x = print_of(pair->x, strlen(pair->x));
		struct fingerprint y = print_of(pair->y, strlen(pair->y));
		bool same = strpbrk(pair->shared, "hs") != NULL;

		if (strcmp(shared(&x, &y), pair->shared) != 0)
			printf("# %s:\n", pair->name);
		CHECK_STR(shared(&x, &y), pair->shared);
		CHECK_INT(fingerprint_same_header(&x, &y), same);
	}
}

static void
check_splits(const char *name, const char *text, size_t len)
{
	struct fingerprint whole = print_of(text, len), split;
	int bad = test_bad;

	for (size_t at = 0; at <= len; at++) {
		split = print_split(text, len, at);
		CHECK_MEM(&split, sizeof(split), &whole, sizeof(whole));
	}
	split = print_slowly(text, len);
	CHECK_MEM(&split, sizeof(split), &whole, sizeof(whole));
	if (test_bad > bad)
		printf("# %s\n", name);
}

static void
test_splits(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		check_splits(pairs[i].name, pairs[i].x, strlen(pairs[i].x));
		check_splits(pairs[i].name, pairs[i].y, strlen(pairs[i].y));
	}
	check_splits("octets of all kinds", "A: \0\xff\r\n\0: x\n\n\0\n\n", 16);
}

/* "NAME: x...x REST\n\nx\n" with so many x. The caller frees. */
static char *
long_text(const char *name, size_t n, const char *rest)
{
	char *line = xmalloc(n + 1), *text;

	memset(line, 'x', n);
	line[n] = '\0';
	text = xasprintf("%s%s%s\n\nx\n", name, line, rest);
	free(line);
	return text;
}

static const char *
shared_long(const char *x_name, size_t x_len, const char *x_rest,
    const char *y_name, size_t y_len, const char *y_rest)
{
	char *x = long_text(x_name, x_len, x_rest);
	char *y = long_text(y_name, y_len, y_rest);
	struct fingerprint px = print_of(x, strlen(x));
	struct fingerprint py = print_slowly(y, strlen(y));

	free(x);
	free(y);
	return shared(&px, &py);
}

/* A line may be of any length; a Message-ID counts up to a bound. */
static void
test_long_lines(void)
{
	CHECK_STR(shared_long("A: ", 70000, "1", "A: ", 70000, "1"), "hsb");
	CHECK_STR(shared_long("A: ", 70000, "1", "A: ", 70000, "2"), "b");
	CHECK_STR(shared_long("Status: ", 70000, "", "Lines: ", 1, ""), "sb");
	CHECK_STR(shared_long("", 70000, ": 1", "", 70000, ": 2"), "b");
	CHECK_STR(shared_long("Message-ID: ", 900, "1", "Message-ID: ", 900,
		      "2"),
	    "b");
	CHECK_STR(shared_long("Message-ID: ", 5000, "1", "Message-ID: ", 6000,
		      "2"),
	    "bi");
}

/* One maker serves many messages: nothing of one is left for the next. */
static void
test_nothing_is_left(void)
{
	static const char *const before[] = { "Message-ID: <a@x>", "Status: x",
		"A", "Message-ID: <a@x>\n\nbody", "Status: x\n", "" };
	struct fingerprint wanted = print_of(" x: 1\n\ny\n", 9), got;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		(void)print_of(before[i], strlen(before[i]));
		got = print_of(" x: 1\n\ny\n", 9);
		CHECK_MEM(&got, sizeof(got), &wanted, sizeof(wanted));
	}
}

/* The digest of old records is of the whole message, header and body. */
static void
test_whole(void)
{
	static const char text[] = "A: 1\nStatus: O\n\nbody\n";
	static const unsigned char none[DIGEST_LEN];
	struct fingerprinter *both = fingerprinter_new(key, true);
	struct digest *digest = digest_new(key);
	unsigned char wanted[DIGEST_LEN], got[DIGEST_LEN];
	struct fingerprint print, same = print_of(text, sizeof(text) - 1);

	digest_update(digest, text, sizeof(text) - 1);
	digest_final(digest, wanted);
	fingerprinter_update(both, text, 3);
	fingerprinter_update(both, text + 3, sizeof(text) - 4);
	fingerprinter_final(both, &print, got);
	CHECK_MEM(got, DIGEST_LEN, wanted, DIGEST_LEN);
	CHECK_MEM(&print, sizeof(print), &same, sizeof(same));
	fingerprinter_update(maker, text, sizeof(text) - 1);
	fingerprinter_final(maker, &print, got);
	CHECK_MEM(got, DIGEST_LEN, none, DIGEST_LEN);
	fingerprinter_free(both);
	digest_free(digest);
}

/* Another key, other digests: nobody can choose messages to collide. */
static void
test_key(void)
{
	static const unsigned char other[DIGEST_KEY_LEN] = "of nobody";
	static const char text[] = "Message-ID: <a@x>\n\nbody\n";
	struct fingerprinter *stranger = fingerprinter_new(other, false);
	struct fingerprint x = print_of(text, sizeof(text) - 1), y;

	fingerprinter_update(stranger, text, sizeof(text) - 1);
	fingerprinter_final(stranger, &y, NULL);
	CHECK_STR(shared(&x, &y), "-");
	fingerprinter_free(stranger);
}

int
main(void)
{
	maker = fingerprinter_new(key, false);
	TEST(test_pairs);
	TEST(test_splits);
	TEST(test_long_lines);
	TEST(test_nothing_is_left);
	TEST(test_whole);
	TEST(test_key);
	fingerprinter_free(maker);
	return TEST_END();
}
