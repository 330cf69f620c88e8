/* SPDX-License-Identifier: ISC */
/*
 * Recovery of a maildir, for what was committed and is not known to have been
 * applied:
 *	tmp name	name in new/ or cur/	decision
 *	any		yes			applied
 *	one link	no			link it, applied
 *	more links	no			in a folder: applied
 *	more links	no, nor in a folder	link it, applied
 *	none		no			void: fetch it again
 * Without a tmp name a cleaner took it, or links are refused here. More links
 * prove nothing by themselves: a backup by hard links makes some, too.
 */
#include "deliver/maildir.h"

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

/* What is known of one pending message. */
struct trace {
	bool whole;  /* its tmp name, as long as the final name says */
	bool linked; /* its tmp name, and it has a second one somewhere */
	bool found;  /* in new/ or cur/, or filed in a folder */
	dev_t device;
	ino_t inode;
};

int
maildir_scan_begin(struct maildir_scan *scan, int at, const char *name)
{
	int fd;

	/* not the descriptor itself: its position would be shared */
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if ((scan->dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -1;
	}
	errno = 0;
	return 0;
}

const char *
maildir_scan_next(struct maildir_scan *scan)
{
	struct dirent *entry;

	errno = 0;
	while ((entry = readdir(scan->dir)) != NULL)
		if (entry->d_name[0] != '.')
			return entry->d_name;
	return NULL;
}

void
maildir_scan_end(struct maildir_scan *scan)
{
	closedir(scan->dir);
}

/* SECONDS ".p" and the first 8 of ident: one of ours? */
static bool
is_own(const struct deliver *deliver, const char *name)
{
	size_t digits = 0;

	while (isdigit((unsigned char)name[digits]))
		digits++;
	return digits > 0 && strncmp(name + digits, ".p", 2) == 0 &&
	    strncmp(name + digits + 2, deliver->ident, 8) == 0;
}

/* 1, 0, or -1: a directory that cannot be read is not an empty one. */
static int
dir_has_own(const struct deliver *deliver, const char *subdir, struct err *err)
{
	char *path = xasprintf("%s/%s", deliver->path, subdir);
	struct maildir_scan scan;
	const char *name;
	int has = 0;

	if (maildir_scan_begin(&scan, AT_FDCWD, path) == -1) {
		if (errno != ENOENT)
			has = err_sys(err, EX_CANTCREAT, "%s", path);
		free(path);
		return has;
	}
	while (has == 0 && (name = maildir_scan_next(&scan)) != NULL)
		has = is_own(deliver, name);
	if (has == 0 && errno != 0)
		has = err_sys(err, EX_IOERR, "%s", path);
	maildir_scan_end(&scan);
	free(path);
	return has;
}

int
maildir_has_own(struct deliver *deliver, struct err *err)
{
	int has = dir_has_own(deliver, "new", err);

	return has == 0 ? dir_has_own(deliver, "cur", err) : has;
}

/* Without flags, and without the sizes that readers change and add. */
static size_t
base_len(const char *name)
{
	return strcspn(name, ",:");
}

static int
compare(const char *a, const char *b)
{
	size_t a_len = base_len(a), b_len = base_len(b);
	int order;

	order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	if (order != 0)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

struct by_name {
	const char *name;
	struct trace *trace;
};

static int
compare_by_name(const void *a, const void *b)
{
	return compare(((const struct by_name *)a)->name,
	    ((const struct by_name *)b)->name);
}

static int
scan_one(int dir, const struct by_name *list, size_t n, const char *path,
    struct err *err)
{
	struct maildir_scan scan;
	struct by_name key, *hit;

	if (maildir_scan_begin(&scan, dir, ".") == -1)
		return err_sys(err, EX_IOERR, "%s", path);
	while ((key.name = maildir_scan_next(&scan)) != NULL) {
		hit = bsearch(&key, list, n, sizeof(key), compare_by_name);
		if (hit != NULL)
			hit->trace->found = true;
	}
	/* half a directory would have us deliver twice */
	if (errno != 0) {
		err_sys(err, EX_IOERR, "%s", path);
		maildir_scan_end(&scan);
		return -1;
	}
	maildir_scan_end(&scan);
	return 0;
}

/* new/ before cur/: the way a reader moves them meanwhile. */
static int
scan_names(const struct maildir *maildir, const char *path,
    const struct deliver_pending *pending, size_t n, struct trace *traces,
    struct err *err)
{
	struct by_name *list = xcalloc(n + 1, sizeof(*list));
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		list[i].name = pending[i].name;
		list[i].trace = &traces[i];
	}
	qsort(list, n, sizeof(*list), compare_by_name);
	rc = scan_one(maildir->new, list, n, path, err);
	if (rc == 0)
		rc = scan_one(maildir->cur, list, n, path, err);
	free(list);
	return rc;
}

/* The size that the final name states: another one is not our file. */
static bool
has_size(const char *name, off_t size)
{
	const char *text = strstr(name, ",S=");
	uint64_t stated;

	if (text == NULL)
		return true;
	text += 3;
	return parse_u64(text, strlen(text), INT64_MAX, &stated) > 0 &&
	    (off_t)stated == size;
}

static int
look_at_tmp(struct deliver *deliver, const struct maildir *maildir,
    const struct deliver_pending *pending, struct trace *trace, struct err *err)
{
	struct stat st;

	/* it comes from a file: it must not lead elsewhere */
	if (!spool_is_ours(deliver, pending->spool, strlen(pending->spool),
		NULL))
		return 0;
	if (fstatat(maildir->tmp, pending->spool, &st, AT_SYMLINK_NOFOLLOW) ==
	    -1) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, EX_IOERR, "%s/tmp/%s", deliver->path,
		    pending->spool);
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	trace->whole = has_size(pending->name, st.st_size);
	trace->linked = st.st_nlink > 1;
	trace->device = st.st_dev;
	trace->inode = st.st_ino;
	return 0;
}

/* Those with a second name that is not in new/ or cur/: in a folder? */
static void
scan_folders(const char *path, struct trace *traces, size_t n)
{
	struct maildir_filed *list = xcalloc(n + 1, sizeof(*list));
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		if (traces[i].linked && !traces[i].found) {
			list[count].device = traces[i].device;
			list[count++].inode = traces[i].inode;
		}
	if (count > 0)
		maildir_find_filed(path, list, count);
	for (i = count = 0; i < n; i++)
		if (traces[i].linked && !traces[i].found)
			traces[i].found = list[count++].found;
	free(list);
}

/* It comes from a file: it must not lead out of new/. */
static bool
is_file_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static int
decide(struct deliver *deliver, struct maildir *maildir,
    struct deliver_pending *pending, const struct trace *trace, struct err *err)
{
	pending->decision = DELIVER_APPLIED;
	if (trace->found && is_file_name(pending->name))
		return 0;
	if (!trace->whole || !is_file_name(pending->name)) {
		pending->decision = DELIVER_VOID;
		return 0;
	}
	/* EEXIST: it came there since we looked */
	if (maildir_link(maildir, pending->spool, pending->name) == -1 &&
	    errno != EEXIST)
		return err_sys(err, EX_IOERR, "%s/new", deliver->path);
	return 0;
}

/*
 * A device number may change at a reboot (NFS, btrfs), so that another one is
 * no proof; but then something of ours must be seen before we say "void" or
 * link into what may be the empty directory under a missing mount.
 */
static bool
is_the_place(const struct maildir *maildir, uint64_t device,
    const struct trace *traces, size_t n)
{
	size_t i;

	if (maildir->device == device)
		return true;
	for (i = 0; i < n; i++)
		if (traces[i].whole || traces[i].found)
			return true;
	return false;
}

static int
recover_open(struct deliver *deliver, struct maildir *maildir, uint64_t device,
    struct deliver_pending *pending, size_t n, struct err *err)
{
	struct trace *traces = xcalloc(n + 1, sizeof(*traces));
	size_t i;
	int rc = -1;

	for (i = 0; i < n; i++)
		if (look_at_tmp(deliver, maildir, &pending[i], &traces[i],
			err) == -1)
			goto out;
	if (scan_names(maildir, deliver->path, pending, n, traces, err) == -1)
		goto out;
	if (!is_the_place(maildir, device, traces, n)) {
		err_set(err, EX_TEMPFAIL,
		    "%s is on another file system than when mail was left "
		    "unfinished there: not mounted?",
		    deliver->path);
		goto out;
	}
	scan_folders(deliver->path, traces, n);
	for (i = 0; i < n; i++)
		if (decide(deliver, maildir, &pending[i], &traces[i], err) ==
		    -1)
			goto out;
	/* cur/ first: a reader's move must not be durable by half */
	if (sync_dir(maildir->cur, deliver->path, err) == -1 ||
	    sync_dir(maildir->new, deliver->path, err) == -1)
		goto out;
	rc = 0;
out:
	free(traces);
	return rc;
}

int
maildir_recover(struct deliver *deliver, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct maildir maildir;
	int rc;

	(void)hooks;
	if (maildir_init(&maildir, deliver->path, false, err) == -1) {
		err->status = EX_TEMPFAIL;
		return err_prefix(err, "mail was left unfinished there");
	}
	rc = recover_open(deliver, &maildir, device, pending, n, err);
	maildir_clear(&maildir);
	return rc;
}

void
maildir_recovered(struct deliver *deliver,
    const struct deliver_pending *pending, size_t n)
{
	struct maildir maildir;
	struct err err = ERR_INIT;
	size_t i;

	if (maildir_init(&maildir, deliver->path, false, &err) == -1)
		return;
	for (i = 0; i < n; i++)
		if (spool_is_ours(deliver, pending[i].spool,
			strlen(pending[i].spool), NULL))
			unlinkat(maildir.tmp, pending[i].spool, 0);
	maildir_clear(&maildir);
}
