/* SPDX-License-Identifier: ISC */
/*
 * One line of a journal, to and from its fields (poplar-state(5)). Nothing here
 * knows what the records before it said.
 */
#ifndef STATE_RECORD_H
#define STATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/fingerprint.h"

struct buf;
struct state_entry;
struct state_mark;
struct state_record;

#define RECORD_LINE_MAX ((size_t)1 << 20)
#define RECORD_UID_MAX 65535

enum record_type {
	RECORD_COMMIT = 'C',
	RECORD_APPLIED = 'A',
	RECORD_DELIVERED = 'D',
	RECORD_HELD = 'H', /* D, without where it went */
	RECORD_MARK = 'M',
	RECORD_SEEN = 'S',
	RECORD_OWED = 'O',
	RECORD_DELETION = 'Q',
	RECORD_UNDELETABLE = 'U',
	RECORD_GONE = 'G',
	RECORD_BACK = 'B',
	RECORD_FORGOTTEN = 'X',
	RECORD_VOID = 'V',
	RECORD_WHOLE = 'W',
	RECORD_UID = 'I',
	RECORD_REFUSAL = 'F',
	RECORD_DEADLY = 'K',
	RECORD_SENT = 'R',
	RECORD_SIZE = 'Z',
	RECORD_PRINT = 'Y',
	RECORD_SERVER = 'E',
	RECORD_VAIN = 'N',
	RECORD_LOGIN = 'T',
	RECORD_LISTED = 'L',
	RECORD_SYNCED = 'P'
};

/* A field as it is in the line, encoded; not ended. */
struct record_text {
	const char *data;
	size_t len;
};

/* Which fields are filled depends on the type. */
struct record {
	char type;
	bool is_short, is_owed;
	bool is_old;   /* C D: digest, not print */
	uint8_t facts; /* E: STATE_SERVER_... */
	uint16_t copy;
	uint32_t serial; /* A M: the first */
	uint32_t last;   /* A M */
	uint32_t time;   /* C D S G N T L */
	uint32_t runs;   /* N */
	uint64_t device, inode, before, length;
	uint64_t list_octets, octets;
	struct fingerprint print;         /* C D Y */
	unsigned char digest[DIGEST_LEN]; /* M; C D of old journals */
	struct record_text kind, path, name, spool, uid;
};

/* A line without its LF. 0, or -1 and *why says what is wrong with it. */
int record_parse(const char *line, size_t len, struct record *record,
    const char **why);

/* Does its checksum fit, whatever it says? */
bool record_is_sound(const char *line, size_t len);

/*
 * The octets of a field: text itself if nothing in it is encoded, else decoded
 * into scratch. 0, or -1 if the encoding is broken.
 */
int record_decode(struct record_text text, struct buf *scratch,
    const char **data, size_t *len);

/* The first line. The key is filled, identity is as in the line. */
int record_parse_header(const char *line, size_t len,
    struct record_text *identity, unsigned char key[DIGEST_KEY_LEN],
    const char **why);
void record_put_header(struct buf *out, const char *identity,
    const unsigned char key[DIGEST_KEY_LEN]);

/* Each appends one line. */
void record_put_delivery(struct buf *out, enum record_type type,
    uint32_t serial, const struct state_record *record);
/* C anew, out of an entry and the line that it began with. */
void record_put_pending(struct buf *out, const struct state_entry *entry,
    const struct record *record);
/* H */
void record_put_held(struct buf *out, const struct state_entry *entry);
void record_put_mark(struct buf *out, const struct state_mark *mark);
void record_put_seen(struct buf *out, const struct state_entry *entry);
void record_put_uid(struct buf *out, const struct state_entry *entry);
/* The serials from first to last. */
void record_put_applied(struct buf *out, uint32_t first, uint32_t last);
/* O Q F U B X V W: a serial; T L: a time. */
void record_put_number(struct buf *out, enum record_type type, uint32_t number);
/* Z, and Y: what the entry now says of its size and its octets. */
void record_put_size(struct buf *out, const struct state_entry *entry);
void record_put_print(struct buf *out, const struct state_entry *entry);
void record_put_server(struct buf *out, unsigned int facts);
void record_put_vain(struct buf *out, const char *uid, size_t len,
    uint32_t runs, uint32_t time);
/* P */
void record_put_synced(struct buf *out);
void record_put_gone(struct buf *out, uint32_t serial, uint32_t time);

#endif
