/* SPDX-License-Identifier: ISC */
/*
 * What check sees without the server: the clock, the state file and the
 * destination. What fetch would make is not made here, only whether it could.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account/account.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "cli/check.h"
#include "deliver/deliver.h"
#include "state/state.h"

/* 2026-01-01: poplar is younger, and so is every certificate it will meet. */
#define CLOCK_LEAST 1767225600
#define CLOCK_SLACK_S 3600

static void
say_error(struct check *check, const char *what, const char *mend,
    const struct err *err)
{
	check_say(check, what, FINDING_WRONG, err->status, mend, "%s",
	    err->text);
}

static bool
exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static bool
exists_above(const char *path)
{
	char *copy = xstrdup(path);
	bool there = exists(dirname(copy)) || errno != ENOENT;

	free(copy);
	return there;
}

/*
 * Can path, which is not there, be made? deep: with the directories above it.
 * 0, or -1 with a sentence that names what is in the way.
 */
static int
can_make(const char *path, bool deep, struct err *err)
{
	char *copy = xstrdup(path), *dir = copy;
	struct stat st;
	int result = 0;

	do
		dir = dirname(dir);
	while (
	    deep && stat(dir, &st) == -1 && errno == ENOENT && strlen(dir) > 1);
	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		result = err_set(err, EX_CANTCREAT,
		    "%s cannot be made: %s is not a directory", path, dir);
	else if (access(dir, W_OK | X_OK) == -1)
		result = err_sys(err, EX_CANTCREAT, "%s cannot be made: %s",
		    path, dir);
	free(copy);
	return result;
}

/* ---- the clock ---- */

static void
check_clock(struct check *check)
{
	time_t now = time(NULL);
	char text[32];

	if (now >= CLOCK_LEAST)
		return;
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", gmtime(&now));
	check_say(check, "clock", FINDING_WRONG, EX_CONFIG,
	    "Set it; until then certificates seem not to be valid yet.",
	    "this machine's clock says %s UTC, which is long past", text);
}

/* ---- the state file ---- */

static void
note_finding(void *arg, const char *text)
{
	char **first = arg;

	if (*first == NULL)
		*first = xstrdup(text);
}

/* The journal was read and is sound: what does it say? */
static void
say_state(struct check *check, const char *path)
{
	struct err err = ERR_INIT;
	struct state *state;
	uint32_t now = (uint32_t)time(NULL);

	state = state_open(path, check->account->identity, STATE_READ, &err);
	if (state == NULL) {
		say_error(check, "state", NULL, &err);
		return;
	}
	check_say(check, "state", FINDING_OK, 0, NULL,
	    "the state file %s remembers %zu message%s", path,
	    state_count(state), state_count(state) == 1 ? "" : "s");
	if (state_listed(state) > now + CLOCK_SLACK_S)
		check_say(check, "clock", FINDING_WRONG, EX_CONFIG,
		    "Set the clock of this machine.",
		    "the state file was written in the future: this machine's "
		    "clock was wrong then, or is wrong now");
	state_close(state);
}

static void
check_state_file(struct check *check, const char *path)
{
	struct err err = ERR_INIT;
	char *first = NULL, *mend;
	int findings;

	if (!exists(path)) {
		if (can_make(path, true, &err) == -1)
			say_error(check, "state", NULL, &err);
		else
			check_say(check, "state", FINDING_OK, 0, NULL,
			    "the state file %s is not there yet; the first "
			    "fetch makes it",
			    path);
		return;
	}
	if (access(path, R_OK | W_OK) == -1) {
		err_sys(&err, EX_CANTCREAT, "the state file %s", path);
		say_error(check, "state",
		    "It must belong to the user who fetches.", &err);
		return;
	}
	findings = state_check(path, false, note_finding, &first, &err);
	mend = xasprintf("Type: poplar state check --repair --state %s", path);
	if (findings == -1)
		say_error(check, "state", NULL, &err);
	else if (findings > 0)
		check_say(check, "state", FINDING_WRONG, EX_DATAERR, mend,
		    "the state file %s is damaged: %s%s", path, first,
		    findings > 1 ? ", and more" : "");
	else
		say_state(check, path);
	free(mend);
	free(first);
}

/* Mail of ours in the maildir, and no memory of it: fetch refuses to go on. */
static void
check_memory(struct check *check, const char *path)
{
	const struct account *account = check->account;
	const struct deliver_spec spec = {
		.kind = account->deliver_kind,
		.path = account->deliver_path,
		.identity = account->identity,
	};
	struct err err = ERR_INIT;
	struct state *state;

	if (spec.kind == NULL)
		return;
	/* what cannot be read has been told */
	state = state_open(path, account->identity, STATE_READ, &err);
	if (state != NULL && state_is_empty(state) &&
	    state_listed(state) == 0 && deliver_has_own(&spec, &err) == 1)
		check_say(check, "state", FINDING_WRONG, EX_TEMPFAIL,
		    "Bring that file back, or type poplar state mark-seen, or "
		    "take everything again with poplar fetch all.",
		    "%s holds mail that poplar delivered, but the state file "
		    "%s remembers none of it",
		    spec.path, path);
	state_close(state);
}

/* ---- the destination ---- */

/* How many of a maildir's three directories are there? */
static int
subdirs(const char *dir)
{
	static const char *const names[] = { "tmp", "new", "cur" };
	int there = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);

		there += exists(path);
		free(path);
	}
	return there;
}

static bool
is_empty(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (dir == NULL)
		return false;
	while (n <= 2 && readdir(dir) != NULL)
		n++; /* "." and ".." are always there */
	closedir(dir);
	return n <= 2;
}

/*
 * Would opening it make something? Then it is only looked at whether that can
 * be done. 1: yes, and it has been told; 0: it can be opened.
 */
static int
would_be_made(struct check *check, const char *path, bool maildir)
{
	struct err err = ERR_INIT;
	bool there = exists(path);
	const char *mend = NULL;

	if (there && (!maildir || subdirs(path) == 3))
		return 0;
	/* a directory of other things is refused, and nothing made */
	if (there && subdirs(path) == 0 && !is_empty(path))
		return 0;
	if (there && access(path, W_OK | X_OK) == -1)
		err_sys(&err, EX_CANTCREAT, "%s", path);
	else if (!there && can_make(path, false, &err) == -1 &&
	    !exists_above(path))
		mend = "Make that directory first; a fetch does not.";
	if (err.status != 0)
		say_error(check, "destination", mend, &err);
	else
		check_say(check, "destination", FINDING_OK, 0, NULL,
		    "the %s %s is not there yet; the first fetch makes it",
		    maildir ? "maildir" : "mbox", path);
	return 1;
}

static void
open_destination(struct check *check, const char *spool_dir)
{
	const struct account *account = check->account;
	unsigned char key[DIGEST_KEY_LEN] = { 0 };
	struct deliver_spec spec = {
		.kind = account->deliver_kind,
		.path = account->deliver_path,
		.identity = account->identity,
		.spool_dir = exists(spool_dir) ? spool_dir : NULL,
		.account = account->name,
		.key = key,
		.timeout_ms = account->timeout_ms,
		.recipient = account->user,
	};
	struct err err = ERR_INIT;
	struct deliver *deliver = deliver_open(&spec, &err);

	if (deliver == NULL)
		say_error(check, "destination",
		    err.status == EX_CANTCREAT ?
			"It must belong to the user who fetches." :
			NULL,
		    &err);
	else if (deliver_look(deliver, &err) == -1)
		say_error(check, "destination",
		    strcmp(account->deliver_kind, "mbox") == 0 ?
			"If no program is using the mbox, remove that file." :
			"Mail stays on the server until it is there.",
		    &err);
	else if (strcmp(account->deliver_kind, "stdout") == 0)
		check_say(check, "destination", FINDING_OK, 0, NULL,
		    "messages go to standard output");
	else
		check_say(check, "destination", FINDING_OK, 0, NULL,
		    "messages can be delivered to %s %s", account->deliver_kind,
		    account->deliver_path);
	deliver_close(deliver);
}

static void
check_destination(struct check *check, const char *spool_dir)
{
	const struct account *account = check->account;
	const char *kind = account->deliver_kind;
	bool maildir;

	if (kind == NULL) {
		check_say(check, "destination", FINDING_NOTE, 0,
		    "For example maildir = ~/Mail, or fetch --maildir ~/Mail.",
		    "no destination is set, and fetch needs one");
		return;
	}
	maildir = strcmp(kind, "maildir") == 0;
	if ((maildir ||
		(strcmp(kind, "mbox") == 0 &&
		    strcmp(account->deliver_path, "-") != 0)) &&
	    would_be_made(check, account->deliver_path, maildir))
		return;
	open_destination(check, spool_dir);
}

void
check_local(struct check *check)
{
	const struct account *account = check->account;
	struct err err = ERR_INIT;
	char *path;

	check_clock(check);
	path = account->state_file != NULL ?
	    xstrdup(account->state_file) :
	    state_default_path(account->identity, &err);
	if (path == NULL) {
		say_error(check, "state", NULL, &err);
		return;
	}
	if (account->no_state)
		check_say(check, "state", FINDING_NOTE, 0, NULL,
		    "nothing is remembered (no-state): new means all");
	else {
		check_state_file(check, path);
		check_memory(check, path);
	}
	check_destination(check, dirname(path));
	free(path);
}
