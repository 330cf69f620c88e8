/* SPDX-License-Identifier: ISC */
/* A growing run of octets. */
#include "base/buf.h"

#include <bsd/string.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * Room for len more and a NUL. What is outgrown is wiped, because a buffer
 * may hold a password.
 */
static void
reserve(struct buf *buf, size_t len)
{
	size_t cap = buf->cap < 64 ? 64 : buf->cap;
	char *data;

	if (buf->data != NULL && buf->cap - buf->len > len)
		return;
	if (len > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		cap = SIZE_MAX; /* xmalloc reports it */
	while (cap - buf->len <= len)
		cap *= 2;
	data = xmalloc(cap);
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len);
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	}
	buf->data = data;
	buf->cap = cap;
}

char *
buf_grow(struct buf *buf, size_t len)
{
	char *at;

	reserve(buf, len);
	at = buf->data + buf->len;
	buf->len += len;
	return at;
}

void
buf_append(struct buf *buf, const void *data, size_t len)
{
	if (len > 0)
		memcpy(buf_grow(buf, len), data, len);
}

void
buf_puts(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		reserve(buf, (size_t)n);
		(void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt,
		    again);
		buf->len += (size_t)n;
	}
	va_end(again);
}

const char *
buf_text(struct buf *buf)
{
	reserve(buf, 0);
	buf->data[buf->len] = '\0';
	return buf->data;
}

char *
buf_take(struct buf *buf)
{
	char *data;

	(void)buf_text(buf);
	data = buf->data;
	*buf = (struct buf)BUF_INIT;
	return data;
}

void
buf_clear(struct buf *buf)
{
	if (buf->data != NULL) {
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	}
	*buf = (struct buf)BUF_INIT;
}
