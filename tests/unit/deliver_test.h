/* SPDX-License-Identifier: ISC */
/* What the tests of src/deliver share: a place, a message, a directory's
 * contents. */
#ifndef UNIT_DELIVER_TEST_H
#define UNIT_DELIVER_TEST_H

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "deliver/deliver.h"

#include "test.h"

static char place[64]; /* a directory of this test's own */
static const unsigned char test_key[DIGEST_KEY_LEN] = "0123456789abcde";
static const unsigned char test_digest[DIGEST_LEN] = "digest";

/* Below place; the last four stay valid. */
static inline const char *
in_place(const char *fmt, ...)
{
	static char paths[4][512];
	static unsigned int turn;
	char *path = paths[turn++ % 4];
	va_list ap;
	int len;

	len = snprintf(path, sizeof(paths[0]), "%s/", place);
	va_start(ap, fmt);
	vsnprintf(path + len, sizeof(paths[0]) - (size_t)len, fmt, ap);
	va_end(ap);
	return path;
}

static inline void
remove_tree(const char *path)
{
	struct dirent *entry;
	char *below;
	DIR *dir;

	if ((dir = opendir(path)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			if (strcmp(entry->d_name, ".") == 0 ||
			    strcmp(entry->d_name, "..") == 0)
				continue;
			below = xasprintf("%s/%s", path, entry->d_name);
			if (entry->d_type == DT_DIR)
				remove_tree(below);
			else
				unlink(below);
			free(below);
		}
		closedir(dir);
	}
	rmdir(path);
}

static inline void
make_place(void)
{
	snprintf(place, sizeof(place), "/tmp/poplar-unit-XXXXXX");
	if (mkdtemp(place) == NULL || mkdir(in_place("spool"), 0700) == -1)
		exit(99);
}

static inline void
put_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, data, len) != (ssize_t)len)
		printf("# cannot write %s\n", path);
	close(fd);
}

/* The caller frees; ended by a NUL. NULL: no such file. */
static inline char *
get_file(const char *path, size_t *len)
{
	struct stat st;
	char *data;
	int fd = open(path, O_RDONLY);

	*len = 0;
	if (fd == -1 || fstat(fd, &st) == -1)
		return NULL;
	data = xmalloc((size_t)st.st_size + 1);
	*len = (size_t)read(fd, data, (size_t)st.st_size);
	data[*len] = '\0';
	close(fd);
	return data;
}

/* Names in a directory, and the last of them. */
static inline int
count_names(const char *path, char name[256])
{
	struct dirent *entry;
	int count = 0;
	DIR *dir = opendir(path);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (name != NULL)
			snprintf(name, 256, "%s", entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static inline struct deliver_spec
make_spec(const char *kind, const char *path)
{
	static char spool[512];
	struct deliver_spec spec = { .kind = kind,
		.path = path,
		.identity = "user@pop.example.org",
		.spool_dir = spool,
		.account = "work",
		.key = test_key,
		.sync = SYNC_AUTO,
		.timeout_ms = 5000 };

	snprintf(spool, sizeof(spool), "%s/spool", place);
	return spec;
}

/* A new place with an empty box of that kind; spec->path is to be freed. */
static inline struct deliver *
open_place(const char *kind, struct deliver_spec *spec, struct err *err)
{
	struct deliver *deliver;

	make_place();
	*spec = make_spec(kind, xstrdup(in_place("box")));
	deliver = deliver_open(spec, err);
	if (deliver == NULL)
		printf("# %s\n", err->text);
	return deliver;
}

/* Received whole, not yet synced; named. uid is a string. */
static inline int
receive(struct deliver *deliver, struct deliver_item *item, const char *uid,
    const char *text, struct err *err)
{
	item->uid = uid;
	item->uid_len = strlen(uid);
	if (deliver_begin(deliver, item, err) == -1 ||
	    deliver_write(deliver, item, text, strlen(text), err) == -1 ||
	    deliver_end(deliver, item, err) == -1)
		return -1;
	deliver_name(deliver, item, 1700000000, test_digest, 0);
	return 0;
}

#endif
