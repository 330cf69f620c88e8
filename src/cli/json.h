/* SPDX-License-Identifier: ISC */
/* JSON Lines out (RFC 8259). Invalid UTF-8 becomes U+FFFD, and a member
 * NAME_b64 holds the octets. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct json {
	struct buf *out; /* borrowed */
	bool comma;
};

void json_begin(struct json *json, struct buf *out); /* { */
void json_end(struct json *json);                    /* } newline */
void json_string(struct json *json, const char *name, const char *data,
    size_t len);
void json_text(struct json *json, const char *name,
    const char *text); /* NULL: null */
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
/* An array of strings; NULL-ended. */
void json_array(struct json *json, const char *name, char *const *texts);

#endif
