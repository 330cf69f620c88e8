/* SPDX-License-Identifier: ISC */
/* src/deliver/mbox*.c: quoting, locks, appending, recovery. */
#include <sys/resource.h>
#include <sys/wait.h>

#include <time.h>

#include "base/deadline.h"
#include "deliver/mbox_lock.h"
#include "deliver/mbox_quote.h"

#include "deliver_test.h"

static struct deliver_spec spec;
static struct err err;

static struct deliver *
open_box(void)
{
	return open_place("mbox", &spec, &err);
}

static void
clean(void)
{
	remove_tree(place);
	free((char *)spec.path);
}

#define FROM(who) "From " who " Tue Nov 14 22:13:20 2023\n"
static const struct quote_case {
	const char *in, *out;
} quote_cases[] = {
	{ "", FROM("MAILER-DAEMON") "\n" },
	{ "A: b\n\nx\n", FROM("MAILER-DAEMON") "A: b\n\nx\n\n" },
	{ "A: b\n\nx", FROM("MAILER-DAEMON") "A: b\n\nx\n\n" },
	{ "A: b\n\nFrom x\n>From y\n>>>From z\n From q\n>Fro\n>>\nFromx\n",
	    FROM("MAILER-DAEMON") "A: b\n\n>From x\n>>From y\n>>>>From z\n"
				  " From q\n>Fro\n>>\nFromx\n\n" },
	{ "From a\n", FROM("MAILER-DAEMON") ">From a\n\n" },
	{ "A: b\n\nends in From ",
	    FROM("MAILER-DAEMON") "A: b\n\nends in From \n\n" },
	{ "A: b\n\n>>Fro", FROM("MAILER-DAEMON") "A: b\n\n>>Fro\n\n" },
	{ "A: b\nreturn-path: <joe@example.org>\n\nx\n",
	    FROM(
		"joe@example.org") "A: b\nreturn-path: <joe@example.org>\n\nx\n\n" },
	{ "Return-Path: <>\n\nx\n",
	    FROM("MAILER-DAEMON") "Return-Path: <>\n\nx\n\n" },
	{ "Return-Path: <a b@c>\n\n",
	    FROM("MAILER-DAEMON") "Return-Path: <a b@c>\n\n\n" },
	{ "\nReturn-Path: <joe@example.org>\n",
	    FROM("MAILER-DAEMON") "\nReturn-Path: <joe@example.org>\n\n" },
};

/* Quoted in pieces of step octets. The caller frees. */
static char *
quote(const char *in, size_t in_len, size_t step, size_t *len)
{
	struct mbox_quote *quote = xmalloc(sizeof(*quote));
	int fd = open(in_place("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t i, n;
	char *out;

	mbox_quote_begin(quote, fd, "out", 1700000000);
	for (i = 0; i < in_len; i += n) {
		n = step < in_len - i ? step : in_len - i;
		CHECK_INT(mbox_quote_write(quote, in + i, n, &err), 0);
	}
	CHECK_INT(mbox_quote_end(quote, &err), 0);
	out = get_file(in_place("out"), len);
	CHECK_INT(quote->written, *len);
	close(fd);
	free(quote);
	return out;
}

/* Every split: in pieces of each length. */
static void
test_quote(void)
{
	size_t i, step, len;
	char *out;

	make_place();
	for (i = 0; i < sizeof(quote_cases) / sizeof(quote_cases[0]); i++) {
		const char *in = quote_cases[i].in;

		for (step = 1; step <= strlen(in) + 1; step++) {
			out = quote(in, strlen(in), step, &len);
			CHECK_STR(out, quote_cases[i].out);
			free(out);
		}
	}
	remove_tree(place);
}

/* A header longer than the window, a body longer than the buffer. */
static void
test_quote_long(void)
{
	size_t i, len, size = 300000;
	char *in = xmalloc(size), *out;
	const char *want = "From MAILER-DAEMON Tue Nov 14 22:13:20 2023\n";

	make_place();
	memset(in, 'h', size);
	memcpy(in + 9000, "\nReturn-Path: <late@example.org>\n\nFrom ", 39);
	in[size - 1] = '\n';
	for (i = 1; i < 80000; i = i * 7 + 1) {
		out = quote(in, size, i, &len);
		CHECK_INT(len, strlen(want) + size + 1 + 1);
		CHECK(memcmp(out, want, strlen(want)) == 0);
		CHECK(memcmp(out + strlen(want), in, 9034) == 0);
		CHECK(memcmp(out + strlen(want) + 9034, ">From h", 7) == 0);
		free(out);
	}
	free(in);
	remove_tree(place);
}

/* Marks as the journal would keep them. */
struct mark {
	int count;
	uint64_t device, inode, before, length;
	unsigned char digest[DIGEST_LEN];
	bool fail;
};

static int
mark_hook(void *arg, uint64_t device, uint64_t inode, uint64_t before,
    uint64_t length, const unsigned char digest[DIGEST_LEN], struct err *e)
{
	struct mark *mark = arg;

	if (mark->fail)
		return err_set(e, EX_IOERR, "journal");
	mark->count++;
	mark->device = device;
	mark->inode = inode;
	mark->before = before;
	mark->length = length;
	memcpy(mark->digest, digest, DIGEST_LEN);
	return 0;
}

/* The second spans several blocks. */
static char second[10000];
static const char *const bodies[] = {
	"Return-Path: <a@example.org>\nSubject: one\n\nFrom here\n", second,
	"Return-Path: <c@example.org>\nSubject: three\n\nthird\n"
};

static void
make_second(void)
{
	static const char header[] =
	    "Return-Path: <b@example.org>\nSubject: two\n\n";
	size_t i;

	for (i = 0; i < sizeof(second) - 1; i++)
		second[i] = i % 50 == 49 ? '\n' : 'b';
	memcpy(second, header, sizeof(header) - 1);
}

/* Three messages, received and synced; the middle one may be dropped. */
static void
receive_batch(struct deliver *deliver, struct deliver_item items[3])
{
	struct deliver_item *list[3] = { &items[0], &items[1], &items[2] };
	int i;

	for (i = 0; i < 3; i++)
		CHECK_INT(receive(deliver, &items[i], "u", bodies[i], &err), 0);
	deliver_cut(deliver);
	CHECK_INT(deliver_sync(deliver, list, 3, &err), 0);
}

static int
count_text(const char *path, const char *text)
{
	size_t len;
	char *data = get_file(path, &len), *p = data;
	int count = 0;

	while (p != NULL && (p = strstr(p, text)) != NULL) {
		count++;
		p++;
	}
	free(data);
	return count;
}

static void
test_whole_way(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[3];
	struct deliver_item *list[2] = { &items[0], &items[2] };
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };
	struct stat st;

	CHECK(deliver_is_journalled(deliver));
	CHECK_INT(stat(spec.path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	put_file(spec.path, "From old\n\nno newline", 20);
	receive_batch(deliver, items);
	CHECK_INT(count_names(in_place("spool"), NULL), 1);
	deliver_drop(deliver, &items[1]);
	CHECK_INT(deliver_apply(deliver, list, 2, &hooks, &err), 0);
	CHECK_INT(mark.count, 1);
	CHECK_INT(mark.before, 20);
	CHECK_INT(mark.length, items[0].length + items[2].length + 2);
	CHECK_INT(stat(spec.path, &st), 0);
	CHECK_INT(st.st_size, (off_t)(mark.before + mark.length));
	CHECK_INT(mark.inode, st.st_ino);
	CHECK_INT(count_text(spec.path, "\n\nFrom "), 2);
	CHECK_INT(count_text(spec.path, "\n>From here\n"), 1);
	CHECK_INT(count_text(spec.path, "Subject: two"), 0);
	CHECK_INT(count_names(in_place("spool"), NULL), 1);
	deliver_release(deliver, list, 2);
	CHECK_INT(count_names(in_place("spool"), NULL), 0);
	CHECK(access(in_place("box.lock"), F_OK) == -1);
	deliver_close(deliver);
	clean();
}

/* The last message's room is used again. */
static void
test_drop(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item a, b, *list[1] = { &b };
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };

	a.uid = "u";
	CHECK_INT(deliver_begin(deliver, &a, &err), 0);
	CHECK_INT(deliver_write(deliver, &a, "half", 4, &err), 0);
	deliver_drop(deliver, &a);
	CHECK_INT(receive(deliver, &a, "u", bodies[0], &err), 0);
	deliver_drop(deliver, &a);
	CHECK_INT(receive(deliver, &b, "u", bodies[1], &err), 0);
	CHECK_INT(b.offset, 0);
	deliver_cut(deliver);
	CHECK_INT(deliver_sync(deliver, list, 1, &err), 0);
	CHECK_INT(deliver_apply(deliver, list, 1, &hooks, &err), 0);
	CHECK_INT(count_text(spec.path, "Subject: "), 1);
	deliver_release(deliver, list, 1);
	/* all of a batch dropped: nothing stays */
	CHECK_INT(receive(deliver, &a, "u", bodies[0], &err), 0);
	deliver_cut(deliver);
	deliver_drop(deliver, &a);
	CHECK_INT(count_names(in_place("spool"), NULL), 0);
	deliver_close(deliver);
	clean();
}

static void
test_refused(void)
{
	struct deliver *deliver;

	make_place();
	spec = make_spec("mbox", xstrdup(place));
	CHECK((deliver = deliver_open(&spec, &err)) == NULL);
	CHECK_INT(err.status, EX_CANTCREAT);
	free((char *)spec.path);
	CHECK_INT(mkfifo(in_place("fifo"), 0600), 0);
	spec = make_spec("mbox", xstrdup(in_place("fifo")));
	CHECK((deliver = deliver_open(&spec, &err)) == NULL);
	CHECK_INT(err.status, EX_CANTCREAT);
	free((char *)spec.path);
	spec = make_spec("mbox", xstrdup(in_place("parent/box")));
	CHECK((deliver = deliver_open(&spec, &err)) == NULL);
	CHECK_INT(err.status, EX_CANTCREAT);
	CHECK(access(in_place("parent"), F_OK) == -1);
	deliver_close(deliver);
	clean();
}

/* Another one's fcntl lock is respected, and a plain one excludes ours. */
static void
test_fcntl_lock(void)
{
	struct flock theirs = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct mbox_lock lock, later;
	int fd, other;

	make_place();
	put_file(in_place("lockbox"), "", 0);
	fd = open(in_place("lockbox"), O_RDWR);
	other = open(in_place("lockbox"), O_RDWR);
	CHECK_INT(mbox_lock(&lock, fd, in_place("lockbox"), 0, &err), 0);
	CHECK_INT(fcntl(other, F_SETLK, &theirs), -1);
	CHECK_INT(mbox_lock(&later, other, in_place("lockbox"), 0, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	mbox_unlock(&lock, fd);
	CHECK_INT(fcntl(other, F_SETLK, &theirs), 0);
	CHECK_INT(mbox_lock(&lock, fd, in_place("lockbox"), 0, &err), -1);
	CHECK(access(in_place("lockbox.lock"), F_OK) == -1);
	close(fd);
	close(other);
	remove_tree(place);
}

/* What a crash, or somebody after it, leaves of the file. */
enum left {
	LEFT_BEFORE,     /* as before the append */
	LEFT_WHOLE,      /* ours is there */
	LEFT_BEHIND,     /* and somebody wrote behind it */
	LEFT_CUT,        /* a part of ours */
	LEFT_NUL,        /* all of the length, NUL from somewhere on */
	LEFT_BLOCK_NUL,  /* the first block NUL, the rest ours */
	LEFT_CUT_BEHIND, /* a part of ours, and another's message behind it */
	LEFT_FOREIGN,    /* another's message at our offset */
	LEFT_READ,       /* ours, with Status fields, the file rewritten */
	LEFT_REPLACED,   /* ours, in a new file under the old name */
	LEFT_EXPUNGED    /* a reader removed ours and what was before */
};

static const struct recovery_case {
	const char *what;
	enum left left;
	bool marked, no_spool;
	int decision;
	int each;    /* how often each of the messages is there in the end */
	int foreign; /* how often another's is */
} recovery_cases[] = {
	{ "no mark", LEFT_BEFORE, false, false, DELIVER_APPLIED, 1, 0 },
	{ "size as before", LEFT_BEFORE, true, false, DELIVER_APPLIED, 1, 0 },
	{ "whole", LEFT_WHOLE, true, false, DELIVER_APPLIED, 1, 0 },
	{ "whole, spool gone", LEFT_WHOLE, true, true, DELIVER_APPLIED, 1, 0 },
	{ "whole, foreign behind", LEFT_BEHIND, true, false, DELIVER_APPLIED, 1,
	    1 },
	{ "torn", LEFT_CUT, true, false, DELIVER_APPLIED, 1, 0 },
	{ "torn to NUL", LEFT_NUL, true, false, DELIVER_APPLIED, 1, 0 },
	{ "first block NUL", LEFT_BLOCK_NUL, true, false, DELIVER_APPLIED, 1,
	    0 },
	{ "spool gone, size as before", LEFT_BEFORE, true, true, DELIVER_VOID,
	    0, 0 },
	{ "foreign at our offset", LEFT_FOREIGN, true, false, DELIVER_APPLIED,
	    1, 1 },
	{ "read and marked", LEFT_READ, true, false, DELIVER_APPLIED, 1, 0 },
	{ "replaced", LEFT_REPLACED, true, false, DELIVER_APPLIED, 1, 0 },
	{ "expunged", LEFT_EXPUNGED, true, false, DELIVER_APPLIED, 1, 0 },
};

static const char old_mail[] = "From old Tue Nov 14 22:13:20 2023\n\nold\n\n";
static const char foreign_mail[] =
    "From them Tue Nov 14 22:13:20 2023\nSubject: theirs\n\nx\n\n";

static void
append_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Put "Status: RO" before each header's end. */
static void
add_status(const char *path)
{
	size_t len;
	char *data = get_file(path, &len), *p, *line = data;
	FILE *file = fopen(path, "r+");
	bool header = false;

	for (line = data; *line != '\0'; line = p + 1) {
		p = strchr(line, '\n');
		if (strncmp(line, "From ", 5) == 0)
			header = true;
		if (header && p == line) {
			fputs("Status: RO\nX-UID: 12\n", file);
			header = false;
		}
		fwrite(line, 1, (size_t)(p - line) + 1, file);
	}
	fclose(file);
	free(data);
}

static void
leave(enum left left, const struct mark *mark)
{
	size_t len;
	char *data = get_file(spec.path, &len);
	int fd = open(spec.path, O_RDWR);

	switch (left) {
	case LEFT_BEFORE:
		CHECK_INT(ftruncate(fd, (off_t)mark->before), 0);
		break;
	case LEFT_WHOLE:
		break;
	case LEFT_BEHIND:
		append_text(spec.path, foreign_mail);
		break;
	case LEFT_CUT:
		CHECK_INT(ftruncate(fd, (off_t)mark->before + 100), 0);
		break;
	case LEFT_NUL:
		CHECK_INT(ftruncate(fd, (off_t)mark->before + 100), 0);
		CHECK_INT(ftruncate(fd, (off_t)len), 0);
		break;
	case LEFT_BLOCK_NUL:
		memset(data + mark->before, 0, 4096 - (size_t)mark->before);
		CHECK_INT(pwrite(fd, data, len, 0), len);
		break;
	case LEFT_CUT_BEHIND:
		CHECK_INT(ftruncate(fd, (off_t)(len - 5)), 0);
		append_text(spec.path, foreign_mail);
		break;
	case LEFT_FOREIGN:
		CHECK_INT(ftruncate(fd, (off_t)mark->before), 0);
		append_text(spec.path, foreign_mail);
		break;
	case LEFT_READ:
		add_status(spec.path);
		break;
	case LEFT_REPLACED:
		CHECK_INT(rename(spec.path, in_place("moved")), 0);
		put_file(spec.path, data, len);
		break;
	case LEFT_EXPUNGED:
		CHECK_INT(ftruncate(fd, 3), 0);
		break;
	}
	close(fd);
	free(data);
}

static void
fill_pending(struct deliver_pending *pending, const struct mark *mark,
    bool marked)
{
	pending->marked = marked;
	pending->device = mark->device;
	pending->inode = mark->inode;
	pending->before = mark->before;
	pending->length = mark->length;
	memcpy(pending->mark_digest, mark->digest, DIGEST_LEN);
}

/* Up to the crash: applied, and the records of it. */
static uint64_t
crash(struct deliver_pending pending[3], struct mark *mark, bool marked)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[3];
	struct deliver_item *list[3] = { &items[0], &items[1], &items[2] };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = mark };
	uint64_t device = deliver_device(deliver);
	int i;

	put_file(spec.path, old_mail, sizeof(old_mail) - 1);
	receive_batch(deliver, items);
	CHECK_INT(deliver_apply(deliver, list, 3, &hooks, &err), 0);
	for (i = 0; i < 3; i++) {
		memset(&pending[i], 0, sizeof(pending[i]));
		pending[i].name = "";
		pending[i].spool = deliver_spool(deliver, &items[i]);
		pending[i].uid = "u";
		pending[i].uid_len = 1;
		fill_pending(&pending[i], mark, marked);
	}
	deliver_close(deliver);
	return device;
}

static void
recover_one(const struct recovery_case *c)
{
	struct deliver_pending pending[3];
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };
	uint64_t device = crash(pending, &mark, c->marked);
	char name[256];
	int i;

	CHECK_INT(count_names(in_place("spool"), name), 1);
	leave(c->left, &mark);
	if (c->no_spool)
		unlink(in_place("spool/%s", name));
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), 0);
	for (i = 0; i < 3; i++)
		CHECK_INT(pending[i].decision, c->decision);
	CHECK_INT(count_text(spec.path, "Subject: one"), c->each);
	CHECK_INT(count_text(spec.path, "Subject: two"), c->each);
	CHECK_INT(count_text(spec.path, "Subject: three"), c->each);
	CHECK_INT(count_text(spec.path, foreign_mail), c->foreign);
	if (c->left != LEFT_EXPUNGED)
		CHECK_INT(count_text(spec.path, "From old"), 1);
	deliver_recovered(&spec, pending, 3);
	CHECK_INT(count_names(in_place("spool"), NULL), 0);
	CHECK(access(in_place("box.lock"), F_OK) == -1);
	if (test_bad)
		printf("# in case: %s\n", c->what);
	for (i = 0; i < 3; i++)
		free((char *)pending[i].spool);
	clean();
}

static void
test_recovery(void)
{
	size_t i;

	for (i = 0; i < sizeof(recovery_cases) / sizeof(recovery_cases[0]); i++)
		recover_one(&recovery_cases[i]);
}

/*
 * Torn, and then somebody wrote behind it: his message and the torn piece stay,
 * the first two count as found, the third is appended again, once.
 */
static void
test_recovery_torn_behind(void)
{
	struct deliver_pending pending[3];
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };
	uint64_t device = crash(pending, &mark, true), foreign_at, length;
	size_t len;
	char *data;
	int i;

	leave(LEFT_CUT_BEHIND, &mark);
	data = get_file(spec.path, &len);
	foreign_at = (uint64_t)(strstr(data, "From them") - data);
	free(data);
	length = mark.length;
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), 0);
	CHECK_INT(mark.count, 2);
	CHECK(mark.length < length);
	CHECK_INT(count_text(spec.path, "Subject: one"), 1);
	CHECK_INT(count_text(spec.path, "Subject: two"), 1);
	CHECK_INT(count_text(spec.path, "Subject: three"), 2);
	CHECK_INT(count_text(spec.path, "\n\nthird\n\n"), 1);
	data = get_file(spec.path, &len);
	CHECK(memcmp(data + foreign_at, foreign_mail,
		  sizeof(foreign_mail) - 1) == 0);
	free(data);
	/* killed again before the A records: all three under the new mark */
	for (i = 0; i < 3; i++)
		fill_pending(&pending[i], &mark, true);
	data = get_file(spec.path, &len);
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), 0);
	CHECK_INT(mark.count, 2);
	CHECK_INT(count_text(spec.path, "Subject: three"), 2);
	/* and torn this time */
	CHECK_INT(truncate(spec.path, (off_t)mark.before + 9), 0);
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), 0);
	CHECK_INT(mark.count, 3);
	{
		size_t again;
		char *now = get_file(spec.path, &again);

		CHECK_MEM(now, again, data, len);
		free(now);
	}
	free(data);
	for (i = 0; i < 3; i++)
		free((char *)pending[i].spool);
	clean();
}

/* Killed, or without power, at one octet after another. */
static void
test_recovery_every_cut(void)
{
	struct deliver_pending pending[3];
	struct mark mark = { 0 }, again = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &again };
	uint64_t device = crash(pending, &mark, true), at;
	size_t len, len_now;
	char *want = get_file(spec.path, &len), *now;
	int i, nul;

	for (at = mark.before; at < len; at += at % 4096 < 4000 ? 401 : 1) {
		for (nul = 0; nul < 2; nul++) {
			CHECK_INT(truncate(spec.path, (off_t)at), 0);
			if (nul == 1)
				CHECK_INT(truncate(spec.path, (off_t)len), 0);
			CHECK_INT(deliver_recover(&spec, device, pending, 3,
				      &hooks, &err),
			    0);
			now = get_file(spec.path, &len_now);
			CHECK_MEM(now, len_now, want, len);
			free(now);
		}
	}
	free(want);
	for (i = 0; i < 3; i++)
		free((char *)pending[i].spool);
	clean();
}

static int
open_as_mbox(const char *path, const char *says)
{
	struct deliver_spec other = make_spec("mbox", path);
	struct deliver *deliver;
	bool told;

	err.status = 0;
	err.text[0] = '\0';
	deliver = deliver_open(&other, &err);
	told = says == NULL ||
	    (strstr(err.text, says) != NULL && strstr(err.text, path) != NULL);
	if (!told)
		printf("# said: %s\n", err.text);
	CHECK(told);
	deliver_close(deliver);
	return deliver == NULL ? err.status : 0;
}

/* In a directory where others may write, a name may be theirs. */
static void
test_planted(void)
{
	static const struct {
		mode_t mode, dir;
		uid_t owner; /* only root can give these away; 0: nobody */
		gid_t group;
		const char *says;
	} cases[] = {
		{ 0600, 0700, 0, 0, NULL },
		{ 0644, 01777, 0, 0, NULL },
		{ 0660, 02775, 0, 0, NULL },
		{ 0602, 0700, 0, 0, "everybody may write to it" },
		{ 0666, 0700, 0, 0, "everybody may write to it" },
		{ 0660, 0700, 0, 54321, "its group may write to it" },
		{ 0600, 01777, 54321, 0, "another user" },
		/* root may deliver for others */
		{ 0660, 02775, 54321, 0, NULL },
	};
	const char *file;
	size_t i;

	make_place();
	mkdir(in_place("mail"), 0700);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if ((cases[i].owner != 0 || cases[i].group != 0) &&
		    geteuid() != 0)
			continue;
		file = in_place("mail/joe");
		put_file(file, "", 0);
		CHECK_INT(chmod(in_place("mail"), cases[i].dir), 0);
		CHECK_INT(chown(file,
			      cases[i].owner != 0 ? cases[i].owner : geteuid(),
			      cases[i].group != 0 ? cases[i].group : getegid()),
		    0);
		CHECK_INT(chmod(file, cases[i].mode), 0);
		CHECK_INT(open_as_mbox(file, cases[i].says),
		    cases[i].says == NULL ? 0 : EX_CANTCREAT);
		unlink(file);
		if (test_bad)
			printf("# in case %zu\n", i);
	}
	put_file(in_place("mail/joe"), "", 0);
	CHECK_INT(link(in_place("mail/joe"), in_place("mail/other")), 0);
	CHECK_INT(open_as_mbox(in_place("mail/joe"), "a hard link"),
	    EX_CANTCREAT);
	unlink(in_place("mail/other"));
	CHECK_INT(open_as_mbox(in_place("mail/joe"), NULL), 0);
	CHECK_INT(symlink("joe", in_place("mail/lead")), 0);
	CHECK_INT(open_as_mbox(in_place("mail/lead"), "a symbolic link"),
	    EX_CANTCREAT);
	CHECK_INT(symlink("nowhere", in_place("mail/lost")), 0);
	CHECK_INT(open_as_mbox(in_place("mail/lost"), "a symbolic link"),
	    EX_CANTCREAT);
	CHECK(access(in_place("mail/nowhere"), F_OK) == -1);
	remove_tree(place);
}

/* With no directory for spools: one of its own, which goes away. */
static void
test_private_spool(void)
{
	struct deliver_item item, *list[1] = { &item };
	struct deliver *deliver;
	char name[256];
	int i;

	make_place();
	setenv("TMPDIR", in_place("spool"), 1);
	spec = make_spec("mbox", xstrdup(in_place("box")));
	spec.spool_dir = NULL;
	for (i = 0; i < 2; i++) {
		deliver = deliver_open(&spec, &err);
		CHECK(deliver != NULL);
		CHECK_INT(count_names(in_place("spool"), name), 1);
		CHECK_INT(strlen(name), strlen("poplar-XXXXXX"));
		CHECK_INT(receive(deliver, &item, "a", "A: b\n\n", &err), 0);
		CHECK_INT(count_names(in_place("spool/%s", name), NULL), 1);
		CHECK_INT(deliver_sync(deliver, list, 1, &err), 0);
		CHECK_INT(deliver_apply(deliver, list, 1, NULL, &err), 0);
		deliver_release(deliver, list, 1);
		deliver_close(deliver);
		CHECK_INT(count_names(in_place("spool"), NULL), 0);
	}
	CHECK_INT(count_text(spec.path, "A: b"), 2);
	unsetenv("TMPDIR");
	clean();
}

/* A journal that cannot be written, a destination that is not there. */
static void
test_recovery_refused(void)
{
	struct deliver_pending pending[3];
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };
	uint64_t device = crash(pending, &mark, false);
	int i;

	leave(LEFT_BEFORE, &mark);
	mark.fail = true;
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_INT(count_text(spec.path, "Subject:"), 0);
	err.status = 0;
	CHECK_INT(deliver_recover(&spec, device + 1, pending, 3, &hooks, &err),
	    -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	unlink(spec.path);
	err.status = 0;
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK(access(spec.path, F_OK) == -1);
	for (i = 0; i < 3; i++)
		free((char *)pending[i].spool);
	clean();
}

/* A spool that cannot be opened now is not gone: nothing is decided. */
static void
test_recovery_out_of_descriptors(void)
{
	struct deliver_pending pending[3];
	struct mark mark = { 0 };
	struct deliver_hooks hooks = { .mark = mark_hook, .arg = &mark };
	uint64_t device = crash(pending, &mark, true);
	struct rlimit limit, few;
	int i, next;

	leave(LEFT_CUT, &mark);
	next = dup(0);
	close(next);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	/* for the mbox, the directory and one message */
	few.rlim_cur = (rlim_t)next + 3;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	err.status = 0;
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_INT(deliver_recover(&spec, device, pending, 3, &hooks, &err), 0);
	for (i = 0; i < 3; i++) {
		CHECK_INT(pending[i].decision, DELIVER_APPLIED);
		free((char *)pending[i].spool);
	}
	CHECK_INT(count_text(spec.path, "Subject: three"), 1);
	clean();
}

int
main(void)
{
	make_second();
	TEST(test_quote);
	TEST(test_quote_long);
	TEST(test_whole_way);
	TEST(test_drop);
	TEST(test_refused);
	TEST(test_fcntl_lock);
	TEST(test_recovery);
	TEST(test_recovery_every_cut);
	TEST(test_recovery_torn_behind);
	TEST(test_recovery_refused);
	TEST(test_planted);
	TEST(test_private_spool);
	TEST(test_recovery_out_of_descriptors);
	return TEST_END();
}
