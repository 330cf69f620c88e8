/* SPDX-License-Identifier: ISC */
/* Spool and tmp files: their names, how they are made, written, swept. */
#include "deliver/deliver_priv.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/parse.h"

#define PREFIX "poplar-"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* Names that are taken before we give up: somebody plants them. */
#define TRIES_MAX 10000

void
spool_name(const struct deliver *deliver, uint64_t number,
    char name[SPOOL_NAME_MAX])
{
	snprintf(name, SPOOL_NAME_MAX, PREFIX "%s-%" PRIu64, deliver->ident,
	    number);
}

bool
spool_is_ours(const struct deliver *deliver, const char *name, size_t len,
    uint64_t *number)
{
	const size_t fixed = PREFIX_LEN + DELIVER_IDENT_LEN + 1;
	uint64_t value;

	if (len <= fixed || memcmp(name, PREFIX, PREFIX_LEN) != 0 ||
	    memcmp(name + PREFIX_LEN, deliver->ident, DELIVER_IDENT_LEN) != 0 ||
	    name[fixed - 1] != '-' ||
	    parse_u64(name + fixed, len - fixed, UINT64_MAX, &value) !=
		len - fixed)
		return false;
	if (number != NULL)
		*number = value;
	return true;
}

int
spool_create(struct deliver *deliver, int dirfd, const char *dir,
    uint64_t *number, struct err *err)
{
	char name[SPOOL_NAME_MAX];
	int fd, tries;

	for (tries = 0; tries < TRIES_MAX; tries++) {
		*number = deliver->next++;
		spool_name(deliver, *number, name);
		fd = openat(dirfd, name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd != -1 || errno != EEXIST)
			break;
	}
	if (fd == -1)
		return err_sys(err, EX_IOERR, "%s/%s", dir, name);
	if (deliver->fix_mode && fchmod(fd, 0600) == -1) {
		err_sys(err, EX_IOERR, "%s/%s", dir, name);
		unlinkat(dirfd, name, 0);
		close(fd);
		return -1;
	}
	return fd;
}

int
spool_create_unnamed(struct deliver *deliver, struct err *err)
{
	char name[SPOOL_NAME_MAX];
	uint64_t number;
	int dirfd, fd;

	fd = open(deliver->spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1)
		return fd;
	/* not every file system has that */
	if ((dirfd = spool_open_dir(deliver, err)) == -1)
		return -1;
	fd = spool_create(deliver, dirfd, deliver->spool_dir, &number, err);
	if (fd != -1) {
		spool_name(deliver, number, name);
		unlinkat(dirfd, name, 0);
	}
	close(dirfd);
	return fd;
}

void
spool_start(struct deliver *deliver, int fd, uint64_t octets)
{
	sync_start(deliver->sync, fd, octets);
}

int
spool_sync(struct deliver *deliver, const int *fds, size_t n, int dirfd,
    const char *dir, struct err *err)
{
	if (sync_batch(deliver->sync, fds, n, dirfd, err) == -1)
		return err_prefix(err, "%s", dir);
	return 0;
}

int
spool_open_dir(const struct deliver *deliver, struct err *err)
{
	int fd;

	fd = open(deliver->spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_sys(err, EX_CANTCREAT, "%s", deliver->spool_dir);
	return fd;
}

int
spool_write(int fd, const void *data, size_t len, const char *what,
    struct err *err)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(err, EX_IOERR, "%s", what);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
spool_read(int fd, void *data, size_t len, uint64_t offset, const char *what,
    struct err *err)
{
	char *p = data;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(err, EX_IOERR, "%s", what);
		if (n == 0)
			return err_set(err, EX_IOERR, "%s: shorter than it was",
			    what);
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* keep holds spool fields: a file, or FILE:OFFSET:LENGTH. */
static bool
is_kept(const char *name, const char *const *keep, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strcspn(keep[i], ":");
		if (strlen(name) == len && memcmp(name, keep[i], len) == 0)
			return true;
	}
	return false;
}

void
spool_sweep(struct deliver *deliver, int dirfd, const char *const *keep,
    size_t n)
{
	struct dirent *entry;
	uint64_t number;
	DIR *dir;
	int fd;

	/* not dup: the position would be shared */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!spool_is_ours(deliver, entry->d_name,
			strlen(entry->d_name), &number))
			continue;
		if (number >= deliver->next && number < UINT64_MAX / 2)
			deliver->next = number + 1;
		if (!is_kept(entry->d_name, keep, n))
			unlinkat(dirfd, entry->d_name, 0);
	}
	closedir(dir);
}
