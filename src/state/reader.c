/* SPDX-License-Identifier: ISC */
/* Reading a journal line by line, at a place of its own (pread). */
#include "state/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "state/record.h"
#include "state/state_priv.h"

#define READ_SIZE ((size_t)128 * 1024)

void
reader_init(struct reader *reader, int fd, const char *name)
{
	*reader = (struct reader){ .fd = fd, .name = name };
	reader->cap = READ_SIZE;
	reader->data = xmalloc(reader->cap);
}

void
reader_clear(struct reader *reader)
{
	free(reader->data);
	reader->data = NULL;
}

/* Read more behind what is there. 1, 0 at the end of the file, -1. */
static int
fill(struct reader *reader, struct err *err)
{
	size_t n;

	if (reader->start > 0) {
		memmove(reader->data, reader->data + reader->start,
		    reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
	}
	if (reader->end == reader->cap) {
		reader->data = xreallocarray(reader->data, 2, reader->cap);
		reader->cap *= 2;
	}
	if (file_read(reader->fd, reader->name, reader->data + reader->end,
		reader->cap - reader->end, reader->read_at, &n, err) == -1)
		return -1;
	reader->end += n;
	reader->read_at += n;
	return n > 0;
}

static int
hand_out(struct reader *reader, size_t len, const char **line, size_t *line_len)
{
	*line = reader->data + reader->start;
	*line_len = len;
	reader->offset = reader->read_at - (reader->end - reader->start);
	reader->number++;
	reader->start += len + reader->complete;
	return 1;
}

int
reader_next(struct reader *reader, const char **line, size_t *len,
    struct err *err)
{
	size_t searched = 0, have;
	const char *end;
	int more;

	for (;;) {
		have = reader->end - reader->start;
		end = have == searched ?
		    NULL :
		    memchr(reader->data + reader->start + searched, '\n',
			have - searched);
		reader->complete = end != NULL;
		if (end != NULL)
			return hand_out(reader,
			    (size_t)(end - reader->data) - reader->start, line,
			    len);
		if (have >= RECORD_LINE_MAX)
			return hand_out(reader, have, line, len);
		searched = have;
		more = fill(reader, err);
		if (more == -1)
			return -1;
		if (more == 0)
			return have == 0 ? 0 :
					   hand_out(reader, have, line, len);
	}
}
