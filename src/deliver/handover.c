/* SPDX-License-Identifier: ISC */
/*
 * What pipe, LMTP and standard output share: a message is received whole into a
 * file without a name, handed over, and recorded at once. Nothing here is
 * synced: a crash before the record means that it is retrieved again.
 */
#include "deliver/deliver_priv.h"

#include <unistd.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/signals.h"

int
handover_open(struct deliver *deliver, struct err *err)
{
	int fd;

	/* found now, not at the first message */
	if ((fd = spool_create_unnamed(deliver, err)) == -1)
		return err_prefix(err, "no room for messages in passing");
	close(fd);
	return 0;
}

int
handover_begin(struct deliver *deliver, struct deliver_item *item,
    struct err *err)
{
	item->fd = spool_create_unnamed(deliver, err);
	return item->fd == -1 ? -1 : 0;
}

int
handover_write(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err)
{
	return spool_write(item->fd, data, len, deliver->spool_dir, err);
}

void
handover_drop(struct deliver *deliver, struct deliver_item *item)
{
	(void)deliver;
	if (item->fd != -1)
		close(item->fd);
	item->fd = -1;
}

void
handover_release(struct deliver *deliver, struct deliver_item *const *items,
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		handover_drop(deliver, items[i]);
}

int
handover_apply(struct deliver *deliver, struct deliver_item *const *items,
    size_t n, const struct deliver_hooks *hooks, handover_one *one,
    struct err *err)
{
	struct deliver_item *item;
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		item = items[i];
		item->failed = 0;
		if (signals_stop() != 0 ||
		    deadline_now() >= deliver->until_ms) {
			err_set(&item->err, EX_TEMPFAIL,
			    signals_stop() != 0 ? "interrupted" :
						  "the deadline has passed");
			item->failed = EX_TEMPFAIL;
			continue;
		}
		if ((rc = one(deliver, item, hooks, err)) == -1)
			return -1;
		if (rc == 1) {
			item->failed = item->err.status;
			continue;
		}
		if (hooks != NULL && hooks->delivered != NULL &&
		    hooks->delivered(hooks->arg, item, err) == -1)
			return -1;
	}
	return 0;
}
