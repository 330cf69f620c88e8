/* SPDX-License-Identifier: ISC */
/* Capabilities (RFC 2449), parsed from the lines of a CAPA reply. */
#ifndef POP3_CAPA_H
#define POP3_CAPA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPA_LINES_MAX 100

struct capa {
	bool known;        /* CAPA was answered +OK */
	unsigned int bits; /* POP3_CAP_* */
	char **lines;      /* as sent, owned; NULL-ended, or NULL */
	size_t count;
	char *sasl;           /* mechanisms, blank-separated; owned, or NULL */
	uint32_t expire_days; /* or POP3_EXPIRE_NEVER */
};

/* One line. Unknown words are kept in lines only. */
void capa_add(struct capa *capa, const char *line, size_t len);
void capa_clear(struct capa *capa);

#endif
