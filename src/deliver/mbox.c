/* SPDX-License-Identifier: ISC */
/*
 * Delivery into an mbox. A batch is one spool file that holds its messages as
 * they will be appended; applied, they are copied behind what the mbox has, as
 * one stretch that an M record describes beforehand.
 */
#include "deliver/mbox.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"
#include "deliver/mbox_quote.h"

/* A batch's spool file. */
struct batch {
	struct batch *next;
	int fd;
	uint64_t number;
	uint64_t length;
	size_t items; /* neither dropped nor released */
};

struct mbox {
	int spool_dir;
	struct batch *batches;    /* owned; the newest first */
	struct batch *current;    /* one of them, or NULL after a cut */
	struct mbox_quote *quote; /* owned; the message being received */
};

static struct batch *
batch_of(struct mbox *mbox, const struct deliver_item *item)
{
	struct batch *batch = mbox->batches;

	while (batch != NULL && batch->number != item->number)
		batch = batch->next;
	return batch;
}

static void
free_batch(struct mbox *mbox, struct batch *batch)
{
	struct batch **p = &mbox->batches;

	while (*p != batch)
		p = &(*p)->next;
	*p = batch->next;
	if (batch->fd != -1)
		close(batch->fd);
	free(batch);
}

/* The spool goes away with its last message. */
static void
remove_if_done(struct deliver *deliver, struct batch *batch)
{
	struct mbox *mbox = deliver->work;
	char name[SPOOL_NAME_MAX];

	if (batch->items > 0 || batch == mbox->current)
		return;
	spool_name(deliver, batch->number, name);
	unlinkat(mbox->spool_dir, name, 0);
	free_batch(mbox, batch);
}

static int
open_mbox(struct deliver *deliver, struct err *err)
{
	struct mbox *mbox;
	struct stat st;
	int fd;

	fd = mbox_open_path(deliver->path, true, deliver->fix_mode, err);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1) {
		err_sys(err, EX_CANTCREAT, "%s", deliver->path);
		close(fd);
		return -1;
	}
	mbox_lock_sweep(fd, deliver->path);
	close(fd);
	deliver->device = st.st_dev;
	if ((fd = spool_open_dir(deliver, err)) == -1)
		return -1;
	mbox = xcalloc(1, sizeof(*mbox));
	mbox->spool_dir = fd;
	mbox->quote = xmalloc(sizeof(*mbox->quote));
	deliver->batch_dir = fd;
	deliver->work = mbox;
	return 0;
}

static void
cut(struct deliver *deliver)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch = mbox->current;

	mbox->current = NULL;
	if (batch != NULL)
		remove_if_done(deliver, batch);
}

/* Spools of what was not released stay: recovery needs them. */
static void
close_mbox(struct deliver *deliver)
{
	struct mbox *mbox = deliver->work;

	cut(deliver);
	while (mbox->batches != NULL)
		free_batch(mbox, mbox->batches);
	close(mbox->spool_dir);
	free(mbox->quote);
	free(mbox);
}

static int
begin_batch(struct deliver *deliver, struct err *err)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch = xcalloc(1, sizeof(*batch));

	batch->fd = spool_create(deliver, mbox->spool_dir, deliver->spool_dir,
	    &batch->number, err);
	if (batch->fd == -1) {
		free(batch);
		return -1;
	}
	batch->next = mbox->batches;
	mbox->batches = mbox->current = batch;
	return 0;
}

static int
begin(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	struct mbox *mbox = deliver->work;

	if (mbox->current == NULL && begin_batch(deliver, err) == -1)
		return -1;
	item->number = mbox->current->number;
	item->offset = mbox->current->length;
	mbox->current->items++;
	mbox_quote_begin(mbox->quote, mbox->current->fd, deliver->spool_dir,
	    time(NULL));
	return 0;
}

static int
write_octets(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err)
{
	struct mbox *mbox = deliver->work;

	(void)item;
	return mbox_quote_write(mbox->quote, data, len, err);
}

static int
end(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch = batch_of(mbox, item);

	if (mbox_quote_end(mbox->quote, err) == -1)
		return -1;
	item->length = mbox->quote->written;
	batch->length = item->offset + item->length;
	spool_start(deliver, batch->fd, item->octets);
	return 0;
}

/* The last one's room is used again; before it a gap stays that no record
 * mentions. */
static void
drop(struct deliver *deliver, struct deliver_item *item)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch;

	if (item->number == 0 || (batch = batch_of(mbox, item)) == NULL)
		return;
	if (batch == mbox->current && batch->fd != -1 &&
	    item->offset + item->length == batch->length &&
	    ftruncate(batch->fd, (off_t)item->offset) == 0 &&
	    lseek(batch->fd, (off_t)item->offset, SEEK_SET) != -1)
		batch->length = item->offset;
	batch->items--;
	item->number = 0;
	remove_if_done(deliver, batch);
}

static void
release(struct deliver *deliver, struct deliver_item *const *items, size_t n)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch;
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i]->number == 0 ||
		    (batch = batch_of(mbox, items[i])) == NULL)
			continue;
		batch->items--;
		items[i]->number = 0;
		remove_if_done(deliver, batch);
	}
}

static char *
spool(struct deliver *deliver, const struct deliver_item *item)
{
	char name[SPOOL_NAME_MAX];

	spool_name(deliver, item->number, name);
	return xasprintf("%s:%" PRIu64 ":%" PRIu64, name, item->offset,
	    item->length);
}

static int
sync_items(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    struct err *err)
{
	struct mbox *mbox = deliver->work;
	struct batch *batch, *last = NULL;
	int *fds, rc;

	if (n == 0 || batch_of(mbox, items[0]) == NULL)
		return 0;
	/* a batch has one file, unless its sentinel was asked for twice;
	 * one entry a message all the same: from 8 on a syncfs does for the
	 * file and its directory */
	fds = xreallocarray(NULL, n, sizeof(*fds));
	for (size_t i = 0; i < n; i++) {
		batch = batch_of(mbox, items[i]);
		fds[i] = batch == NULL || batch == last ? -1 : batch->fd;
		last = batch;
	}
	rc = spool_sync(deliver, fds, n, mbox->spool_dir, deliver->spool_dir,
	    err);
	free(fds);
	return rc;
}

static int
apply(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	struct mbox_part *parts = xcalloc(n + 1, sizeof(*parts));
	struct mbox_file file;
	struct batch *batch;
	size_t i, count = 0;
	int rc;

	for (i = 0; i < n; i++) {
		items[i]->failed = 0;
		if ((batch = batch_of(deliver->work, items[i])) == NULL)
			continue;
		parts[count].fd = batch->fd;
		parts[count].offset = items[i]->offset;
		parts[count++].length = items[i]->length;
	}
	rc = count == 0 ? 0 : mbox_file_open(&file, deliver->path, err);
	if (rc == 0 && count > 0) {
		rc = mbox_append(deliver, &file, parts, count, hooks, err);
		mbox_file_close(&file);
	}
	free(parts);
	return rc;
}

static int
look(struct deliver *deliver, struct err *err)
{
	return mbox_lock_look(deliver->path, err);
}

const struct kind kind_mbox = {
	.name = "mbox",
	.journalled = true,
	.has_spools = true,
	.open = open_mbox,
	.close = close_mbox,
	.look = look,
	.begin = begin,
	.write = write_octets,
	.end = end,
	.drop = drop,
	.cut = cut,
	.spool = spool,
	.sync = sync_items,
	.apply = apply,
	.release = release,
	.recover = mbox_recover,
	.recovered = mbox_recovered,
};
