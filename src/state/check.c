/* SPDX-License-Identifier: ISC */
/*
 * A journal examined line by line, and repaired: what is valid is written to a
 * new file, the old one stays as PATH.damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "state/reader.h"
#include "state/record.h"
#include "state/state_priv.h"

#define DAMAGED_MAX 99

struct check {
	struct state *state; /* filled as a load would */
	struct loader loader;
	struct reader reader;
	void (*note)(void *arg, const char *text);
	void *arg;
	int findings;
	bool repair;
	int out_fd;
	struct buf out;
	uint64_t out_size;
};

static void __attribute__((format(printf, 2, 3)))
find(struct check *check, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	check->findings++;
	check->note(check->arg, text);
}

/* The identity that a file name stands for (file.c). */
static char *
decode_name(const char *path)
{
	const char *p = strrchr(path, '/');
	struct buf name = BUF_INIT;
	unsigned int value;
	char c;

	for (p = p == NULL ? path : p + 1; *p != '\0'; p++) {
		c = *p;
		if (c == '%' && sscanf(p + 1, "%2x", &value) == 1 &&
		    value > 0) {
			c = (char)value;
			p += p[2] == '\0' ? 1 : 2;
		}
		buf_append(&name, &c, 1);
	}
	return buf_take(&name);
}

static void
put_line(struct check *check, const char *line, size_t len)
{
	if (!check->repair)
		return;
	buf_append(&check->out, line, len);
	buf_append(&check->out, "\n", 1);
}

static int
check_header(struct check *check, struct err *err)
{
	struct state *state = check->state;
	struct record_text text;
	const char *line = "", *data, *why = "it is empty";
	size_t len = 0;
	int got;

	got = reader_next(&check->reader, &line, &len, err);
	if (got == -1)
		return -1;
	if (got == 1)
		why = "malformed identity";
	if (got == 1 &&
	    record_parse_header(line, len, &text, state->key, &why) == 0 &&
	    record_decode(text, &check->loader.scratch, &data, &len) == 0) {
		state->identity = xstrndup(data, len);
		/* a load refuses it, so that there is something to repair */
		if (!check->reader.complete)
			find(check, "line 1: incomplete");
	} else {
		state->identity = decode_name(state->path);
		digest_random(state->key, sizeof(state->key));
		find(check,
		    "line 1: the header: %s; the digests of messages "
		    "are lost",
		    why);
	}
	if (check->repair)
		record_put_header(&check->out, state->identity, state->key);
	index_init(&state->index, 0, state->key);
	return 0;
}

static int
flush_out(struct check *check, size_t least, struct err *err)
{
	if (check->out.len <= least)
		return 0;
	if (file_write(check->out_fd, check->state->path, check->out.data,
		check->out.len, check->out_size, err) == -1)
		return -1;
	check->out_size += check->out.len;
	check->out.len = 0;
	return 0;
}

static int
check_lines(struct check *check, struct err *err)
{
	struct reader *reader = &check->reader;
	struct record record;
	const char *line, *why;
	size_t len;
	int got;

	while ((got = reader_next(reader, &line, &len, err)) == 1) {
		if (!reader->complete)
			find(check, "line %llu: incomplete",
			    (unsigned long long)reader->number);
		else if (record_parse(line, len, &record, &why) == -1 ||
		    loader_apply(&check->loader, &record, reader->offset, len,
			&why) == -1)
			find(check, "line %llu: %s",
			    (unsigned long long)reader->number, why);
		else
			put_line(check, line, len);
		if (flush_out(check, BATCH_OCTETS, err) == -1)
			return -1;
	}
	/* the new file is synced before it has its name */
	if (check->repair)
		record_put_synced(&check->out);
	return got == -1 ? -1 : flush_out(check, 0, err);
}

static int
copy_old(int fd, const char *name, struct err *err)
{
	char data[8192];
	uint64_t at = 0;
	size_t n = 0;
	int result;
	int out = open(name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out == -1)
		return err_sys(err, EX_CANTCREAT,
		    "cannot keep the old state as %s", name);
	while ((result = file_read(fd, name, data, sizeof(data), at, &n,
		    err)) == 0 &&
	    n > 0 && (result = file_write(out, name, data, n, at, err)) == 0)
		at += n;
	if (result == 0)
		result = sync_file(out, name, err);
	close(out);
	if (result == 0)
		return 0;
	(void)unlink(name);
	return -1;
}

/* A second name for the old file, so that there is no moment without one. */
static int
keep_old(int fd, const char *path, struct err *err)
{
	char *name = xasprintf("%s.damaged", path);
	int i, result;

	for (i = 2; (result = link(path, name)) == -1 && errno == EEXIST &&
	     i <= DAMAGED_MAX;
	     i++) {
		free(name);
		name = xasprintf("%s.damaged-%d", path, i);
	}
	/* no links on this file system, or not allowed */
	if (result == -1 && errno != EEXIST)
		result = copy_old(fd, name, err);
	else if (result == -1)
		err_sys(err, EX_CANTCREAT, "cannot keep the old state as %s",
		    name);
	free(name);
	return result;
}

static int
examine(struct check *check, struct err *err)
{
	struct state *state = check->state;
	bool installed = false;
	int result = -1;

	if (check->repair) {
		file_discard(state->path);
		check->out_fd = file_create(state->path, err);
		if (check->out_fd == -1)
			return -1;
	}
	if (check_header(check, err) == 0)
		result = check_lines(check, err);
	if (!check->repair)
		return result;
	if (result == 0 && check->findings > 0) {
		result = keep_old(state->fd, state->path, err);
		if (result == 0)
			result = file_install(state->path, check->out_fd,
			    state->dir_fd, &installed, err);
	}
	if (!installed)
		file_discard(state->path);
	close(check->out_fd);
	return result;
}

int
state_check(const char *path, bool repair,
    void (*note)(void *arg, const char *text), void *arg, struct err *err)
{
	struct state *state = xcalloc(1, sizeof(*state));
	struct check check = { .state = state,
		.note = note,
		.arg = arg,
		.repair = repair,
		.out_fd = -1 };
	int result = -1;

	state->fd = state->lock_fd = state->dir_fd = -1;
	state->path = xstrdup(path);
	loader_init(&check.loader, state);
	if (repair &&
	    ((state->dir_fd = file_open_dir(path, false, err)) == -1 ||
		(state->lock_fd = file_lock(path, err)) == -1))
		goto out;
	state->fd = file_open(path, STATE_READ, err);
	if (state->fd == -1)
		goto out;
	reader_init(&check.reader, state->fd, path);
	if (examine(&check, err) == 0)
		result = check.findings;
out:
	reader_clear(&check.reader);
	loader_clear(&check.loader);
	buf_clear(&check.out);
	state_close(state);
	return result;
}
