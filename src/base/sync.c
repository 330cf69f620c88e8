/* SPDX-License-Identifier: ISC */
/*
 * The only place that syncs. A failed sync is final: the kernel may have
 * dropped the pages it could not write, so a second call would succeed
 * without them. Whatever is Linux's own is kept here, under #ifdef.
 */
#include "base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/magic.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/offload.h"
#include "base/xalloc.h"

/* Fewer messages than this are synced one by one. */
#define SYNC_WHOLE_MIN 8
/* A smaller file is written back with its batch. */
#define SYNC_START_MIN (1024 * 1024)
/* A syncfs that takes longer writes mostly other people's data. */
#define SYNC_WHOLE_MS 1000

struct sync {
	enum sync_mode mode;
	bool begun;
	int fd; /* what syncfs is called on; -1: file by file */
};

#ifdef __linux__
/* Before 5.8 syncfs(2) does not report write-back errors. */
static bool
kernel_reports(void)
{
	struct utsname name;
	unsigned int major, minor;

	return uname(&name) == 0 &&
	    sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	    (major > 5 || (major == 5 && minor >= 8));
}

static bool
whole_is_sound(int fd)
{
	struct statfs fs;

	if (!kernel_reports() || fstatfs(fd, &fs) == -1)
		return false;
	switch ((unsigned long)fs.f_type & 0xffffffffUL) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		return true;
	default:
		return false;
	}
}

static int
whole(int fd)
{
	return syncfs(fd);
}

void
sync_start(struct sync *sync, int fd, uint64_t octets)
{
	/* A hint: what fails here is reported by the sync itself. */
	if (fd != -1 && (sync->fd == -1 || octets >= SYNC_START_MIN))
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}
#else
static bool
whole_is_sound(int fd)
{
	(void)fd;
	return false;
}

static int
whole(int fd)
{
	return fsync(fd);
}

void
sync_start(struct sync *sync, int fd, uint64_t octets)
{
	(void)sync;
	(void)fd;
	(void)octets;
}
#endif

struct sync *
sync_new(enum sync_mode mode)
{
	struct sync *sync = xcalloc(1, sizeof(*sync));

	sync->mode = mode;
	sync->fd = -1;
	return sync;
}

static void
forget(struct sync *sync)
{
	if (sync->fd != -1)
		(void)close(sync->fd);
	sync->fd = -1;
}

void
sync_free(struct sync *sync)
{
	if (sync == NULL)
		return;
	forget(sync);
	free(sync);
}

int
sync_begin(struct sync *sync, int dirfd, struct err *err)
{
	if (sync->begun)
		return 0;
	sync->begun = true;
	if (sync->mode == SYNC_FILES || !whole_is_sound(dirfd))
		return 0;
	sync->fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sync->fd == -1)
		return err_sys(err, EX_IOERR, "cannot open the directory");
	return 0;
}

/* One call for each descriptor, in order, until one fails. */
struct job {
	int (*call)(int fd);
	const int *fds; /* -1 is passed over */
	size_t n;
	int64_t took; /* milliseconds */
};

static int
sync_each(void *arg)
{
	struct job *job = arg;
	int64_t before = deadline_now();
	int result = 0;
	size_t i;

	for (i = 0; i < job->n && result == 0; i++) {
		if (job->fds[i] == -1)
			continue;
		do {
			result = job->call(job->fds[i]);
		} while (result == -1 && errno == EINTR);
	}
	job->took = deadline_now() - before;
	return result;
}

/* 0 or -1 with errno. */
static int
sync_one(int (*call)(int fd), int fd)
{
	struct job job = { .call = call, .fds = &fd, .n = 1 };

	if (fd == -1) {
		errno = EBADF;
		return -1;
	}
	return offload_call(sync_each, &job);
}

static int
batch_whole(struct sync *sync, struct err *err)
{
	struct job job = { .call = whole, .fds = &sync->fd, .n = 1 };
	int result = offload_call(sync_each, &job);

	if (result == -1)
		(void)err_sys(err, EX_IOERR, "cannot sync the file system");
	if (job.took > SYNC_WHOLE_MS) {
		log_debug(1, "sync: the file system took %lld ms: by file now",
		    (long long)job.took);
		forget(sync);
	}
	return result;
}

int
sync_batch(struct sync *sync, const int *fds, size_t n, int dirfd,
    struct err *err)
{
	struct job job = { .call = fsync, .fds = fds, .n = n };

	if (sync->fd != -1 && n >= SYNC_WHOLE_MIN)
		return batch_whole(sync, err);
	if (offload_call(sync_each, &job) == -1)
		return err_sys(err, EX_IOERR, "cannot sync a delivered file");
	return sync_dir(dirfd, "the directory", err);
}

int
sync_data(int fd, const char *what, struct err *err)
{
	if (sync_one(fdatasync, fd) == -1)
		return err_sys(err, EX_IOERR, "cannot sync %s", what);
	return 0;
}

int
sync_file(int fd, const char *what, struct err *err)
{
	if (sync_one(fsync, fd) == -1)
		return err_sys(err, EX_IOERR, "cannot sync %s", what);
	return 0;
}

/* Some network and user-space file systems cannot sync directories at all. */
static bool
is_not_for_directories(int error)
{
	return error == EINVAL || error == EOPNOTSUPP || error == ENOTSUP ||
	    error == ENOSYS || error == EBADF || error == EISDIR;
}

int
sync_dir(int dirfd, const char *what, struct err *err)
{
	if (sync_one(fsync, dirfd) == -1 &&
	    (dirfd == -1 || !is_not_for_directories(errno)))
		return err_sys(err, EX_IOERR, "cannot sync %s", what);
	return 0;
}

int
sync_parent(const char *path, struct err *err)
{
	char *copy = xstrdup(path);
	int fd, rc = -1;

	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		err_sys(err, EX_CANTCREAT, "%s", path);
	} else {
		rc = sync_dir(fd, path, err);
		close(fd);
	}
	free(copy);
	return rc;
}
