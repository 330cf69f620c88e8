/* SPDX-License-Identifier: ISC */
/*
 * The header is taken line by line, because some of its fields do not count;
 * only the beginning of a line is held back until its field's name is known.
 */
#include "base/fingerprint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

/* No name that matters is longer. */
#define NAME_MAX_LEN 16
/* A Message-ID is compared up to here. */
#define ID_MAX_LEN 1000

enum field {
	FIELD_UNKNOWN, /* its name has not come in full */
	FIELD_KEPT,
	FIELD_DROPPED, /* left out of stable */
	FIELD_ID
};

struct fingerprinter {
	struct digest *header, *stable, *body, *whole;
	bool in_body, in_line;
	enum field field, last; /* of this line; of the line before */
	char held[NAME_MAX_LEN + 1];
	size_t held_len;
	char id[ID_MAX_LEN];
	size_t id_len;
	unsigned char id_digest[DIGEST_LEN];
};

struct fingerprinter *
fingerprinter_new(const unsigned char key[DIGEST_KEY_LEN], bool whole)
{
	struct fingerprinter *maker = xcalloc(1, sizeof(*maker));

	maker->header = digest_new(key);
	maker->stable = digest_new(key);
	maker->body = digest_new(key);
	maker->last = FIELD_KEPT;
	if (whole)
		maker->whole = digest_new(key);
	return maker;
}

void
fingerprinter_free(struct fingerprinter *maker)
{
	if (maker == NULL)
		return;
	digest_free(maker->header);
	digest_free(maker->stable);
	digest_free(maker->body);
	digest_free(maker->whole);
	free(maker);
}

static bool
is_named(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

static enum field
classify(const char *name, size_t len)
{
	static const char *const dropped[] = { "Status", "X-Status", "X-UIDL",
		"X-UID", "X-Keywords", "X-IMAP", "X-IMAPbase", "Content-Length",
		"Lines" };

	while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		if (is_named(name, len, dropped[i]))
			return FIELD_DROPPED;
	return is_named(name, len, "Message-ID") ? FIELD_ID : FIELD_KEPT;
}

/* The octets of a line whose field is known. */
static void
take_known(struct fingerprinter *maker, const char *data, size_t len)
{
	if (maker->field != FIELD_DROPPED)
		digest_update(maker->stable, data, len);
	if (maker->field != FIELD_ID)
		return;
	for (size_t i = 0; i < len && maker->id_len < ID_MAX_LEN; i++)
		if (data[i] != ' ' && data[i] != '\t' && data[i] != '\n')
			maker->id[maker->id_len++] = data[i];
}

/* The colon or something else has shown what this line is. */
static void
know(struct fingerprinter *maker, enum field field)
{
	maker->field = field;
	if (field != FIELD_DROPPED)
		digest_update(maker->stable, maker->held, maker->held_len);
	if (field == FIELD_ID)
		maker->id_len = 0; /* the last one counts */
}

/* How many octets of a line's beginning were used to find out its field. */
static size_t
take_name(struct fingerprinter *maker, const char *data, size_t len)
{
	size_t n = 0;

	if (maker->held_len == 0 && (data[0] == ' ' || data[0] == '\t')) {
		maker->field = maker->last; /* a folded line */
		return 0;
	}
	while (n < len && maker->field == FIELD_UNKNOWN) {
		char c = data[n++];

		maker->held[maker->held_len++] = c;
		if (c == ':')
			know(maker, classify(maker->held, maker->held_len - 1));
		else if (c == '\n' || maker->held_len > NAME_MAX_LEN)
			know(maker, FIELD_KEPT);
	}
	return n;
}

static void
end_header(struct fingerprinter *maker)
{
	maker->in_body = true;
	if (maker->held_len > 0 && maker->field == FIELD_UNKNOWN)
		know(maker, FIELD_KEPT);
	memset(maker->id_digest, 0, sizeof(maker->id_digest));
	if (maker->id_len == 0)
		return;
	digest_update(maker->body, maker->id, maker->id_len);
	digest_final(maker->body, maker->id_digest);
}

/* The empty line is the body's: without it there is another message. */
static void
begin_body(struct fingerprinter *maker)
{
	end_header(maker);
	digest_update(maker->body, "\n", 1);
}

/* Some of a line of the header, or all of it. */
static void
take_line(struct fingerprinter *maker, const char *data, size_t len)
{
	bool complete = data[len - 1] == '\n';
	size_t n = 0;

	if (!maker->in_line && data[0] == '\n') {
		begin_body(maker);
		return;
	}
	maker->in_line = true;
	digest_update(maker->header, data, len);
	if (maker->field == FIELD_UNKNOWN)
		n = take_name(maker, data, len);
	if (n < len)
		take_known(maker, data + n, len - n);
	if (!complete)
		return;
	maker->in_line = false;
	maker->last = maker->field;
	maker->field = FIELD_UNKNOWN;
	maker->held_len = 0;
}

static size_t
take_header(struct fingerprinter *maker, const char *data, size_t len)
{
	size_t n = 0, piece;
	const char *lf;

	while (n < len && !maker->in_body) {
		lf = memchr(data + n, '\n', len - n);
		piece = lf == NULL ? len - n : (size_t)(lf - data) + 1 - n;
		take_line(maker, data + n, piece);
		n += piece;
	}
	return n;
}

void
fingerprinter_update(struct fingerprinter *maker, const char *data, size_t len)
{
	size_t n = 0;

	if (maker->whole != NULL)
		digest_update(maker->whole, data, len);
	if (!maker->in_body)
		n = take_header(maker, data, len);
	digest_update(maker->body, data + n, len - n);
}

static void
finish_part(struct digest *digest, unsigned char part[FINGERPRINT_PART])
{
	unsigned char full[DIGEST_LEN];

	digest_final(digest, full);
	memcpy(part, full, FINGERPRINT_PART);
}

void
fingerprinter_final(struct fingerprinter *maker,
    struct fingerprint *fingerprint, unsigned char whole[DIGEST_LEN])
{
	if (!maker->in_body)
		end_header(maker);
	finish_part(maker->header, fingerprint->header);
	finish_part(maker->stable, fingerprint->stable);
	finish_part(maker->body, fingerprint->body);
	memcpy(fingerprint->id, maker->id_digest, FINGERPRINT_PART);
	if (whole != NULL)
		memset(whole, 0, DIGEST_LEN);
	if (whole != NULL && maker->whole != NULL)
		digest_final(maker->whole, whole);
	maker->in_body = maker->in_line = false;
	maker->field = FIELD_UNKNOWN;
	maker->last = FIELD_KEPT;
	maker->held_len = 0;
	maker->id_len = 0;
}

bool
fingerprint_same_header(const struct fingerprint *a,
    const struct fingerprint *b)
{
	return memcmp(a->header, b->header, FINGERPRINT_PART) == 0 ||
	    memcmp(a->stable, b->stable, FINGERPRINT_PART) == 0;
}

bool
fingerprint_same_id(const struct fingerprint *a, const struct fingerprint *b)
{
	static const unsigned char none[FINGERPRINT_PART];

	return memcmp(a->id, none, FINGERPRINT_PART) != 0 &&
	    memcmp(a->id, b->id, FINGERPRINT_PART) == 0;
}
