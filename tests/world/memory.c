/* SPDX-License-Identifier: ISC */
/*
 * src/state/file.c and the calls of src/base/sync.c that it needs, in memory:
 * a journal is octets of the world that is played, a rewritten one takes its
 * place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "state/state_priv.h"

#include "world.h"

/* No descriptors of the system's. */
enum {
	FD_JOURNAL = 1000,
	FD_REWRITTEN,
	FD_LOCK,
	FD_DIR
};

static struct world *used;
static char rewritten[JOURNAL_MAX];
static size_t rewritten_len;
/* The file that a descriptor stands for may have got the other one's place. */
static bool swapped;

void
memory_use(struct world *world)
{
	used = world;
	swapped = false;
}

static char *
octets(int fd, size_t **len)
{
	if (fd == FD_JOURNAL || swapped) {
		*len = &used->journal_len;
		return used->journal;
	}
	*len = &rewritten_len;
	return rewritten;
}

int
file_open_dir(const char *path, bool make, struct err *err)
{
	(void)path, (void)make, (void)err;
	return FD_DIR;
}

int
file_lock(const char *path, struct err *err)
{
	(void)path, (void)err;
	return FD_LOCK;
}

int
file_open(const char *path, enum state_mode mode, struct err *err)
{
	(void)path, (void)mode, (void)err;
	swapped = false;
	return FD_JOURNAL;
}

int
file_create(const char *path, struct err *err)
{
	(void)path, (void)err;
	rewritten_len = 0;
	swapped = false;
	return FD_REWRITTEN;
}

int
file_install(const char *path, int fd, int dir_fd, bool *installed,
    struct err *err)
{
	(void)path, (void)fd, (void)dir_fd, (void)err;
	memcpy(used->journal, rewritten, rewritten_len);
	used->journal_len = rewritten_len;
	swapped = *installed = true;
	return 0;
}

void
file_discard(const char *path)
{
	(void)path;
}

void
file_remove(const char *path, int dir_fd)
{
	(void)path, (void)dir_fd;
}

int
file_size(int fd, const char *path, uint64_t *size, struct err *err)
{
	size_t *len;

	(void)path, (void)err;
	(void)octets(fd, &len);
	*size = *len;
	return 0;
}

int
file_cut(int fd, const char *path, uint64_t size, struct err *err)
{
	size_t *len;

	(void)path, (void)err;
	(void)octets(fd, &len);
	*len = (size_t)size;
	return 0;
}

int
file_read(int fd, const char *path, char *data, size_t len, uint64_t offset,
    size_t *got, struct err *err)
{
	size_t *size, left;
	const char *from = octets(fd, &size);

	(void)path, (void)err;
	left = *size - (size_t)offset;
	*got = len < left ? len : left;
	memcpy(data, from + offset, *got);
	return 0;
}

int
file_write(int fd, const char *path, const char *data, size_t len,
    uint64_t offset, struct err *err)
{
	size_t *size;
	char *to = octets(fd, &size);

	(void)path, (void)err;
	if (offset + len > JOURNAL_MAX) {
		fputs("world: a journal is longer than expected\n", stderr);
		exit(EX_SOFTWARE);
	}
	memcpy(to + offset, data, len);
	*size = (size_t)offset + len;
	return 0;
}

char *
state_default_path(const char *identity, struct err *err)
{
	(void)err;
	return xstrdup(identity);
}

int
sync_data(int fd, const char *what, struct err *err)
{
	(void)fd, (void)what, (void)err;
	return 0;
}

int
sync_file(int fd, const char *what, struct err *err)
{
	return sync_data(fd, what, err);
}

int
sync_dir(int dirfd, const char *what, struct err *err)
{
	return sync_data(dirfd, what, err);
}
