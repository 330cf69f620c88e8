/* SPDX-License-Identifier: ISC */
/*
 * Makes a maildir of messages that depend on nothing but the options: the
 * corpus that every client of the benchmark has to deliver.
 *
 *	corpus [-n COUNT | -b OCTETS] [-s SEED] DIR
 *
 * -n makes COUNT messages of varied size (34 KB in the mean), -b one message
 * of OCTETS.  Names carry S= and W=, so that Dovecot need not read a message
 * to know its size.
 */

#include <sys/stat.h>

#include <err.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
	FILE *file;
	uint64_t octets;
	uint64_t lines;
};

static uint64_t seed = 1;

/* xorshift64*: the same numbers everywhere. */
static uint64_t
draw(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return ((seed * UINT64_C(2685821657736338717)) >> 32) % below;
}

static void
put(struct text *text, const char *line, size_t len)
{
	if (fwrite(line, 1, len, text->file) != len ||
	    putc('\n', text->file) == EOF)
		err(1, "write");
	text->octets += len + 1;
	text->lines++;
}

static void
put_header(struct text *text, unsigned int num)
{
	char line[256];
	int len;

	len = snprintf(line, sizeof(line), "From: Sender %u <s%u@example.org>",
	    num % 97, num % 97);
	put(text, line, (size_t)len);
	put(text, "To: user@example.org", 20);
	len = snprintf(line, sizeof(line), "Subject: message %u of the corpus",
	    num);
	put(text, line, (size_t)len);
	put(text, "Date: Fri, 20 Nov 2026 12:00:00 +0000", 37);
	len = snprintf(line, sizeof(line),
	    "Message-ID: <%u.%08" PRIx64 "@example.org>", num,
	    draw(UINT64_C(1) << 32));
	put(text, line, (size_t)len);
	put(text, "MIME-Version: 1.0", 17);
	put(text, "Content-Type: text/plain; charset=utf-8", 39);
	put(text, "", 0);
}

/* Prose: what stuffing, mboxes and 8-bit clean paths stumble over. */
static void
put_prose(struct text *text)
{
	static const char *const odd[] = { ".", "..", "...dots", "",
		"From here on", ">From there", "caf\303\251 \377\376", "-- ",
		"+OK not a reply", ". ", "-ERR neither" };
	static const char letters[] =
	    "etaoin shrdlu etaoin cmfwyp vbgkjq etaoin shrdlu xz";
	char line[1000];
	size_t len;
	size_t i;

	if (draw(12) == 0) {
		i = draw(sizeof(odd) / sizeof(odd[0]));
		put(text, odd[i], strlen(odd[i]));
		return;
	}
	len = draw(200) == 0 ? 80 + draw(900) : 20 + draw(56);
	for (i = 0; i < len; i++)
		line[i] = letters[draw(sizeof(letters) - 1)];
	put(text, line, len);
}

/* An attachment: lines of 76, one draw for many octets. */
static void
put_base64(struct text *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char line[76];
	uint64_t bits = 0;
	size_t i;

	for (i = 0; i < sizeof(line); i++) {
		if (i % 5 == 0)
			bits = draw(UINT64_C(1) << 30);
		line[i] = digits[bits & 63];
		bits >>= 6;
	}
	put(text, line, sizeof(line));
}

static void
write_message(const char *dir, unsigned int num, uint64_t octets)
{
	char temporary[4096];
	char name[4200];
	struct text text = { 0 };
	int attachment = octets > 16384;

	snprintf(temporary, sizeof(temporary), "%s/tmp/%u", dir, num);
	text.file = fopen(temporary, "w");
	if (text.file == NULL)
		err(1, "%s", temporary);
	put_header(&text, num);
	while (text.octets < octets) {
		if (attachment && text.octets > 2048)
			put_base64(&text);
		else
			put_prose(&text);
	}
	if (fclose(text.file) == EOF)
		err(1, "%s", temporary);
	snprintf(name, sizeof(name),
	    "%s/cur/1790000000.M%07u.bench,S=%" PRIu64 ",W=%" PRIu64 ":2,", dir,
	    num, text.octets, text.octets + text.lines);
	if (rename(temporary, name) == -1)
		err(1, "%s", name);
}

static uint64_t
varied_size(void)
{
	uint64_t kind = draw(100);

	if (kind < 60)
		return 1000 + draw(7000);
	if (kind < 85)
		return 8000 + draw(32000);
	if (kind < 98)
		return 40000 + draw(160000);
	return 200000 + draw(600000);
}

static void
make_dir(const char *dir, const char *part)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", dir, part);
	if (mkdir(path, 0755) == -1)
		err(1, "%s", path);
}

int
main(int argc, char **argv)
{
	unsigned int count = 1000;
	uint64_t single_octets = 0;
	unsigned int i;
	int opt;

	while ((opt = getopt(argc, argv, "b:n:s:")) != -1) {
		if (opt == 'b')
			single_octets = strtoull(optarg, NULL, 10);
		else if (opt == 'n')
			count = (unsigned int)strtoul(optarg, NULL, 10);
		else if (opt == 's')
			seed = strtoull(optarg, NULL, 10) | 1;
		else
			return 64;
	}
	if (argc - optind != 1)
		errx(64, "usage: corpus [-n COUNT | -b OCTETS] [-s SEED] DIR");
	make_dir(argv[optind], "");
	make_dir(argv[optind], "/tmp");
	make_dir(argv[optind], "/new");
	make_dir(argv[optind], "/cur");
	if (single_octets > 0)
		write_message(argv[optind], 1, single_octets);
	else
		for (i = 1; i <= count; i++)
			write_message(argv[optind], i, varied_size());
	return 0;
}
