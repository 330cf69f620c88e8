/* SPDX-License-Identifier: ISC */
/* The messages of a state: for people, for scripts, as JSON Lines. */
#include "cli/state_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/json.h"
#include "cli/text.h"
#include "state/state.h"

#define DIGESTS_SIZE (2 * FINGERPRINT_LEN + 1)

struct print {
	enum state_print how;
	struct buf out;
};

static const struct {
	uint16_t flag;
	const char *word;
} words[] = {
	{ STATE_COMMITTED, "unfinished" },
	{ STATE_DELIVERED, "delivered" },
	{ STATE_MARKED, "marked" },
	{ STATE_OWED, "owed" },
	{ STATE_UNDELETABLE, "undeletable" },
	{ STATE_SHORT, "short" },
	{ STATE_GONE, "gone" },
	{ STATE_SENT, "sent" },
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void
put_words(struct buf *out, const struct state_entry *entry)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < WORDS; i++) {
		if (!(entry->flags & words[i].flag))
			continue;
		buf_printf(out, "%s%s", comma, words[i].word);
		comma = ",";
	}
}

static void
put_digest(const struct state_entry *entry, char text[DIGESTS_SIZE])
{
	text[0] = '\0';
	if (entry->flags & STATE_WHOLE_ONLY)
		format_hex(entry->whole, DIGEST_LEN, text);
	else if (!(entry->flags & STATE_MARKED))
		format_hex((const unsigned char *)&entry->print,
		    FINGERPRINT_LEN, text);
}

static uint64_t
told_size(const struct state_entry *entry)
{
	return entry->list_octets == STATE_UNSIZED ? 0 : entry->list_octets;
}

static void
put_list(struct buf *out, const struct state_entry *entry, const char *uid)
{
	put_words(out, entry);
	buf_printf(out, "\t%" PRIu64 "\t", (uint64_t)entry->octets);
	text_date(entry->time, false, out);
	buf_printf(out, "\t%s\n", uid);
}

static void
put_export(struct buf *out, const struct state_entry *entry, const char *uid)
{
	char digest[DIGESTS_SIZE];

	put_digest(entry, digest);
	buf_printf(out, "%s\t", uid);
	put_words(out, entry);
	buf_printf(out,
	    "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%u\t%" PRIu32 "\t%" PRIu32 "\n",
	    told_size(entry), (uint64_t)entry->octets, digest,
	    (unsigned int)entry->copy, entry->time, entry->gone);
}

static void
put_json(struct buf *out, const struct state_entry *entry)
{
	char *texts[WORDS + 1], digest[DIGESTS_SIZE];
	struct json json;
	size_t i, n = 0;

	for (i = 0; i < WORDS; i++)
		if (entry->flags & words[i].flag)
			texts[n++] = (char *)(uintptr_t)words[i].word;
	texts[n] = NULL;
	put_digest(entry, digest);
	json_begin(&json, out);
	json_string(&json, "uidl", entry->uid, entry->uid_len);
	json_array(&json, "state", texts);
	json_number(&json, "list_octets", told_size(entry));
	json_number(&json, "octets", entry->octets);
	json_text(&json, "digest", digest[0] == '\0' ? NULL : digest);
	json_number(&json, "copy", entry->copy);
	json_number(&json, "time", entry->time);
	if (entry->flags & STATE_GONE)
		json_number(&json, "gone", entry->gone);
	json_end(&json);
}

static int
print_entry(void *arg, struct state_entry *entry)
{
	struct print *print = arg;
	char *uid;

	print->out.len = 0;
	if (print->how == STATE_PRINT_JSON) {
		put_json(&print->out, entry);
	} else {
		uid = log_uid(entry->uid, entry->uid_len);
		if (print->how == STATE_PRINT_LIST)
			put_list(&print->out, entry, uid);
		else
			put_export(&print->out, entry, uid);
		free(uid);
	}
	/* A full disk is found when stdout is finished. */
	fwrite(print->out.data, 1, print->out.len, stdout);
	return 0;
}

void
state_print(struct state *state, enum state_print how)
{
	struct print print = { how, BUF_INIT };

	(void)state_each(state, print_entry, &print);
	buf_clear(&print.out);
}
