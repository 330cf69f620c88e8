/* SPDX-License-Identifier: ISC */
/*
 * Recovery of an mbox, under its locks. Messages of one M record are a group,
 * appended as one stretch at "before". With the file still the same:
 *	size as before			append
 *	our stretch is there, whole	applied, whatever follows
 *	a tail no longer than ours,	cut back to before, append
 *	 each 4 KiB block ours or NUL
 * In any other case somebody has written behind us or rewritten the file: those
 * of our messages that are in it are applied, the others appended once more,
 * and nothing is ever cut.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/owner.h"
#include "base/parse.h"
#include "base/sync.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"
#include "deliver/mbox.h"
#include "deliver/mbox_search.h"

#define BLOCK 4096
/* mbox_append() puts at most that many newlines first. */
#define NEWLINES_MAX 2

struct recovery {
	struct deliver *deliver;
	struct mbox_file file;
	struct deliver_pending *pending;
	struct mbox_wanted *wanted; /* owned; one for each pending */
	size_t n;
	bool same_device, evidence;
};

/* FILE:OFFSET:LENGTH of this identity. -1: it is something else. */
static int
parse_spool(const struct deliver *deliver, const char *spool,
    char name[SPOOL_NAME_MAX], struct mbox_part *part)
{
	size_t len = strcspn(spool, ":"), digits;
	const char *p = spool + len;

	if (len >= SPOOL_NAME_MAX ||
	    !spool_is_ours(deliver, spool, len, NULL) || *p++ != ':')
		return -1;
	digits = parse_u64(p, strlen(p), INT64_MAX, &part->offset);
	if (digits == 0 || p[digits] != ':')
		return -1;
	p += digits + 1;
	digits =
	    parse_u64(p, strlen(p), INT64_MAX - part->offset, &part->length);
	if (digits == 0 || p[digits] != '\0')
		return -1;
	memcpy(name, spool, len);
	name[len] = '\0';
	return 0;
}

/* The spool file, if it is there and long enough; -1: that cannot be told. */
static int
open_part(struct deliver *deliver, int dirfd, const char *spool,
    struct mbox_part *part, struct err *err)
{
	char name[SPOOL_NAME_MAX];
	struct stat st;
	int fd;

	part->fd = -1;
	part->offset = part->length = 0;
	if (parse_spool(deliver, spool, name, part) == -1)
		return 0;
	fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && (errno == ENOENT || errno == ELOOP))
		return 0;
	/* out of descriptors is not gone: what we have begun would stay cut */
	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(err, EX_IOERR, "%s/%s", deliver->spool_dir, name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	if (S_ISREG(st.st_mode) && owner_fault(&st, 0) == NULL &&
	    (uint64_t)st.st_size >= part->offset + part->length)
		part->fd = fd;
	else
		close(fd);
	return 0;
}

static int
open_parts(struct recovery *recovery, struct err *err)
{
	size_t i;
	int dirfd, rc = 0;

	recovery->wanted = xcalloc(recovery->n + 1, sizeof(struct mbox_wanted));
	for (i = 0; i < recovery->n; i++)
		recovery->wanted[i].part.fd = -1;
	if ((dirfd = spool_open_dir(recovery->deliver, err)) == -1)
		return -1;
	for (i = 0; i < recovery->n && rc == 0; i++)
		rc = open_part(recovery->deliver, dirfd,
		    recovery->pending[i].spool, &recovery->wanted[i].part, err);
	close(dirfd);
	return rc;
}

static void
close_parts(struct recovery *recovery)
{
	size_t i;

	for (i = 0; i < recovery->n; i++)
		if (recovery->wanted[i].part.fd != -1)
			close(recovery->wanted[i].part.fd);
	free(recovery->wanted);
}

/* A group: pending[first] to pending[end - 1], of one M record. */
struct group {
	struct recovery *recovery;
	const struct deliver_pending *mark; /* its first */
	size_t first, end;
	struct mbox_part *parts; /* owned; of those not found */
	size_t count;
	bool spools;     /* all of parts can be read */
	bool fits;       /* newlines and parts make up the mark's length */
	size_t newlines; /* if it fits */
};

/* What the mark covers, as far as it is not accounted for. */
static void
gather(struct group *group)
{
	struct mbox_wanted *wanted = group->recovery->wanted;
	bool known = true;
	uint64_t sum = 0;
	size_t i;

	group->count = 0;
	group->spools = true;
	for (i = group->first; i < group->end; i++) {
		if (wanted[i].found)
			continue;
		group->parts[group->count++] = wanted[i].part;
		sum += wanted[i].part.length;
		/* a record without a length must not be counted in */
		if (wanted[i].part.length == 0)
			known = false;
		if (wanted[i].part.fd == -1)
			group->spools = false;
	}
	group->fits = known && sum > 0 && group->mark->length >= sum &&
	    group->mark->length - sum <= NEWLINES_MAX;
	if (group->fits)
		group->newlines = (size_t)(group->mark->length - sum);
}

static int
search(struct group *group, uint64_t limit, struct err *err)
{
	struct recovery *recovery = group->recovery;

	if (mbox_search(recovery->file.fd, limit,
		recovery->wanted + group->first, group->end - group->first,
		recovery->file.path, err) == -1)
		return -1;
	gather(group);
	return 0;
}

/* Is what the mark announced in its place, whole? 1, 0, -1. */
static int
is_whole(struct group *group, struct err *err)
{
	struct mbox_file *file = &group->recovery->file;
	const struct deliver_pending *mark = group->mark;
	struct mbox_part there = { file->fd, mark->before, mark->length };
	unsigned char digest[DIGEST_LEN];

	if (file->size < mark->before ||
	    file->size - mark->before < mark->length)
		return 0;
	if (mbox_digest(group->recovery->deliver->key, 0, &there, 1, digest,
		err) == -1)
		return -1;
	return memcmp(digest, mark->mark_digest, DIGEST_LEN) == 0;
}

/* Are the parts that we have what the mark announced? 1, 0, -1. */
static int
is_announced(struct group *group, struct err *err)
{
	unsigned char digest[DIGEST_LEN];

	if (!group->fits || !group->spools)
		return 0;
	if (mbox_digest(group->recovery->deliver->key, group->newlines,
		group->parts, group->count, digest, err) == -1)
		return -1;
	return memcmp(digest, group->mark->mark_digest, DIGEST_LEN) == 0;
}

/* len octets of newlines and parts from offset on. */
static int
read_ours(const struct group *group, uint64_t offset, char *data, size_t len,
    struct err *err)
{
	size_t i, n;

	while (len > 0 && offset < group->newlines) {
		*data++ = '\n';
		offset++;
		len--;
	}
	offset -= offset < group->newlines ? offset : group->newlines;
	for (i = 0; i < group->count && len > 0; i++) {
		const struct mbox_part *part = &group->parts[i];

		if (offset >= part->length) {
			offset -= part->length;
			continue;
		}
		n = len;
		if (n > part->length - offset)
			n = (size_t)(part->length - offset);
		if (spool_read(part->fd, data, n, part->offset + offset,
			"spool file", err) == -1)
			return -1;
		data += n;
		len -= n;
		offset = 0;
	}
	return 0;
}

/* Ours from its beginning, NUL from somewhere on: as a crash leaves it. */
static bool
block_is_ours(const char *there, const char *ours, size_t len)
{
	size_t i = 0;

	while (i < len && there[i] == ours[i])
		i++;
	while (i < len && there[i] == '\0')
		i++;
	return i == len;
}

/* Is every block of the file from before on ours or NUL? 1, 0, -1. */
static int
tail_is_ours(struct group *group, struct err *err)
{
	const struct mbox_file *file = &group->recovery->file;
	uint64_t at = group->mark->before;
	char there[BLOCK], ours[BLOCK];
	size_t len;

	while (at < file->size) {
		len = BLOCK - (size_t)(at % BLOCK);
		if (len > file->size - at)
			len = (size_t)(file->size - at);
		if (spool_read(file->fd, there, len, at, file->path, err) ==
			-1 ||
		    read_ours(group, at - group->mark->before, ours, len,
			err) == -1)
			return -1;
		if (!block_is_ours(there, ours, len))
			return 0;
		at += len;
	}
	return 1;
}

static void
all_found(struct group *group)
{
	size_t i;

	for (i = group->first; i < group->end; i++)
		group->recovery->wanted[i].found = true;
	group->recovery->evidence = true;
	group->count = 0;
}

static int
cut_tail(struct group *group, struct err *err)
{
	struct mbox_file *file = &group->recovery->file;

	if (ftruncate(file->fd, (off_t)group->mark->before) == -1)
		return err_sys(err, EX_IOERR, "%s", file->path);
	if (sync_file(file->fd, file->path, err) == -1)
		return -1;
	file->size = group->mark->before;
	return 0;
}

/* The torn tail of a crash, and nothing else, behind before? 1: cut. */
static int
mend_tail(struct group *group, struct err *err)
{
	const struct mbox_file *file = &group->recovery->file;
	int rc;

	if (file->size - group->mark->before > group->mark->length)
		return 0;
	if ((rc = is_announced(group, err)) == 1 &&
	    (rc = tail_is_ours(group, err)) == 1)
		return cut_tail(group, err) == -1 ? -1 : 1;
	return rc;
}

/* Somebody else has been at the file. */
static int
look_everywhere(struct group *group, struct err *err)
{
	const char *path = group->recovery->file.path;
	size_t before = group->count;

	if (search(group, group->recovery->file.size, err) == -1)
		return -1;
	if (group->count < before)
		group->recovery->evidence = true;
	if (group->count > 0 && group->spools)
		log_warn("%s was changed by another program after a crash: "
			 "unfinished messages are appended again (%zu)",
		    path, group->count);
	return 0;
}

/* Which of the group are there? */
static int
settle(struct group *group, struct err *err)
{
	const struct mbox_file *file = &group->recovery->file;
	const struct deliver_pending *mark = group->mark;
	bool same = file->inode == mark->inode && file->size >= mark->before;
	int rc;

	gather(group);
	/* an earlier recovery appended but some of them: where are the rest? */
	if (!group->fits &&
	    search(group, same ? mark->before : file->size, err) == -1)
		return -1;
	if (group->count == 0)
		return 0;
	if (!same)
		return look_everywhere(group, err);
	/* known by its number, whatever device it is on */
	group->recovery->evidence = true;
	if (group->fits && (rc = is_whole(group, err)) != 0) {
		if (rc == 1)
			all_found(group);
		return rc == 1 ? 0 : -1;
	}
	if (file->size == mark->before)
		return 0;
	if ((rc = mend_tail(group, err)) != 0)
		return rc == 1 ? 0 : -1;
	return look_everywhere(group, err);
}

static int
settle_groups(struct recovery *recovery, struct err *err)
{
	struct group group = { .recovery = recovery };
	const struct deliver_pending *pending = recovery->pending;
	size_t i, end;
	int rc = 0;

	group.parts = xcalloc(recovery->n + 1, sizeof(*group.parts));
	for (i = 0; i < recovery->n && rc == 0; i = end) {
		end = i + 1;
		if (!pending[i].marked)
			continue;
		while (end < recovery->n && pending[end].marked &&
		    pending[end].group == pending[i].group)
			end++;
		group.first = i;
		group.end = end;
		group.mark = &pending[i];
		rc = settle(&group, err);
	}
	free(group.parts);
	return rc;
}

/* Everything that is not there and can be read. */
static int
append_rest(struct recovery *recovery, const struct deliver_hooks *hooks,
    struct err *err)
{
	struct mbox_part *parts;
	size_t i, count = 0;
	int rc = 0;

	parts = xcalloc(recovery->n + 1, sizeof(*parts));
	for (i = 0; i < recovery->n; i++) {
		if (recovery->wanted[i].found)
			continue;
		if (recovery->wanted[i].part.fd != -1)
			parts[count++] = recovery->wanted[i].part;
	}
	if (count > 0)
		rc = mbox_append(recovery->deliver, &recovery->file, parts,
		    count, hooks, err);
	free(parts);
	return rc;
}

static int
recover_locked(struct recovery *recovery, const struct deliver_hooks *hooks,
    struct err *err)
{
	struct mbox_file *file = &recovery->file;
	size_t i;

	if (settle_groups(recovery, err) == -1)
		return -1;
	/* a device's number may change at a reboot; then something of ours
	 * must have been seen */
	if (!recovery->same_device && !recovery->evidence)
		return err_set(err, EX_TEMPFAIL,
		    "%s is on another file system than when mail was left "
		    "unfinished there: not mounted?",
		    file->path);
	if (append_rest(recovery, hooks, err) == -1)
		return -1;
	for (i = 0; i < recovery->n; i++)
		recovery->pending[i].decision = recovery->wanted[i].found ||
			recovery->wanted[i].part.fd != -1 ?
		    DELIVER_APPLIED :
		    DELIVER_VOID;
	/* found may mean: found in memory only */
	return sync_file(file->fd, file->path, err);
}

int
mbox_recover(struct deliver *deliver, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct recovery recovery = { .deliver = deliver,
		.pending = pending,
		.n = n };
	int rc = -1;

	if (mbox_file_open(&recovery.file, deliver->path, err) == -1)
		return err_prefix(err, "mail was left unfinished");
	recovery.same_device = recovery.file.device == device;
	if (open_parts(&recovery, err) == 0)
		rc = recover_locked(&recovery, hooks, err);
	close_parts(&recovery);
	mbox_file_close(&recovery.file);
	return rc;
}

void
mbox_recovered(struct deliver *deliver, const struct deliver_pending *pending,
    size_t n)
{
	char name[SPOOL_NAME_MAX];
	struct mbox_part part;
	struct err err = ERR_INIT;
	size_t i;
	int dirfd;

	if ((dirfd = spool_open_dir(deliver, &err)) == -1)
		return;
	for (i = 0; i < n; i++)
		if (parse_spool(deliver, pending[i].spool, name, &part) == 0)
			unlinkat(dirfd, name, 0);
	close(dirfd);
}
