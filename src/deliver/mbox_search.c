/* SPDX-License-Identifier: ISC */
/* Is a message in an mbox, wherever it may be by now? */
#include "deliver/mbox_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"

/* Octets of a file one by one, in constant memory. */
struct reader {
	int fd;
	uint64_t at, end; /* of what has not been read into data */
	size_t pos, len;
	bool failed;
	char data[16384];
};

/* What readers of an mbox write into headers. */
static const char *const readers_fields[] = { "Status:", "X-Status:",
	"X-Keywords:", "X-UID:", "X-IMAP:", "X-IMAPbase:", "Content-Length:",
	"Lines:", "X-Mozilla-Status:", "X-Mozilla-Status2:",
	"X-Mozilla-Keys:" };

#define FROM_MAX 512
#define FIELD_MAX 20 /* the longest of them, and a little */

static void
reader_seek(struct reader *reader, int fd, uint64_t from, uint64_t end)
{
	reader->fd = fd;
	reader->at = from;
	reader->end = end;
	reader->pos = reader->len = 0;
	reader->failed = false;
}

static bool
reader_fill(struct reader *reader)
{
	size_t want = sizeof(reader->data);
	ssize_t n;

	if (want > reader->end - reader->at)
		want = (size_t)(reader->end - reader->at);
	if (want == 0)
		return false;
	do {
		n = pread(reader->fd, reader->data, want, (off_t)reader->at);
	} while (n == -1 && errno == EINTR);
	if (n <= 0) {
		reader->failed = n == -1;
		return false;
	}
	reader->at += (uint64_t)n;
	reader->pos = 0;
	reader->len = (size_t)n;
	return true;
}

/* The next octet without taking it; -1 at the end. */
static int
peek(struct reader *reader)
{
	if (reader->pos == reader->len && !reader_fill(reader))
		return -1;
	return (unsigned char)reader->data[reader->pos];
}

static int
next(struct reader *reader)
{
	int c = peek(reader);

	if (c != -1)
		reader->pos++;
	return c;
}

static uint64_t
reader_tell(const struct reader *reader)
{
	return reader->at - (reader->len - reader->pos);
}

static void
skip_line(struct reader *reader)
{
	int c;

	do {
		c = next(reader);
	} while (c != -1 && c != '\n');
}

/* Does a field of the readers' begin at offset? */
static bool
is_readers_field(int fd, uint64_t offset)
{
	char text[FIELD_MAX];
	ssize_t len;
	size_t i, field;

	len = pread(fd, text, sizeof(text), (off_t)offset);
	for (i = 0; i < sizeof(readers_fields) / sizeof(readers_fields[0]);
	     i++) {
		field = strlen(readers_fields[i]);
		if (len >= (ssize_t)field &&
		    strncasecmp(text, readers_fields[i], field) == 0)
			return true;
	}
	return false;
}

static void
skip_readers_fields(struct reader *reader)
{
	int c;

	/* their initials, so that few lines cost a system call */
	while ((c = peek(reader)) != -1 && strchr("SsXxCcLl", c) != NULL &&
	    c != '\0' && is_readers_field(reader->fd, reader_tell(reader))) {
		do {
			skip_line(reader);
			c = peek(reader);
		} while (c == ' ' || c == '\t');
	}
}

/* Two lines with their newlines. empty: it was nothing but the newline. */
static bool
lines_agree(struct reader *a, struct reader *b, bool *empty)
{
	size_t len = 0;
	int c;

	do {
		c = next(a);
		if (c == -1 || c != next(b))
			return false;
		len++;
	} while (c != '\n');
	*empty = len == 1;
	return true;
}

/*
 * From the From_ line on, ours against theirs. What follows in theirs does not
 * matter, but ours must be there to its end; the last empty line may have been
 * the file's end.
 */
static bool
messages_agree(struct reader *ours, struct reader *theirs)
{
	bool empty = false;
	int c;

	if (!lines_agree(ours, theirs, &empty))
		return false;
	while (!empty) {
		skip_readers_fields(ours);
		skip_readers_fields(theirs);
		if (peek(ours) == -1)
			return true;
		if (!lines_agree(ours, theirs, &empty))
			return false;
	}
	while ((c = next(ours)) != -1) {
		if (peek(theirs) == -1 && c == '\n' && peek(ours) == -1)
			return true;
		if (c != next(theirs))
			return false;
	}
	return !ours->failed;
}

/* A line, at most FROM_MAX octets of it counted. */
static unsigned int
line_crc(struct reader *reader)
{
	char line[FROM_MAX];
	size_t len = 0;
	int c;

	while ((c = next(reader)) != -1 && c != '\n')
		if (len < sizeof(line))
			line[len++] = (char)c;
	return digest_crc32(0, line, len);
}

static void
note_from_lines(struct mbox_wanted *wanted, size_t n, struct reader *reader)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (wanted[i].part.fd == -1)
			continue;
		reader_seek(reader, wanted[i].part.fd, wanted[i].part.offset,
		    wanted[i].part.offset + wanted[i].part.length);
		wanted[i].from_line = line_crc(reader);
	}
}

/* At a From_ line with this CRC. */
static int
match_here(int fd, uint64_t at, uint64_t limit, unsigned int from_line,
    struct mbox_wanted *wanted, size_t n, struct reader *readers)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (wanted[i].found || wanted[i].part.fd == -1 ||
		    wanted[i].from_line != from_line)
			continue;
		reader_seek(&readers[0], wanted[i].part.fd,
		    wanted[i].part.offset,
		    wanted[i].part.offset + wanted[i].part.length);
		reader_seek(&readers[1], fd, at, limit);
		if (messages_agree(&readers[0], &readers[1])) {
			wanted[i].found = true;
			return 0;
		}
		if (readers[0].failed || readers[1].failed)
			return -1;
	}
	return 0;
}

int
mbox_search(int fd, uint64_t limit, struct mbox_wanted *wanted, size_t n,
    const char *what, struct err *err)
{
	struct reader *readers = xcalloc(3, sizeof(*readers));
	struct reader *lines = &readers[2];
	uint64_t at;
	int rc = 0;

	note_from_lines(wanted, n, &readers[0]);
	reader_seek(lines, fd, 0, limit);
	while (rc == 0 && peek(lines) != -1) {
		if (peek(lines) != 'F') {
			skip_line(lines);
			continue;
		}
		at = reader_tell(lines);
		rc = match_here(fd, at, limit, line_crc(lines), wanted, n,
		    readers);
	}
	if (rc == -1 || lines->failed)
		rc = err_sys(err, EX_IOERR, "%s", what);
	free(readers);
	return rc;
}
