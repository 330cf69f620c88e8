/* SPDX-License-Identifier: ISC */
/*
 * Delivery into a maildir: a file in tmp/, a link to it in new/. The tmp name
 * stays until the message is on record, as the proof that it was linked
 * wherever a reader may have moved it since.
 */
#include "deliver/maildir.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

/* Octets of one message after which write-back is started again. */
#define WRITE_BACK_STEP (8 * 1024 * 1024)

static const char *const subdirs[] = { "cur", "new", "tmp" };

/* mkdir, 0700 whatever the umask. 1: it was there already. */
static int
make_dir(int at, const char *name, const char *path, struct err *err)
{
	if (mkdirat(at, name, 0700) == -1) {
		if (errno == EEXIST)
			return 1;
		return deliver_cannot_make(path, err);
	}
	if (fchmodat(at, name, 0700, 0) == -1)
		return err_sys(err, EX_CANTCREAT, "%s", path);
	return 0;
}

/*
 * Make what is missing. tmp comes last, and only when the others are durable:
 * where there is a tmp nothing needs to be synced again, even if the one who
 * made it was killed.
 */
static int
make_subdirs(int dir, const char *path, struct err *err)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (make_dir(dir, subdirs[i], path, err) == -1)
			return -1;
	if (sync_dir(dir, path, err) == -1 || sync_parent(path, err) == -1 ||
	    make_dir(dir, subdirs[2], path, err) == -1)
		return -1;
	return sync_dir(dir, path, err);
}

/* Dot files count too: it might be somebody's home. */
static bool
is_empty(int dir)
{
	struct maildir_scan scan;
	struct dirent *entry;
	size_t count = 0;

	if (maildir_scan_begin(&scan, dir, ".") == -1)
		return false;
	while ((entry = readdir(scan.dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	maildir_scan_end(&scan);
	return count == 0;
}

/* dir is a maildir afterwards, or it is not to be made one. */
static int
complete(int dir, const char *path, struct err *err)
{
	size_t i, there = 0;
	struct stat st;

	for (i = 0; i < 3; i++)
		there += fstatat(dir, subdirs[i], &st, 0) == 0;
	if (there == 3)
		return 0;
	if (there == 0 && !is_empty(dir))
		return err_set(err, EX_CANTCREAT,
		    "%s is a directory with other things in it, not a maildir",
		    path);
	return make_subdirs(dir, path, err);
}

static int
open_subdirs(struct maildir *maildir, int dir, const char *path,
    struct err *err)
{
	int *const fds[] = { &maildir->cur, &maildir->new, &maildir->tmp };
	struct stat st[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		*fds[i] =
		    openat(dir, subdirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*fds[i] == -1 || fstat(*fds[i], &st[i]) == -1)
			return err_sys(err, EX_CANTCREAT, "%s/%s", path,
			    subdirs[i]);
	}
	if (st[1].st_dev != st[2].st_dev)
		return err_set(err, EX_CANTCREAT,
		    "%s: tmp and new are on different file systems", path);
	maildir->device = st[1].st_dev;
	return 0;
}

static int
check_writable(const struct maildir *maildir, const char *path, struct err *err)
{
	if (faccessat(maildir->tmp, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return err_sys(err, EX_CANTCREAT, "%s/tmp", path);
	if (faccessat(maildir->new, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return err_sys(err, EX_CANTCREAT, "%s/new", path);
	return 0;
}

void
maildir_clear(struct maildir *maildir)
{
	if (maildir->tmp != -1)
		close(maildir->tmp);
	if (maildir->new != -1)
		close(maildir->new);
	if (maildir->cur != -1)
		close(maildir->cur);
	maildir->tmp = maildir->new = maildir->cur = -1;
}

int
maildir_init(struct maildir *maildir, const char *path, bool make,
    struct err *err)
{
	int dir, rc = -1;

	maildir->tmp = maildir->new = maildir->cur = -1;
	maildir->no_links = false;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 && errno == ENOENT && make) {
		if (make_dir(AT_FDCWD, path, path, err) == -1)
			return -1;
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir == -1 && errno == ENOTDIR)
		return err_set(err, EX_CANTCREAT, "%s is not a maildir", path);
	if (dir == -1)
		return err_sys(err, EX_CANTCREAT, "%s", path);
	if (make && complete(dir, path, err) == -1)
		goto out;
	if (open_subdirs(maildir, dir, path, err) == -1 ||
	    check_writable(maildir, path, err) == -1)
		goto out;
	rc = 0;
out:
	close(dir);
	if (rc == -1)
		maildir_clear(maildir);
	return rc;
}

static int
open_maildir(struct deliver *deliver, struct err *err)
{
	struct maildir *maildir = xcalloc(1, sizeof(*maildir));

	if (maildir_init(maildir, deliver->path, true, err) == -1) {
		free(maildir);
		return -1;
	}
	deliver->device = maildir->device;
	deliver->batch_dir = maildir->tmp;
	deliver->work = maildir;
	return 0;
}

static void
close_maildir(struct deliver *deliver)
{
	maildir_clear(deliver->work);
	free(deliver->work);
}

static int
begin(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	struct maildir *maildir = deliver->work;

	item->fd = spool_create(deliver, maildir->tmp, deliver->path,
	    &item->number, err);
	return item->fd == -1 ? -1 : 0;
}

static int
write_octets(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err)
{
	/* a large message reaches the disk while more of it comes in */
	if (item->octets / WRITE_BACK_STEP !=
	    (item->octets + len) / WRITE_BACK_STEP)
		spool_start(deliver, item->fd, WRITE_BACK_STEP);
	return spool_write(item->fd, data, len, deliver->path, err);
}

static int
end(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	(void)err;
	spool_start(deliver, item->fd, item->octets);
	return 0;
}

static void
remove_tmp(struct deliver *deliver, const struct deliver_item *item)
{
	struct maildir *maildir = deliver->work;
	char name[SPOOL_NAME_MAX];

	if (item->number == 0)
		return;
	spool_name(deliver, item->number, name);
	unlinkat(maildir->tmp, name, 0);
}

static void
drop(struct deliver *deliver, struct deliver_item *item)
{
	if (item->fd != -1)
		close(item->fd);
	item->fd = -1;
	remove_tmp(deliver, item);
	item->number = 0;
}

static void
release(struct deliver *deliver, struct deliver_item *const *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		drop(deliver, items[i]);
}

static char *
spool(struct deliver *deliver, const struct deliver_item *item)
{
	char name[SPOOL_NAME_MAX];

	spool_name(deliver, item->number, name);
	return xstrdup(name);
}

static int
sync_items(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    struct err *err)
{
	struct maildir *maildir = deliver->work;
	int *fds = xcalloc(n + 1, sizeof(*fds));
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		fds[i] = items[i]->fd;
	rc = spool_sync(deliver, fds, n, maildir->tmp, deliver->path, err);
	for (i = 0; i < n; i++) {
		/* NFS and quotas speak up here */
		if (fds[i] != -1 && close(fds[i]) == -1 && rc == 0)
			rc = err_sys(err, EX_IOERR, "%s", deliver->path);
		items[i]->fd = -1;
	}
	free(fds);
	return rc;
}

static int
move(const struct maildir *maildir, const char *from, const char *to)
{
	struct stat st;

	if (renameat2(maildir->tmp, from, maildir->new, to, RENAME_NOREPLACE) ==
	    0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (fstatat(maildir->new, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(maildir->tmp, from, maildir->new, to);
}

static bool
is_same(const struct maildir *maildir, const char *from, const char *to)
{
	struct stat a, b;

	return fstatat(maildir->tmp, from, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(maildir->new, to, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
maildir_link(struct maildir *maildir, const char *from, const char *to)
{
	int rc = -1;

	if (!maildir->no_links) {
		rc = linkat(maildir->tmp, from, maildir->new, to, 0);
		if (rc == -1 && deliver_links_are_refused(errno))
			maildir->no_links = true;
	}
	/* new/ is synced before any later sync of tmp/, by our callers */
	if (maildir->no_links)
		rc = move(maildir, from, to);
	if (rc == -1 && errno == EEXIST) {
		if (is_same(maildir, from, to))
			return 0;
		errno = EEXIST;
	}
	return rc;
}

/* What befell this one name, not the destination. */
static bool
concerns_item(int error)
{
	return error == EEXIST || error == ENOENT || error == ENAMETOOLONG;
}

static int
apply(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct maildir *maildir = deliver->work;
	char name[SPOOL_NAME_MAX];
	size_t i, done = 0;

	(void)hooks;
	for (i = 0; i < n; i++) {
		spool_name(deliver, items[i]->number, name);
		items[i]->failed = 0;
		if (maildir_link(maildir, name, items[i]->name) == 0) {
			done++;
			continue;
		}
		if (!concerns_item(errno))
			return err_sys(err, EX_IOERR, "%s/new", deliver->path);
		items[i]->failed = errno == ENOENT ? EX_TEMPFAIL : EX_CANTCREAT;
		err_sys(&items[i]->err, items[i]->failed, "%s/new/%s",
		    deliver->path, items[i]->name);
	}
	if (done == 0)
		return 0;
	return sync_dir(maildir->new, deliver->path, err);
}

static void
sweep(struct deliver *deliver, const char *const *keep, size_t n)
{
	struct maildir *maildir = deliver->work;

	spool_sweep(deliver, maildir->tmp, keep, n);
}

const struct kind kind_maildir = {
	.name = "maildir",
	.journalled = true,
	.open = open_maildir,
	.close = close_maildir,
	.has_own = maildir_has_own,
	.begin = begin,
	.write = write_octets,
	.end = end,
	.drop = drop,
	.spool = spool,
	.sync = sync_items,
	.apply = apply,
	.release = release,
	.recover = maildir_recover,
	.recovered = maildir_recovered,
	.sweep = sweep,
};
