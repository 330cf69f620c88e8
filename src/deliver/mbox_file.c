/* SPDX-License-Identifier: ISC */
/* The destination file of an mbox: opened, locked, appended to. */
#include "deliver/mbox.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/owner.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

#define LOCK_MS 10000
/* Times the file may be replaced under us while we wait for it. */
#define REPLACED_MAX 10

#define COPY_LEN 65536

/* No controlling terminal, and no waiting for a FIFO's other end. */
#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)

/*
 * In a directory that others may write to, a file may be theirs, or lead to one
 * of ours that is no mbox. Group mail may write to what is in /var/mail, and
 * who has umask 002 to his own: that is usual. Root delivers to files of others
 * where only they or root can have put them.
 */
static const char *
find_fault(const char *path, const struct stat *st)
{
	char *copy = xstrdup(path);
	unsigned int allow = 0;
	struct stat dir;

	if (!S_ISREG(st->st_mode)) {
		free(copy);
		return "it is not a regular file";
	}
	if (stat(dirname(copy), &dir) == 0) {
		if (geteuid() == 0 && (dir.st_mode & S_IWOTH) == 0 &&
		    (dir.st_uid == 0 || dir.st_uid == st->st_uid))
			allow |= OWNER_ANY;
		if (st->st_gid == dir.st_gid || st->st_gid == getegid())
			allow |= OWNER_GROUP;
	}
	free(copy);
	if (st->st_nlink != 1)
		return "it has another name, too (a hard link)";
	return owner_fault(st, allow);
}

static int
make_path(const char *path, bool fix_mode, struct err *err)
{
	int fd = open(path, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);

	/* somebody was faster, which is as good */
	if (fd == -1 && errno == EEXIST)
		fd = open(path, OPEN_FLAGS);
	else if (fd != -1 && fix_mode && fchmod(fd, 0600) == -1) {
		err_sys(err, EX_CANTCREAT, "%s", path);
		close(fd);
		return -1;
	}
	return fd == -1 ? deliver_cannot_make(path, err) : fd;
}

int
mbox_open_path(const char *path, bool make, bool fix_mode, struct err *err)
{
	const char *fault;
	struct stat st;
	int fd;

	fd = open(path, OPEN_FLAGS);
	if (fd == -1 && errno == ENOENT && make)
		fd = make_path(path, fix_mode, err);
	else if (fd == -1 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		err_set(err, EX_CANTCREAT,
		    "%s is a symbolic link; name the mbox itself", path);
	else if (fd == -1)
		err_sys(err, EX_CANTCREAT, "%s", path);
	if (fd == -1)
		return -1;
	fault = fstat(fd, &st) == -1 ? strerror(errno) : find_fault(path, &st);
	if (fault != NULL) {
		close(fd);
		return err_set(err, EX_CANTCREAT,
		    "%s is not used as an mbox: %s", path, fault);
	}
	/* a new file must be there when its records are, and whoever made it
	 * may have been killed before this */
	if (make && st.st_size == 0 && sync_parent(path, err) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* 1: path is the file that fd is; 0: it is another one by now; -1. */
static int
still_there(struct mbox_file *file, struct err *err)
{
	struct stat open_st, path_st;

	if (fstat(file->fd, &open_st) == -1)
		return err_sys(err, EX_IOERR, "%s", file->path);
	file->device = open_st.st_dev;
	file->inode = open_st.st_ino;
	file->size = (uint64_t)open_st.st_size;
	return lstat(file->path, &path_st) == 0 &&
	    path_st.st_dev == open_st.st_dev &&
	    path_st.st_ino == open_st.st_ino;
}

int
mbox_file_open(struct mbox_file *file, const char *path, struct err *err)
{
	int64_t until_ms = deadline_after(LOCK_MS);
	int tries, rc;

	file->path = path;
	for (tries = 0; tries < REPLACED_MAX; tries++) {
		file->fd = mbox_open_path(path, false, false, err);
		if (file->fd == -1) {
			err->status = EX_TEMPFAIL;
			return -1;
		}
		if (mbox_lock(&file->lock, file->fd, path, until_ms, err) ==
		    -1) {
			close(file->fd);
			return -1;
		}
		/* readers replace it by rename while we wait */
		if ((rc = still_there(file, err)) == 1)
			return 0;
		mbox_file_close(file);
		if (rc == -1)
			return -1;
	}
	return err_set(err, EX_TEMPFAIL, "%s is replaced again and again",
	    path);
}

void
mbox_file_close(struct mbox_file *file)
{
	mbox_unlock(&file->lock, file->fd);
	close(file->fd);
	file->fd = -1;
}

/* Each part's octets to fn, in pieces. */
static int
each_piece(const struct mbox_part *parts, size_t n,
    int (*fn)(void *arg, const char *data, size_t len, struct err *err),
    void *arg, struct err *err)
{
	char *data = xmalloc(COPY_LEN);
	uint64_t done;
	size_t i, len;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		for (done = 0; done < parts[i].length && rc == 0; done += len) {
			len = COPY_LEN;
			if (len > parts[i].length - done)
				len = (size_t)(parts[i].length - done);
			rc = spool_read(parts[i].fd, data, len,
			    parts[i].offset + done, "spool file", err);
			if (rc == 0)
				rc = fn(arg, data, len, err);
		}
	}
	free(data);
	return rc;
}

static int
update(void *arg, const char *data, size_t len, struct err *err)
{
	(void)err;
	digest_update(arg, data, len);
	return 0;
}

int
mbox_digest(const unsigned char key[DIGEST_KEY_LEN], size_t newlines,
    const struct mbox_part *parts, size_t n, unsigned char digest[DIGEST_LEN],
    struct err *err)
{
	struct digest *running = digest_new(key);
	int rc;

	while (newlines-- > 0)
		digest_update(running, "\n", 1);
	rc = each_piece(parts, n, update, running, err);
	digest_final(running, digest);
	digest_free(running);
	return rc;
}

static int
append_piece(void *arg, const char *data, size_t len, struct err *err)
{
	struct mbox_file *file = arg;

	return spool_write(file->fd, data, len, file->path, err);
}

/* How many newlines there must be before a From_ line can follow. */
static int
missing_newlines(const struct mbox_file *file, size_t *newlines,
    struct err *err)
{
	char last[2] = { '\n', '\n' };
	size_t n = file->size < 2 ? (size_t)file->size : 2;

	if (spool_read(file->fd, last + 2 - n, n, file->size - n, file->path,
		err) == -1)
		return -1;
	*newlines = last[1] != '\n' ? 2 : last[0] != '\n' ? 1 : 0;
	return 0;
}

/* Nobody else has written meanwhile: the locks are ours. */
static void
cut_back(const struct mbox_file *file)
{
	struct err ignored = ERR_INIT;

	/* what cannot be mended here recovery will see */
	if (ftruncate(file->fd, (off_t)file->size) == 0)
		(void)sync_file(file->fd, file->path, &ignored);
}

static int
write_parts(struct mbox_file *file, size_t newlines,
    const struct mbox_part *parts, size_t n, struct err *err)
{
	if (lseek(file->fd, (off_t)file->size, SEEK_SET) == -1)
		return err_sys(err, EX_IOERR, "%s", file->path);
	if (spool_write(file->fd, "\n\n", newlines, file->path, err) == -1 ||
	    each_piece(parts, n, append_piece, file, err) == -1)
		return -1;
	return 0;
}

int
mbox_append(struct deliver *deliver, struct mbox_file *file,
    const struct mbox_part *parts, size_t n, const struct deliver_hooks *hooks,
    struct err *err)
{
	unsigned char digest[DIGEST_LEN];
	size_t newlines, i;
	uint64_t length;

	if (missing_newlines(file, &newlines, err) == -1)
		return -1;
	length = newlines;
	for (i = 0; i < n; i++)
		length += parts[i].length;
	if (hooks != NULL && hooks->mark != NULL) {
		if (mbox_digest(deliver->key, newlines, parts, n, digest,
			err) == -1 ||
		    hooks->mark(hooks->arg, file->device, file->inode,
			file->size, length, digest, err) == -1)
			return -1;
	}
	if (write_parts(file, newlines, parts, n, err) == -1) {
		cut_back(file);
		return -1;
	}
	/* a failed sync is final; the octets stay for recovery to judge */
	if (sync_file(file->fd, file->path, err) == -1)
		return -1;
	file->size += length;
	return 0;
}
