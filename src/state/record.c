/* SPDX-License-Identifier: ISC */
/*
 * Lines of a journal. A line is
 *	type *( TAB field ) TAB crc LF
 * where text fields are vis(3)-encoded (so that no field holds TAB or LF) and
 * crc is the CRC-32 of all octets before the last TAB, in 8 lower-case hex
 * digits. The fields of each type are in poplar-state(5).
 */
#include "state/record.h"

#include <stdbool.h>
#include <string.h>

#define LIBBSD_NETBSD_VIS
#include <bsd/vis.h>

#include "base/buf.h"
#include "base/parse.h"
#include "state/state.h"

#define CRC_LEN 8
/* What we write; 1 had one digest a message. */
#define VERSION 2

/* The bits of STATE_SERVER_..., lowest first. */
static const char facts_letters[] = "elx";

/* ---- reading ---- */

/* What is left of a line. bad stays set once a field was malformed. */
struct cursor {
	const char *at, *end;
	bool bad;
};

static struct record_text
take_text(struct cursor *cursor)
{
	struct record_text text = { cursor->at, 0 };
	const char *tab;

	if (cursor->at > cursor->end) {
		cursor->bad = true;
		return text;
	}
	tab = memchr(cursor->at, '\t', (size_t)(cursor->end - cursor->at));
	if (tab == NULL)
		tab = cursor->end;
	text.len = (size_t)(tab - cursor->at);
	cursor->at = tab + 1;
	return text;
}

/* Have n digits given this value without overflow? 19 always do. */
static bool
fits(const char *digits, size_t n, uint64_t value)
{
	if (n < 20)
		return true;
	return n == 20 &&
	    (*digits == '0' ||
		(*digits == '1' && value >= 10000000000000000000u));
}

/* Behind the fields there is a TAB always: the search for an end stops there.
 */
static uint64_t
take_number(struct cursor *cursor, uint64_t max)
{
	const char *start = cursor->at, *p = start;
	uint64_t value = 0;
	unsigned int digit;

	if (start > cursor->end) {
		cursor->bad = true;
		return 0;
	}
	for (; (digit = (unsigned char)*p - '0') <= 9; p++)
		value = value * 10 + digit;
	if (p == start || *p != '\t' || value > max ||
	    !fits(start, (size_t)(p - start), value))
		cursor->bad = true;
	cursor->at = p + 1;
	return value;
}

static uint32_t
take_u32(struct cursor *cursor)
{
	return (uint32_t)take_number(cursor, UINT32_MAX);
}

/* The value of a lower-case hex digit, or -1. */
static const signed char hex_values[256] = {
#define NONE8 -1, -1, -1, -1, -1, -1, -1, -1
#define NONE32 NONE8, NONE8, NONE8, NONE8
	NONE32, NONE8, NONE8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1, -1, -1,
	-1, NONE32, -1, 10, 11, 12, 13, 14, 15, -1, NONE8, NONE8, NONE8, NONE32,
	NONE32, NONE32, NONE32
#undef NONE8
#undef NONE32
};

static int
hex_digit(char c)
{
	return hex_values[(unsigned char)c];
}

/* Eight octets, the first one lowest: one load where the compiler can. */
static inline uint64_t
load_eight(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	    (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	    (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/*
 * Eight lower-case hex digits at once. Each octet of digits becomes its value;
 * made into digits again, they must be what was read. Whether something is bad.
 */
static inline bool
four_octets(const char *p, unsigned char *data)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t digits = load_eight(p), letters, values, again, pairs;

	letters = digits >> 6 & ones;
	values = (digits & 15 * ones) + 9 * letters;
	again = values + '0' * ones + ('a' - '0' - 10) * letters;
	pairs = values << 4 | values >> 8;
	data[0] = (unsigned char)pairs;
	data[1] = (unsigned char)(pairs >> 16);
	data[2] = (unsigned char)(pairs >> 32);
	data[3] = (unsigned char)(pairs >> 48);
	/* a letter has the value 10 or more, and at most 15 */
	return ((again ^ digits) |
		   (((values + 6 * ones) >> 4 & ones) ^ letters)) != 0;
}

static void
take_hex(struct cursor *cursor, unsigned char *data, size_t len)
{
	const char *p = cursor->at;
	bool bad = false;
	int high, low;
	size_t i;

	if (p > cursor->end || (size_t)(cursor->end - p) < 2 * len ||
	    (p + 2 * len != cursor->end && p[2 * len] != '\t')) {
		cursor->bad = true;
		return;
	}
	for (i = 0; i + 4 <= len; i += 4)
		bad |= four_octets(p + 2 * i, data + i);
	for (; i < len; i++) {
		high = hex_digit(p[2 * i]);
		low = hex_digit(p[2 * i + 1]);
		bad |= (high | low) < 0;
		data[i] = (unsigned char)((unsigned int)high << 4 | low);
	}
	if (bad)
		cursor->bad = true;
	cursor->at = p + 2 * len + 1;
}

/* A size by LIST: "-" where the server did not tell it. */
static uint64_t
take_size(struct cursor *cursor)
{
	if (cursor->at < cursor->end && *cursor->at == '-') {
		cursor->at++;
		if (cursor->at != cursor->end && *cursor->at != '\t')
			cursor->bad = true;
		cursor->at++;
		return STATE_UNSIZED;
	}
	return take_number(cursor, UINT64_MAX);
}

/* Does a field of so many octets begin here? */
static bool
is_field(const struct cursor *cursor, size_t len)
{
	size_t left = (size_t)(cursor->end - cursor->at);

	return cursor->at <= cursor->end && left >= len &&
	    (left == len || cursor->at[len] == '\t');
}

/* The digest of the header may be left out: it is that of the stable part. */
static void
take_print(struct cursor *cursor, struct fingerprint *print)
{
	unsigned char octets[FINGERPRINT_LEN] = { 0 };

	if (is_field(cursor, 2 * (FINGERPRINT_LEN - FINGERPRINT_PART))) {
		take_hex(cursor, octets + FINGERPRINT_PART,
		    FINGERPRINT_LEN - FINGERPRINT_PART);
		memcpy(octets, octets + FINGERPRINT_PART, FINGERPRINT_PART);
	} else {
		take_hex(cursor, octets, sizeof(octets));
	}
	memcpy(print, octets, sizeof(*print));
}

/* Older journals have one digest of the whole message. */
static void
take_digests(struct cursor *cursor, struct record *record)
{
	record->is_old = is_field(cursor, 2 * DIGEST_LEN);
	if (record->is_old)
		take_hex(cursor, record->digest, DIGEST_LEN);
	else
		take_print(cursor, &record->print);
}

static void
take_facts(struct cursor *cursor, struct record *record)
{
	struct record_text facts = take_text(cursor);

	record->facts = 0;
	for (size_t i = 0; i < facts.len; i++) {
		const char *letter = memchr(facts_letters, facts.data[i],
		    sizeof(facts_letters) - 1);

		if (letter == NULL)
			cursor->bad = true;
		else
			record->facts |=
			    (uint8_t)(1u << (letter - facts_letters));
	}
}

/* "-", or one or more letters. */
static void
take_flags(struct cursor *cursor, struct record *record)
{
	struct record_text flags;
	size_t i;

	record->is_short = record->is_owed = false;
	if (cursor->end - cursor->at == 1 && *cursor->at == '-') {
		cursor->at += 2;
		return;
	}
	flags = take_text(cursor);
	if (flags.len == 0)
		cursor->bad = true;
	for (i = 0; i < flags.len; i++) {
		if (flags.data[i] == 's' && !record->is_short)
			record->is_short = true;
		else if (flags.data[i] == 'o' && !record->is_owed)
			record->is_owed = true;
		else
			cursor->bad = true;
	}
}

/* What C, D and H have in common. */
static void
take_message(struct cursor *cursor, struct record *record)
{
	record->uid = take_text(cursor);
	record->list_octets = take_size(cursor);
	record->octets = take_number(cursor, UINT64_MAX);
	take_digests(cursor, record);
	record->copy = (uint16_t)take_number(cursor, UINT16_MAX);
	record->time = take_u32(cursor);
	take_flags(cursor, record);
}

static void
take_delivery(struct cursor *cursor, struct record *record)
{
	record->serial = take_u32(cursor);
	record->kind = take_text(cursor);
	record->path = take_text(cursor);
	record->device = take_number(cursor, UINT64_MAX);
	record->name = take_text(cursor);
	record->spool = take_text(cursor);
	take_message(cursor, record);
}

static void
take_range(struct cursor *cursor, struct record *record)
{
	record->serial = take_u32(cursor);
	record->last = take_u32(cursor);
	if (record->last < record->serial)
		cursor->bad = true;
}

static void
take_mark(struct cursor *cursor, struct record *record)
{
	record->path = take_text(cursor);
	record->device = take_number(cursor, UINT64_MAX);
	record->inode = take_number(cursor, UINT64_MAX);
	record->before = take_number(cursor, UINT64_MAX);
	record->length = take_number(cursor, UINT64_MAX);
	take_hex(cursor, record->digest, DIGEST_LEN);
	take_range(cursor, record);
}

/* Cut the checksum off. Returns the length of the rest, or 0. */
static size_t
check_crc(const char *line, size_t len, const char **why)
{
	unsigned char crc[CRC_LEN / 2];
	unsigned int want;

	*why = "not a record";
	if (len < CRC_LEN + 2 || line[len - CRC_LEN - 1] != '\t' ||
	    four_octets(line + len - CRC_LEN, crc))
		return 0;
	want = (unsigned int)crc[0] << 24 | (unsigned int)crc[1] << 16 |
	    (unsigned int)crc[2] << 8 | crc[3];
	len -= CRC_LEN + 1;
	*why = "wrong checksum";
	return digest_crc32(0, line, len) == want ? len : 0;
}

bool
record_is_sound(const char *line, size_t len)
{
	const char *why;

	return check_crc(line, len, &why) > 0;
}

int
record_parse(const char *line, size_t len, struct record *record,
    const char **why)
{
	struct cursor cursor;

	len = check_crc(line, len, why);
	if (len == 0)
		return -1;
	record->type = line[0];
	if (record->type == RECORD_SYNCED && len == 1)
		return 0;
	*why = "malformed fields";
	if (len < 3 || line[1] != '\t')
		return -1;
	cursor = (struct cursor){ line + 2, line + len, false };
	switch (record->type) {
	case RECORD_COMMIT:
	case RECORD_DELIVERED:
		take_delivery(&cursor, record);
		break;
	case RECORD_HELD:
		record->serial = take_u32(&cursor);
		take_message(&cursor, record);
		break;
	case RECORD_MARK:
		take_mark(&cursor, record);
		break;
	case RECORD_APPLIED:
		take_range(&cursor, record);
		break;
	case RECORD_SEEN:
		record->serial = take_u32(&cursor);
		record->uid = take_text(&cursor);
		record->time = take_u32(&cursor);
		record->list_octets = STATE_UNSIZED;
		if (cursor.at <= cursor.end)
			record->list_octets = take_size(&cursor);
		break;
	case RECORD_SIZE:
		record->serial = take_u32(&cursor);
		record->list_octets = take_size(&cursor);
		break;
	case RECORD_PRINT:
		record->serial = take_u32(&cursor);
		record->octets = take_number(&cursor, UINT64_MAX);
		take_print(&cursor, &record->print);
		break;
	case RECORD_SERVER:
		take_facts(&cursor, record);
		break;
	case RECORD_VAIN:
		record->runs = take_u32(&cursor);
		record->uid = take_text(&cursor);
		record->time = take_u32(&cursor);
		break;
	case RECORD_UID:
		record->serial = take_u32(&cursor);
		record->uid = take_text(&cursor);
		break;
	case RECORD_GONE:
		record->serial = take_u32(&cursor);
		record->time = take_u32(&cursor);
		break;
	case RECORD_LOGIN:
	case RECORD_LISTED:
		record->time = take_u32(&cursor);
		break;
	case RECORD_OWED:
	case RECORD_DELETION:
	case RECORD_REFUSAL:
	case RECORD_DEADLY:
	case RECORD_SENT:
	case RECORD_UNDELETABLE:
	case RECORD_BACK:
	case RECORD_FORGOTTEN:
	case RECORD_VOID:
	case RECORD_WHOLE:
		record->serial = take_u32(&cursor);
		break;
	default:
		*why = "unknown kind of record";
		return -1;
	}
	return cursor.bad || cursor.at != cursor.end + 1 ? -1 : 0;
}

int
record_decode(struct record_text text, struct buf *scratch, const char **data,
    size_t *len)
{
	char *copy;
	int n;

	if (text.len == 0 || memchr(text.data, '\\', text.len) == NULL) {
		*data = text.data;
		*len = text.len;
		return 0;
	}
	/* strunvis wants a string: a NUL within would end it unseen. */
	if (memchr(text.data, '\0', text.len) != NULL)
		return -1;
	scratch->len = 0;
	copy = buf_grow(scratch, 2 * text.len + 2);
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	n = strunvis(copy + text.len + 1, copy);
	if (n < 0)
		return -1;
	*data = copy + text.len + 1;
	*len = (size_t)n;
	return 0;
}

int
record_parse_header(const char *line, size_t len, struct record_text *identity,
    unsigned char key[DIGEST_KEY_LEN], const char **why)
{
	static const char magic[] = "poplar-state\t";
	struct cursor cursor;
	uint64_t version;

	*why = "not a poplar state file";
	if (len < sizeof(magic) || memcmp(line, magic, sizeof(magic) - 1) != 0)
		return -1;
	len = check_crc(line, len, why);
	if (len == 0)
		return -1;
	cursor = (struct cursor){ line + sizeof(magic) - 1, line + len, false };
	version = take_number(&cursor, UINT32_MAX);
	*why = "a version that this poplar does not know";
	if (cursor.bad || version < 1 || version > VERSION)
		return -1;
	*identity = take_text(&cursor);
	take_hex(&cursor, key, DIGEST_KEY_LEN);
	*why = "malformed header";
	return cursor.bad || cursor.at != cursor.end + 1 ? -1 : 0;
}

/* ---- writing ---- */

static void
put_raw(struct buf *out, const char *data, size_t len)
{
	buf_append(out, "\t", 1);
	buf_append(out, data, len);
}

/* Encoding what is plain would only cost time: most text is. */
static bool
is_plain(const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (data[i] <= ' ' || data[i] > '~' || data[i] == '\\')
			return false;
	return true;
}

static void
put_text(struct buf *out, const char *data, size_t len)
{
	char *place;
	int n;

	if (is_plain(data, len)) {
		put_raw(out, data, len);
		return;
	}
	buf_append(out, "\t", 1);
	place = buf_grow(out, 4 * len + 1);
	n = strvisx(place, data, len, VIS_NOLOCALE | VIS_CSTYLE | VIS_WHITE);
	out->len = (size_t)(place - out->data) + (size_t)n;
}

static void
put_string(struct buf *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static void
put_number(struct buf *out, uint64_t number)
{
	char digits[21], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	*--p = '\t';
	buf_append(out, p, (size_t)(digits + sizeof(digits) - p));
}

static void
put_size(struct buf *out, uint64_t octets)
{
	if (octets == STATE_UNSIZED)
		put_raw(out, "-", 1);
	else
		put_number(out, octets);
}

static void
put_hex(struct buf *out, const unsigned char *data, size_t len)
{
	char text[2 * FINGERPRINT_LEN + 1];

	format_hex(data, len, text);
	put_raw(out, text, 2 * len);
}

static void
put_print(struct buf *out, const struct fingerprint *print)
{
	unsigned char octets[FINGERPRINT_LEN];
	size_t from =
	    memcmp(print->header, print->stable, FINGERPRINT_PART) == 0 ?
	    FINGERPRINT_PART :
	    0;

	memcpy(octets, print, sizeof(octets));
	put_hex(out, octets + from, sizeof(octets) - from);
}

static void
put_flags(struct buf *out, bool is_short, bool is_owed)
{
	const char *flags = is_short && is_owed ? "so" :
	    is_short                            ? "s" :
	    is_owed                             ? "o" :
						  "-";

	put_raw(out, flags, strlen(flags));
}

static size_t
begin(struct buf *out, enum record_type type)
{
	char letter = (char)type;
	size_t start = out->len;

	buf_append(out, &letter, 1);
	return start;
}

static void
end(struct buf *out, size_t start)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int crc;
	char tail[CRC_LEN + 2];
	int i;

	crc = digest_crc32(0, out->data + start, out->len - start);
	tail[0] = '\t';
	for (i = 0; i < CRC_LEN; i++)
		tail[1 + i] = digits[crc >> (28 - 4 * i) & 15];
	tail[CRC_LEN + 1] = '\n';
	buf_append(out, tail, sizeof(tail));
}

void
record_put_header(struct buf *out, const char *identity,
    const unsigned char key[DIGEST_KEY_LEN])
{
	size_t start = out->len;

	buf_puts(out, "poplar-state");
	put_number(out, VERSION);
	put_string(out, identity);
	put_hex(out, key, DIGEST_KEY_LEN);
	end(out, start);
}

void
record_put_delivery(struct buf *out, enum record_type type, uint32_t serial,
    const struct state_record *record)
{
	size_t start = begin(out, type);

	put_number(out, serial);
	put_string(out, record->kind);
	put_string(out, record->path);
	put_number(out, record->device);
	put_string(out, record->name);
	put_string(out, record->spool);
	put_text(out, record->uid, record->uid_len);
	put_size(out, record->list_octets);
	put_number(out, record->octets);
	put_print(out, &record->print);
	put_number(out, record->copy);
	put_number(out, record->time);
	put_flags(out, record->is_short, record->is_owed);
	end(out, start);
}

/* What the entry says of its message now. */
static void
put_entry(struct buf *out, const struct state_entry *entry)
{
	put_text(out, entry->uid, entry->uid_len);
	put_size(out, entry->list_octets);
	put_number(out, entry->octets);
	if (entry->flags & STATE_WHOLE_ONLY)
		put_hex(out, entry->whole, DIGEST_LEN);
	else
		put_print(out, &entry->print);
	put_number(out, entry->copy);
	put_number(out, entry->time);
	put_flags(out, entry->flags & STATE_SHORT, entry->flags & STATE_OWED);
}

void
record_put_pending(struct buf *out, const struct state_entry *entry,
    const struct record *record)
{
	size_t start = begin(out, RECORD_COMMIT);

	put_number(out, entry->serial);
	put_raw(out, record->kind.data, record->kind.len);
	put_raw(out, record->path.data, record->path.len);
	put_number(out, record->device);
	put_raw(out, record->name.data, record->name.len);
	put_raw(out, record->spool.data, record->spool.len);
	put_entry(out, entry);
	end(out, start);
}

void
record_put_held(struct buf *out, const struct state_entry *entry)
{
	size_t start = begin(out, RECORD_HELD);

	put_number(out, entry->serial);
	put_entry(out, entry);
	end(out, start);
}

void
record_put_mark(struct buf *out, const struct state_mark *mark)
{
	size_t start = begin(out, RECORD_MARK);

	put_string(out, mark->path);
	put_number(out, mark->device);
	put_number(out, mark->inode);
	put_number(out, mark->before);
	put_number(out, mark->length);
	put_hex(out, mark->digest, DIGEST_LEN);
	put_number(out, mark->first);
	put_number(out, mark->last);
	end(out, start);
}

void
record_put_seen(struct buf *out, const struct state_entry *entry)
{
	size_t start = begin(out, RECORD_SEEN);

	put_number(out, entry->serial);
	put_text(out, entry->uid, entry->uid_len);
	put_number(out, entry->time);
	put_size(out, entry->list_octets);
	end(out, start);
}

void
record_put_size(struct buf *out, const struct state_entry *entry)
{
	size_t start = begin(out, RECORD_SIZE);

	put_number(out, entry->serial);
	put_size(out, entry->list_octets);
	end(out, start);
}

void
record_put_print(struct buf *out, const struct state_entry *entry)
{
	size_t start = begin(out, RECORD_PRINT);

	put_number(out, entry->serial);
	put_number(out, entry->octets);
	put_print(out, &entry->print);
	end(out, start);
}

void
record_put_vain(struct buf *out, const char *uid, size_t len, uint32_t runs,
    uint32_t time)
{
	size_t start = begin(out, RECORD_VAIN);

	put_number(out, runs);
	put_text(out, uid, len);
	put_number(out, time);
	end(out, start);
}

void
record_put_server(struct buf *out, unsigned int facts)
{
	size_t start = begin(out, RECORD_SERVER), n = 0;
	char letters[sizeof(facts_letters)];

	for (size_t i = 0; i < sizeof(facts_letters) - 1; i++)
		if (facts & 1u << i)
			letters[n++] = facts_letters[i];
	put_raw(out, letters, n);
	end(out, start);
}

void
record_put_uid(struct buf *out, const struct state_entry *entry)
{
	size_t start = begin(out, RECORD_UID);

	put_number(out, entry->serial);
	put_text(out, entry->uid, entry->uid_len);
	end(out, start);
}

void
record_put_applied(struct buf *out, uint32_t first, uint32_t last)
{
	size_t start = begin(out, RECORD_APPLIED);

	put_number(out, first);
	put_number(out, last);
	end(out, start);
}

void
record_put_number(struct buf *out, enum record_type type, uint32_t number)
{
	size_t start = begin(out, type);

	put_number(out, number);
	end(out, start);
}

void
record_put_synced(struct buf *out)
{
	end(out, begin(out, RECORD_SYNCED));
}

void
record_put_gone(struct buf *out, uint32_t serial, uint32_t time)
{
	size_t start = begin(out, RECORD_GONE);

	put_number(out, serial);
	put_number(out, time);
	end(out, start);
}
