/* SPDX-License-Identifier: ISC */
/*
 * Where journals lie, and how their files are made: directories 0700, files
 * 0600, never through a symbolic link, a new one always by rename.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/libutil.h>

#include "base/err.h"
#include "base/owner.h"
#include "base/parse.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "state/state_priv.h"

/* Leaves room for ".lock", ".damaged-99", ".new" in 255 octets. */
#define NAME_MAX_OCTETS 220

/* What other files of ours end in (journal.h, check.c). */
static bool
is_suffix(const char *text)
{
	return strcasecmp(text, ".lock") == 0 ||
	    strcasecmp(text, ".new") == 0 ||
	    strncasecmp(text, ".damaged", 8) == 0;
}

/*
 * identity as a file name: what is not plain as %XX, the rest as it is. joe@new
 * is plain, but joe@pop.new would be what a run of joe@pop takes for its own.
 */
static char *
encode_name(const char *identity)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@._+=,-";
	struct digest_part part = { identity, strlen(identity) };
	unsigned char hash[32];
	char hex[33];
	struct buf name = BUF_INIT;
	const char *p;

	for (p = identity; *p != '\0'; p++) {
		if (strchr(plain, *p) != NULL &&
		    (*p != '.' || (p > identity && !is_suffix(p))))
			buf_append(&name, p, 1);
		else
			buf_printf(&name, "%%%02X", (unsigned char)*p);
	}
	if (name.len > NAME_MAX_OCTETS) {
		digest_sha256(&part, 1, hash);
		format_hex(hash, 16, hex);
		name.len = NAME_MAX_OCTETS - 33;
		buf_printf(&name, "%%%s", hex);
	}
	return buf_take(&name);
}

char *
state_default_path(const char *identity, struct err *err)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const struct passwd *user;
	char *name, *path;

	/* The XDG specification: a relative path is to be ignored. */
	if (base != NULL && base[0] != '/')
		base = NULL;
	if (base == NULL && (home == NULL || home[0] != '/')) {
		user = getpwuid(getuid());
		home = user == NULL ? NULL : user->pw_dir;
	}
	if (base == NULL && (home == NULL || home[0] != '/')) {
		err_set(err, EX_CONFIG,
		    "no home directory for the state: set HOME or use --state");
		return NULL;
	}
	name = encode_name(identity);
	if (base != NULL)
		path = xasprintf("%s/poplar/%s", base, name);
	else
		path = xasprintf("%s/.local/state/poplar/%s", home, name);
	free(name);
	return path;
}

/* All of path before its last component. The caller frees. */
static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	while (slash > path && slash[-1] == '/')
		slash--;
	return slash == path ? xstrdup("/") :
			       xstrndup(path, (size_t)(slash - path));
}

/* Make dir and at most levels - 1 above it; each is durable in its parent. */
static int
make_dir(const char *dir, int levels, struct err *err)
{
	char *parent;
	int fd, result;

	if (mkdir(dir, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || levels == 1)
			return err_sys(err, EX_CANTCREAT,
			    "cannot make the directory %s", dir);
		parent = parent_of(dir);
		result = make_dir(parent, levels - 1, err);
		free(parent);
		if (result == -1)
			return -1;
		if (mkdir(dir, 0700) == -1 && errno != EEXIST)
			return err_sys(err, EX_CANTCREAT,
			    "cannot make the directory %s", dir);
	}
	parent = parent_of(dir);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		result = err_sys(err, EX_CANTCREAT, "cannot open %s", parent);
	else
		result = sync_dir(fd, parent, err);
	if (fd != -1)
		close(fd);
	free(parent);
	return result;
}

int
file_open_dir(const char *path, bool make, struct err *err)
{
	char *dir = parent_of(path);
	int fd;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT && make && make_dir(dir, 3, err) == 0)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 && err->status == 0)
		err_sys(err, EX_CANTCREAT, "cannot open the directory %s", dir);
	free(dir);
	return fd;
}

int
file_lock(const char *path, struct err *err)
{
	char *lock = xasprintf("%s.lock", path);
	const char *fault;
	struct stat st;
	int fd;

	fd = flopen(lock,
	    O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 && errno == EWOULDBLOCK)
		err_set(err, EX_TEMPFAIL,
		    "another poplar is using the state %s", path);
	else if (fd == -1 &&
	    (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS))
		err_sys(err, EX_CANTCREAT,
		    "the file system of %s has no locks; --state may name a "
		    "file on another one",
		    lock);
	else if (fd == -1)
		err_sys(err, EX_CANTCREAT, "cannot lock %s", lock);
	else if (fstat(fd, &st) == 0 && (fault = owner_fault(&st, 0)) != NULL) {
		/* anybody could keep us out for ever */
		err_set(err, EX_DATAERR, "the lock %s is not used: %s", lock,
		    fault);
		close(fd);
		fd = -1;
	}
	free(lock);
	return fd;
}

static bool
is_symlink(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

int
file_open(const char *path, enum state_mode mode, struct err *err)
{
	int flags = mode == STATE_WRITE ? O_RDWR : O_RDONLY, fd, saved;
	const char *fault;
	struct stat st;

	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 && is_symlink(path)) {
		errno = 0;
		return err_set(err, EX_DATAERR,
		    "the state %s is not used: it is a symbolic link", path);
	}
	if (fd == -1) {
		saved = errno;
		err_sys(err, mode == STATE_WRITE ? EX_CANTCREAT : EX_IOERR,
		    "cannot open the state %s", path);
		errno = saved;
		return -1;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		fault = "it is not a regular file";
	else
		fault = owner_fault(&st, 0);
	if (fault == NULL)
		return fd;
	close(fd);
	errno = 0;
	return err_set(err, EX_DATAERR, "the state %s is not used: %s", path,
	    fault);
}

int
file_create(const char *path, struct err *err)
{
	char *temp = xasprintf("%s.new", path);
	int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);

	if (fd == -1)
		err_sys(err, EX_CANTCREAT, "cannot make %s", temp);
	free(temp);
	return fd;
}

int
file_install(const char *path, int fd, int dir_fd, bool *installed,
    struct err *err)
{
	char *temp = xasprintf("%s.new", path);
	int result = -1;

	*installed = false;
	if (sync_file(fd, temp, err) == -1)
		goto out;
	if (rename(temp, path) == -1) {
		err_sys(err, EX_CANTCREAT, "cannot rename %s", temp);
		goto out;
	}
	*installed = true;
	result = sync_dir(dir_fd, "the directory of the state", err);
out:
	free(temp);
	return result;
}

void
file_discard(const char *path)
{
	char *temp = xasprintf("%s.new", path);

	(void)unlink(temp);
	free(temp);
}

void
file_remove(const char *path, int dir_fd)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	char *lock = xasprintf("%s.lock", name);

	/* the lock last: who opens it before finds by flopen that it is gone */
	(void)unlinkat(dir_fd, name, 0);
	(void)unlinkat(dir_fd, lock, 0);
	free(lock);
}

int
file_size(int fd, const char *path, uint64_t *size, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(err, EX_IOERR, "cannot read %s", path);
	*size = (uint64_t)st.st_size;
	return 0;
}

int
file_cut(int fd, const char *path, uint64_t size, struct err *err)
{
	if (ftruncate(fd, (off_t)size) == -1)
		return err_sys(err, EX_IOERR, "cannot cut %s", path);
	return 0;
}

int
file_read(int fd, const char *path, char *data, size_t len, uint64_t offset,
    size_t *got, struct err *err)
{
	ssize_t n;

	do
		n = pread(fd, data, len, (off_t)offset);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(err, EX_IOERR, "cannot read %s", path);
	*got = (size_t)n;
	return 0;
}

int
file_write(int fd, const char *path, const char *data, size_t len,
    uint64_t offset, struct err *err)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, data, len, (off_t)offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return err_sys(err, EX_IOERR, "cannot write %s", path);
		data += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}
