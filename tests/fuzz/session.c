/* SPDX-License-Identifier: ISC */
/*
 * A whole fetch into a maildir, the server being the input: nothing lands in
 * new/ that the server did not say whole, what is counted is there, nothing is
 * deleted that was not delivered, and a second run finds it all in order.
 * Input: options, the size of pieces, then what the server says (world.h).
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "fetch/fetch.h"
#include "fuzz.h"
#include "slow.h"
#include "state/state.h"
#include "world.h"

static struct account *
make_account(unsigned int mode)
{
	struct account *account = account_new();
	struct err err = ERR_INIT;

	account->host = xstrdup("pop.example.org");
	account->user = xstrdup("user");
	account->password = xstrdup("secret");
	account->tls = ACCOUNT_TLS_NONE;
	account->insecure_auth = true;
	account->auth = xstrdup("user");
	account->state_file = xasprintf("%s/run/state", fuzz_dir());
	account->deliver_kind = xstrdup("maildir");
	account->deliver_path = xasprintf("%s/run/box", fuzz_dir());
	account->disposal = mode & 1 ? ACCOUNT_DELETE : ACCOUNT_KEEP;
	account->pipelining = mode & 2 ? 1 : 0;
	account->newest_first = mode & 4;
	account->max_size = mode & 8 ? 200 : 0;
	account->sync_files = mode & 16;
	account->limit = mode & 32 ? 2 : 0;
	account->repeat = mode & 64;
	account->renumbered = mode & 128;
	FUZZ_CHECK(account_complete(account, &err) == 0);
	return account;
}

static int
run(unsigned int mode, struct report_summary *summary)
{
	struct account *account = make_account(mode);
	struct fetch_options options = { .dry_run = false };
	struct report report = { NULL, NULL, NULL, NULL };
	struct err err = ERR_INIT;
	int result = fetch_run(account, &options, &report, summary, &err);

	FUZZ_CHECK(result == 0 || (err.status != 0 && summary->status != 0));
	FUZZ_CHECK(summary->status != EX_SOFTWARE &&
	    summary->status != EX_OSERR && summary->status != EX_IOERR &&
	    summary->status != EX_DATAERR);
	account_free(account);
	return result;
}

/* All is well only if the session was ended by QUIT. */
static void
check_success(int result, const struct report_summary *summary)
{
	size_t len;
	const char *heard = world_heard(&len);

	if (result == 0 && summary->status == 0)
		FUZZ_CHECK(
		    len > 6 && memcmp(heard + len - 6, "QUIT\r\n", 6) == 0);
}

/* Did the server say this, whole, behind some +OK? */
static bool
was_said(const char *script, size_t len, const char *text, size_t text_len)
{
	const char *at = script, *end = script + len, *lf;
	bool said = false;

	while (!said && (at = memmem(at, (size_t)(end - at), "+OK", 3))) {
		struct slow slow;

		lf = memchr(at, '\n', (size_t)(end - at));
		if (lf == NULL)
			break;
		slow_unstuff(lf + 1, (size_t)(end - lf) - 1, &slow);
		said = slow.complete && slow.len == text_len &&
		    memcmp(slow.out, text, text_len) == 0;
		free(slow.out);
		at += 3;
	}
	return said;
}

/* Check every file there (script NULL: count only); how many. */
static size_t
check_box(const char *name, const char *script, size_t len)
{
	char *path = xasprintf("%s/run/box/%s", fuzz_dir(), name);
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char text[65536];
		ssize_t got;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		n++;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		FUZZ_CHECK(fd != -1);
		got = read(fd, text, sizeof(text));
		FUZZ_CHECK(got >= 0);
		if (script != NULL)
			FUZZ_CHECK(was_said(script, len, text, (size_t)got));
		close(fd);
	}
	if (dir != NULL)
		closedir(dir);
	free(path);
	return n;
}

/* What is said across two turns is whole all the same. */
static char *
without_waits(const struct fuzz *fuzz, size_t *len)
{
	char *script = xmalloc(fuzz->len + 1);

	*len = 0;
	for (size_t i = 0; i < fuzz->len; i++)
		if (fuzz->data[i] != WORLD_WAITS)
			script[(*len)++] = (char)fuzz->data[i];
	return script;
}

/* How many messages a connection was told to delete, at most. */
static size_t
most_deletions(void)
{
	size_t len, n = 0, most = 0;
	const char *at = world_heard(&len), *end = at + len;

	for (; at < end; at++) {
		if (*at == '\377')
			n = 0;
		else if (end - at > 5 && memcmp(at, "DELE ", 5) == 0)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
on_finding(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "state: %s\n", text);
}

static void
check_state(void)
{
	char *path = xasprintf("%s/run/state", fuzz_dir());
	struct err err = ERR_INIT;

	if (access(path, F_OK) == 0)
		FUZZ_CHECK(
		    state_check(path, false, on_finding, NULL, &err) == 0);
	free(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	unsigned int mode = fuzz_byte(&fuzz), split = fuzz_byte(&fuzz);
	char *dir = xasprintf("%s/run", fuzz_dir()), *script;
	struct report_summary summary;
	size_t len, delivered;

	FUZZ_CHECK(mkdir(dir, 0700) == 0);
	script = without_waits(&fuzz, &len);
	world_begin(fuzz.data, fuzz.len, split % 128);
	check_success(run(mode, &summary), &summary);
	FUZZ_CHECK(world_elapsed() < 60 * 60000);
	delivered = check_box("new", script, len);
	FUZZ_CHECK(delivered == summary.delivered);
	FUZZ_CHECK(check_box("tmp", NULL, 0) == 0);
	FUZZ_CHECK(most_deletions() <= summary.delivered + summary.known);
	FUZZ_CHECK(mode & 1 || most_deletions() == 0);
	check_state();
	/* the same server again, so that what was fetched is known */
	world_begin(fuzz.data, fuzz.len, split % 128);
	check_success(run(mode, &summary), &summary);
	delivered += summary.delivered;
	FUZZ_CHECK(check_box("new", script, len) == delivered);
	check_state();
	world_end();
	free(script);
	FUZZ_CHECK(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
	free(dir);
	return 0;
}
