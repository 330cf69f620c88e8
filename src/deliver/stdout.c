/* SPDX-License-Identifier: ISC */
/*
 * Delivery to standard output: a message as it is ("stdout"), or any number of
 * them as mboxrd ("mbox" with the path "-").
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xalloc.h"
#include "deliver/deliver_priv.h"
#include "deliver/mbox_quote.h"

#define COPY_LEN 65536

static const char what[] = "standard output";

/* From the spool's beginning to its end. */
static int
copy_spool(const struct deliver *deliver, int fd, struct err *err)
{
	char *data = xmalloc(COPY_LEN);
	ssize_t len;
	int rc = 0;

	if (lseek(fd, 0, SEEK_SET) == -1)
		rc = err_sys(err, EX_IOERR, "%s", deliver->spool_dir);
	while (rc == 0 && (len = read(fd, data, COPY_LEN)) != 0) {
		if (len > 0)
			rc = spool_write(STDOUT_FILENO, data, (size_t)len, what,
			    err);
		else if (errno != EINTR)
			rc = err_sys(err, EX_IOERR, "%s", deliver->spool_dir);
	}
	free(data);
	return rc;
}

static int
print(struct deliver *deliver, struct deliver_item *item,
    const struct deliver_hooks *hooks, struct err *err)
{
	(void)hooks;
	return deliver->show != NULL ? deliver->show(item->fd, err) :
				       copy_spool(deliver, item->fd, err);
}

static int
apply(struct deliver *deliver, struct deliver_item *const *items, size_t n,
    const struct deliver_hooks *hooks, struct err *err)
{
	/* what others printed comes first */
	if (fflush(stdout) == EOF)
		return err_sys(err, EX_IOERR, "%s", what);
	return handover_apply(deliver, items, n, hooks, print, err);
}

static int
open_quoted(struct deliver *deliver, struct err *err)
{
	if (handover_open(deliver, err) == -1)
		return -1;
	deliver->work = xmalloc(sizeof(struct mbox_quote));
	return 0;
}

static void
close_quoted(struct deliver *deliver)
{
	free(deliver->work);
}

static int
begin_quoted(struct deliver *deliver, struct deliver_item *item,
    struct err *err)
{
	if (handover_begin(deliver, item, err) == -1)
		return -1;
	mbox_quote_begin(deliver->work, item->fd, deliver->spool_dir,
	    time(NULL));
	return 0;
}

static int
write_quoted(struct deliver *deliver, struct deliver_item *item,
    const char *data, size_t len, struct err *err)
{
	(void)item;
	return mbox_quote_write(deliver->work, data, len, err);
}

static int
end_quoted(struct deliver *deliver, struct deliver_item *item, struct err *err)
{
	(void)item;
	return mbox_quote_end(deliver->work, err);
}

const struct kind kind_stdout = {
	.name = "stdout",
	.has_spools = true,
	.open = handover_open,
	.begin = handover_begin,
	.write = handover_write,
	.drop = handover_drop,
	.apply = apply,
	.release = handover_release,
};

const struct kind kind_mbox_stdout = {
	.name = "mbox",
	.has_spools = true,
	.open = open_quoted,
	.close = close_quoted,
	.begin = begin_quoted,
	.write = write_quoted,
	.end = end_quoted,
	.drop = handover_drop,
	.apply = apply,
	.release = handover_release,
};
