/* SPDX-License-Identifier: ISC */
/* Conversions to UTF-8, kept open. */
#include "cli/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define KEPT 8
#define NONE ((iconv_t)-1)

/* What iconv_open(3) answered; the one used last comes first. */
struct conversion {
	char *name; /* owned; NULL: unused */
	iconv_t cd; /* NONE: there is no such charset */
};

static struct conversion kept[KEPT];

static void
to_front(size_t i)
{
	struct conversion found = kept[i];

	memmove(kept + 1, kept, i * sizeof(*kept));
	kept[0] = found;
}

static bool
is_kept(const char *name)
{
	size_t i;

	for (i = 0; i < KEPT && kept[i].name != NULL; i++)
		if (strcasecmp(kept[i].name, name) == 0) {
			to_front(i);
			return true;
		}
	return false;
}

/* In place of the one that was not used for longest. */
static void
keep(const char *name)
{
	struct conversion *last = &kept[KEPT - 1];

	if (last->name != NULL && last->cd != NONE)
		iconv_close(last->cd);
	free(last->name);
	last->name = xstrdup(name);
	last->cd = iconv_open("UTF-8", name);
	to_front(KEPT - 1);
}

bool
charset_known(const char *name, int *opens)
{
	if (!is_kept(name)) {
		if (*opens <= 0)
			return false;
		(*opens)--;
		keep(name);
	}
	return kept[0].cd != NONE;
}

void
charset_convert(const char *name, char *data, size_t len, struct buf *out)
{
	char chunk[512], *to;
	size_t room, result;
	iconv_t cd;

	if (!is_kept(name))
		keep(name);
	cd = kept[0].cd;
	if (cd == NONE)
		return;
	/* the initial state, whatever was converted before */
	(void)iconv(cd, NULL, NULL, NULL, NULL);
	while (len > 0) {
		to = chunk;
		room = sizeof(chunk);
		result = iconv(cd, &data, &len, &to, &room);
		buf_append(out, chunk, sizeof(chunk) - room);
		if (result == (size_t)-1 && errno != E2BIG) {
			buf_puts(out, "\xef\xbf\xbd");
			if (len > 0) {
				data++;
				len--;
			}
		}
	}
}
