/* SPDX-License-Identifier: ISC */
/* A growing run of octets. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t cap;
};

#define BUF_INIT                                                               \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

void buf_append(struct buf *buf, const void *data, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Room for len more octets: buf->len is raised at once, and the place where
 * they go is returned. Who writes fewer takes the rest off buf->len again.
 */
char *buf_grow(struct buf *buf, size_t len);
/* The text with a NUL behind it, which is not counted in len. */
const char *buf_text(struct buf *buf);
/* The octets as a string of the caller's (freed by him); buf is then empty. */
char *buf_take(struct buf *buf);
/* Wipe and release. */
void buf_clear(struct buf *buf);

#endif
