/* SPDX-License-Identifier: ISC */
/* The table of kinds, and what all of them have in common: names. */
#include "deliver/deliver.h"

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"

static const struct kind *const kinds[] = { &kind_maildir, &kind_mbox,
	&kind_pipe, &kind_lmtp, &kind_stdout };

/* Digits of the identity's hash in a final name. */
#define NAME_IDENT_LEN 8
/* So that flags and other readers' additions fit in 255 octets too. */
#define HOST_MAX 128

static const struct kind *
find_kind(const char *name, const char *path)
{
	size_t i;

	/* mboxrd to standard output has no file to lock, mark or mend */
	if (strcmp(name, "mbox") == 0 && strcmp(path, "-") == 0)
		return &kind_mbox_stdout;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

/*
 * File systems without links: vfat, some network ones; AFS between
 * directories; Android does not let programs make any (EACCES).
 */
bool
deliver_links_are_refused(int error)
{
	return error == EPERM || error == EACCES || error == EOPNOTSUPP ||
	    error == ENOTSUP || error == ENOSYS || error == EXDEV ||
	    error == EMLINK;
}

int
deliver_cannot_make(const char *path, struct err *err)
{
	char *copy;

	if (errno != ENOENT)
		return err_sys(err, EX_CANTCREAT, "cannot make %s", path);
	copy = xstrdup(path);
	(void)err_set(err, EX_CANTCREAT,
	    "cannot make %s: there is no directory %s; make it first", path,
	    dirname(copy));
	free(copy);
	return -1;
}

/* The host's name as the third part of a maildir name takes it. */
static char *
host_name(void)
{
	struct buf buf = BUF_INIT;
	char host[256];
	const char *p;

	if (gethostname(host, sizeof(host)) == -1 || host[0] == '\0')
		snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	for (p = host; *p != '\0' && buf.len < HOST_MAX; p++) {
		if (isalnum((unsigned char)*p) || strchr("-._", *p) != NULL)
			buf_append(&buf, p, 1);
		else
			buf_printf(&buf, "\\%03o", (unsigned char)*p);
	}
	return buf_take(&buf);
}

/* path from the root, without slashes at its end. */
static char *
absolute(const char *path, struct err *err)
{
	char *cwd, *whole;
	size_t len;

	if (path[0] == '/') {
		whole = xstrdup(path);
	} else {
		if ((cwd = getcwd(NULL, 0)) == NULL) {
			err_sys(err, EX_CANTCREAT, "%s", path);
			return NULL;
		}
		whole = xasprintf("%s/%s", cwd, path);
		free(cwd);
	}
	for (len = strlen(whole); len > 1 && whole[len - 1] == '/'; len--)
		whole[len - 1] = '\0';
	return whole;
}

static void
set_ident(struct deliver *deliver)
{
	struct digest_part part = { deliver->identity,
		strlen(deliver->identity) };
	unsigned char hash[32];

	digest_sha256(&part, 1, hash);
	format_hex(hash, DELIVER_IDENT_LEN / 2, deliver->ident);
}

static char *
dup_or_null(const char *text)
{
	return text == NULL ? NULL : xstrdup(text);
}

static void
free_deliver(struct deliver *deliver)
{
	if (deliver->spool_is_private)
		(void)rmdir(deliver->spool_dir);
	sync_free(deliver->sync);
	free(deliver->path);
	free(deliver->identity);
	free(deliver->spool_dir);
	free(deliver->account);
	free(deliver->recipient);
	free(deliver->received);
	free(deliver->host);
	free(deliver);
}

static const char *
temporary_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

/*
 * Spools among other people's files: in a directory of their own, with a name
 * that nobody can foresee.
 */
static int
make_spool_dir(struct deliver *deliver, struct err *err)
{
	char *dir = xasprintf("%s/poplar-XXXXXX", temporary_dir());

	if (mkdtemp(dir) == NULL) {
		err_sys(err, EX_CANTCREAT, "cannot make %s", dir);
		free(dir);
		return -1;
	}
	free(deliver->spool_dir);
	deliver->spool_dir = dir;
	deliver->spool_is_private = true;
	return 0;
}

/* Everything but the destination itself, which is not touched. */
static struct deliver *
new_deliver(const struct deliver_spec *spec, struct err *err)
{
	const char *path = spec->path == NULL ? "-" : spec->path;
	const struct kind *kind;
	struct deliver *deliver;
	mode_t mask;

	if ((kind = find_kind(spec->kind, path)) == NULL) {
		err_set(err, EX_CONFIG, "%s: no such kind of destination",
		    spec->kind);
		return NULL;
	}
	deliver = xcalloc(1, sizeof(*deliver));
	deliver->kind = kind;
	if (kind->journalled)
		deliver->path = absolute(path, err);
	else
		deliver->path = xstrdup(path);
	if (deliver->path == NULL) {
		free_deliver(deliver);
		return NULL;
	}
	deliver->identity = xstrdup(spec->identity);
	deliver->spool_dir = xstrdup(
	    spec->spool_dir != NULL ? spec->spool_dir : temporary_dir());
	deliver->account = dup_or_null(spec->account);
	deliver->recipient = dup_or_null(spec->recipient);
	deliver->show = spec->show;
	if (spec->received != NULL)
		deliver->received = xasprintf("Received: %s\n", spec->received);
	deliver->host = host_name();
	if (spec->key != NULL)
		memcpy(deliver->key, spec->key, sizeof(deliver->key));
	deliver->sync_mode = spec->sync;
	deliver->timeout_ms = spec->timeout_ms;
	deliver->until_ms =
	    spec->until_ms != 0 ? spec->until_ms : DEADLINE_NEVER;
	deliver->batch_dir = -1;
	deliver->next = 1;
	mask = umask(077);
	umask(mask);
	deliver->fix_mode = (mask & 0700) != 0;
	set_ident(deliver);
	return deliver;
}

struct deliver *
deliver_open(const struct deliver_spec *spec, struct err *err)
{
	struct deliver *deliver;

	if ((deliver = new_deliver(spec, err)) == NULL)
		return NULL;
	if ((spec->spool_dir == NULL && deliver->kind->has_spools &&
		make_spool_dir(deliver, err) == -1) ||
	    deliver->kind->open(deliver, err) == -1) {
		free_deliver(deliver);
		return NULL;
	}
	if (deliver->batch_dir != -1)
		deliver->sync = sync_new(deliver->sync_mode);
	return deliver;
}

void
deliver_close(struct deliver *deliver)
{
	if (deliver == NULL)
		return;
	if (deliver->kind->close != NULL)
		deliver->kind->close(deliver);
	free_deliver(deliver);
}

bool
deliver_is_journalled(const struct deliver *deliver)
{
	return deliver->kind->journalled;
}

const char *
deliver_kind(const struct deliver *deliver)
{
	return deliver->kind->name;
}

const char *
deliver_path(const struct deliver *deliver)
{
	return deliver->path;
}

uint64_t
deliver_device(const struct deliver *deliver)
{
	return deliver->device;
}

int
deliver_has_own(const struct deliver_spec *spec, struct err *err)
{
	struct deliver *deliver;
	int has = 0;

	if ((deliver = new_deliver(spec, err)) == NULL)
		return -1;
	if (deliver->kind->has_own != NULL)
		has = deliver->kind->has_own(deliver, err);
	free_deliver(deliver);
	return has;
}

int
deliver_probe(struct deliver *deliver, struct err *err)
{
	return deliver->kind->probe == NULL ?
	    0 :
	    deliver->kind->probe(deliver, err);
}

int
deliver_look(struct deliver *deliver, struct err *err)
{
	return deliver->kind->look == NULL ? deliver_probe(deliver, err) :
					     deliver->kind->look(deliver, err);
}

int
deliver_begin(struct deliver *deliver, struct deliver_item *item,
    struct err *err)
{
	item->fd = -1;
	item->number = item->offset = item->length = item->octets = 0;
	item->name[0] = '\0';
	item->failed = 0;
	item->err.status = 0;
	item->err.text[0] = '\0';
	if (deliver->sync != NULL &&
	    sync_begin(deliver->sync, deliver->batch_dir, err) == -1)
		return err_prefix(err, "%s", deliver->path);
	if (deliver->kind->begin(deliver, item, err) == -1)
		return -1;
	if (deliver->received != NULL)
		return deliver_write(deliver, item, deliver->received,
		    strlen(deliver->received), err);
	return 0;
}

int
deliver_write(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err)
{
	if (deliver->kind->write(deliver, item, data, len, err) == -1)
		return -1;
	item->octets += len;
	return 0;
}

int
deliver_end(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	if (deliver->kind->end == NULL)
		return 0;
	return deliver->kind->end(deliver, item, err);
}

void
deliver_drop(struct deliver *deliver, struct deliver_item *item)
{
	deliver->kind->drop(deliver, item);
}

void
deliver_cut(struct deliver *deliver)
{
	if (deliver->kind->cut != NULL)
		deliver->kind->cut(deliver);
}

void
deliver_name(struct deliver *deliver, struct deliver_item *item,
    uint32_t seconds, const unsigned char digest[DIGEST_LEN], unsigned int copy)
{
	unsigned char hash[32];
	char number[16], hex[17];
	struct digest_part parts[4];

	snprintf(number, sizeof(number), "%u", copy);
	parts[0].data = deliver->identity;
	parts[0].len = strlen(deliver->identity);
	parts[1].data = item->uid == NULL ? "" : item->uid;
	parts[1].len = item->uid == NULL ? 0 : item->uid_len;
	parts[2].data = digest;
	parts[2].len = DIGEST_LEN;
	parts[3].data = number;
	parts[3].len = strlen(number);
	digest_sha256(parts, 4, hash);
	format_hex(hash, 8, hex);
	snprintf(item->name, sizeof(item->name),
	    "%" PRIu32 ".p%.*s%s.%s,S=%" PRIu64, seconds, NAME_IDENT_LEN,
	    deliver->ident, hex, deliver->host, item->octets);
}

char *
deliver_spool(struct deliver *deliver, const struct deliver_item *item)
{
	if (deliver->kind->spool == NULL)
		return xstrdup("");
	return deliver->kind->spool(deliver, item);
}

int
deliver_sync(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, struct err *err)
{
	if (deliver->kind->sync == NULL)
		return 0;
	return deliver->kind->sync(deliver, items, n, err);
}

int
deliver_apply(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, const struct deliver_hooks *hooks, struct err *err)
{
	return deliver->kind->apply(deliver, items, n, hooks, err);
}

void
deliver_release(struct deliver *deliver, struct deliver_item *const *items,
    size_t n)
{
	deliver->kind->release(deliver, items, n);
}

int
deliver_recover(const struct deliver_spec *spec, uint64_t device,
    struct deliver_pending *pending, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct deliver *deliver;
	size_t i;
	int rc = 0;

	if ((deliver = new_deliver(spec, err)) == NULL)
		return -1;
	/* a path that is not absolute was not written by us */
	if (deliver->kind->recover != NULL && spec->path[0] == '/')
		rc = deliver->kind->recover(deliver, device, pending, n, hooks,
		    err);
	else /* other kinds write no C records */
		for (i = 0; i < n; i++)
			pending[i].decision = DELIVER_VOID;
	free_deliver(deliver);
	return rc;
}

void
deliver_recovered(const struct deliver_spec *spec,
    const struct deliver_pending *pending, size_t n)
{
	struct deliver *deliver;
	struct err err = ERR_INIT;

	if ((deliver = new_deliver(spec, &err)) == NULL)
		return;
	if (deliver->kind->recovered != NULL)
		deliver->kind->recovered(deliver, pending, n);
	free_deliver(deliver);
}

void
deliver_sweep(struct deliver *deliver, const char *const *keep, size_t n)
{
	struct err err = ERR_INIT;
	int dirfd;

	/* spools of an earlier run may be there whatever the kind is now */
	if ((dirfd = spool_open_dir(deliver, &err)) != -1) {
		spool_sweep(deliver, dirfd, keep, n);
		close(dirfd);
	}
	if (deliver->kind->sweep != NULL)
		deliver->kind->sweep(deliver, keep, n);
}
