/* SPDX-License-Identifier: ISC */
/* Reading a journal line by line, at a place of its own (pread). */
#include "state/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "state/record.h"

#define READ_SIZE ((size_t)128 * 1024)

void
lines_init(struct lines *lines, int fd, const char *name)
{
	*lines = (struct lines){ .fd = fd, .name = name };
	lines->cap = READ_SIZE;
	lines->data = xmalloc(lines->cap);
}

void
lines_clear(struct lines *lines)
{
	free(lines->data);
	lines->data = NULL;
}

/* Read more behind what is there. 1, 0 at the end of the file, -1. */
static int
fill(struct lines *lines, struct err *err)
{
	ssize_t n;

	if (lines->start > 0) {
		memmove(lines->data, lines->data + lines->start,
		    lines->end - lines->start);
		lines->end -= lines->start;
		lines->start = 0;
	}
	if (lines->end == lines->cap) {
		lines->data = xreallocarray(lines->data, 2, lines->cap);
		lines->cap *= 2;
	}
	do
		n = pread(lines->fd, lines->data + lines->end,
		    lines->cap - lines->end, (off_t)lines->read_at);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(err, EX_IOERR, "cannot read %s", lines->name);
	lines->end += (size_t)n;
	lines->read_at += (uint64_t)n;
	return n > 0;
}

static int
hand_out(struct lines *lines, size_t len, const char **line, size_t *line_len)
{
	*line = lines->data + lines->start;
	*line_len = len;
	lines->offset = lines->read_at - (lines->end - lines->start);
	lines->number++;
	lines->start += len + lines->complete;
	return 1;
}

int
lines_next(struct lines *lines, const char **line, size_t *len, struct err *err)
{
	size_t searched = 0, have;
	const char *end;
	int more;

	for (;;) {
		have = lines->end - lines->start;
		end = have == searched ?
		    NULL :
		    memchr(lines->data + lines->start + searched, '\n',
			have - searched);
		lines->complete = end != NULL;
		if (end != NULL)
			return hand_out(lines,
			    (size_t)(end - lines->data) - lines->start, line,
			    len);
		if (have >= RECORD_LINE_MAX)
			return hand_out(lines, have, line, len);
		searched = have;
		more = fill(lines, err);
		if (more == -1)
			return -1;
		if (more == 0)
			return have == 0 ? 0 : hand_out(lines, have, line, len);
	}
}
