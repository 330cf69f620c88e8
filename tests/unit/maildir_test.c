/* SPDX-License-Identifier: ISC */
/* src/deliver/maildir.c and maildir_recover.c. */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "deliver/deliver_priv.h"
#include "deliver/maildir.h"

#include "deliver_test.h"
#include "forbid.h"

static struct deliver_spec spec;
static struct err err;

static struct deliver *
open_box(void)
{
	return open_place("maildir", &spec, &err);
}

static void
shut(struct deliver *deliver)
{
	deliver_close(deliver);
	remove_tree(place);
	free((char *)spec.path);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? 0 : st.st_mode & 07777;
}

static void
test_whole_way(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[2], *list[2] = { &items[0], &items[1] };
	char name[256], *text, *spool;
	size_t len;

	CHECK(deliver_is_journalled(deliver));
	CHECK_STR(deliver_kind(deliver), "maildir");
	CHECK_STR(deliver_path(deliver), spec.path);
	CHECK_INT(deliver_has_own(&spec, &err), 0);
	CHECK_INT(receive(deliver, &items[0], "a", "one\n", &err), 0);
	CHECK_INT(receive(deliver, &items[1], "b", "two\n", &err), 0);
	CHECK(strcmp(items[0].name, items[1].name) != 0);
	spool = deliver_spool(deliver, &items[1]);
	CHECK(access(in_place("box/tmp/%s", spool), F_OK) == 0);
	free(spool);
	deliver_cut(deliver);
	CHECK_INT(deliver_sync(deliver, list, 2, &err), 0);
	CHECK_INT(items[0].fd, -1);
	CHECK_INT(count_names(in_place("box/new"), NULL), 0);
	CHECK_INT(deliver_apply(deliver, list, 2, NULL, &err), 0);
	CHECK_INT(items[0].failed, 0);
	CHECK_INT(count_names(in_place("box/new"), name), 2);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 2);
	CHECK_INT(deliver_has_own(&spec, &err), 1);
	/* a second time it is there already */
	CHECK_INT(deliver_apply(deliver, list, 2, NULL, &err), 0);
	CHECK_INT(items[0].failed, 0);
	deliver_release(deliver, list, 2);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 0);
	text = get_file(in_place("box/new/%s", items[1].name), &len);
	CHECK_STR(text, "two\n");
	free(text);
	shut(deliver);
}

/* What cannot be read is not taken for empty, and what is not there not made.
 */
static void
test_unreadable(void)
{
	struct deliver *deliver = open_box();

	CHECK_INT(rmdir(in_place("box/cur")), 0);
	put_file(in_place("box/cur"), "x", 1);
	err.status = 0;
	CHECK_INT(deliver_has_own(&spec, &err), -1);
	CHECK_INT(err.status, EX_CANTCREAT);
	CHECK(strstr(err.text, in_place("box/cur")) != NULL);
	CHECK_INT(unlink(in_place("box/cur")), 0);
	CHECK_INT(deliver_has_own(&spec, &err), 0);
	CHECK(access(in_place("box/cur"), F_OK) == -1);
	shut(deliver);
}

static void
test_name(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item item;
	char first[256];

	CHECK_INT(receive(deliver, &item, "x", "four", &err), 0);
	CHECK(strncmp(item.name, "1700000000.p", 12) == 0);
	CHECK_INT(strspn(item.name + 12, "0123456789abcdef"), 24);
	CHECK(item.name[36] == '.');
	CHECK_STR(strrchr(item.name, ','), ",S=4");
	CHECK(strpbrk(item.name, "/:") == NULL);
	strcpy(first, item.name);
	deliver_name(deliver, &item, 1700000000, test_digest, 1);
	CHECK(strcmp(first, item.name) != 0);
	CHECK(strncmp(first, item.name, 20) == 0);
	deliver_name(deliver, &item, 1700000000, test_digest, 0);
	CHECK_STR(item.name, first);
	deliver_drop(deliver, &item);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 0);
	shut(deliver);
}

/* Another file under our name: that one message fails. */
static void
test_name_taken(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[2], *list[2] = { &items[0], &items[1] };
	size_t len;
	char *text;

	CHECK_INT(receive(deliver, &items[0], "a", "one\n", &err), 0);
	CHECK_INT(receive(deliver, &items[1], "b", "two\n", &err), 0);
	put_file(in_place("box/new/%s", items[0].name), "theirs", 6);
	CHECK_INT(deliver_sync(deliver, list, 2, &err), 0);
	CHECK_INT(deliver_apply(deliver, list, 2, NULL, &err), 0);
	CHECK_INT(items[0].failed, EX_CANTCREAT);
	CHECK_INT(items[1].failed, 0);
	text = get_file(in_place("box/new/%s", items[0].name), &len);
	CHECK_STR(text, "theirs");
	free(text);
	shut(deliver);
}

static void
test_made(void)
{
	static const mode_t masks[] = { 0, 022, 0777 };
	struct deliver_item item;
	struct deliver *deliver;
	char name[256];
	mode_t old;
	size_t i;

	for (i = 0; i < 3; i++) {
		make_place();
		spec = make_spec("maildir", xstrdup(in_place("box")));
		old = umask(masks[i]);
		deliver = deliver_open(&spec, &err);
		CHECK(deliver != NULL);
		CHECK_INT(receive(deliver, &item, "a", "x\n", &err), 0);
		umask(old);
		CHECK_INT(mode_of(in_place("box")), 0700);
		CHECK_INT(mode_of(in_place("box/new")), 0700);
		CHECK_INT(mode_of(in_place("box/cur")), 0700);
		CHECK_INT(mode_of(in_place("box/tmp")), 0700);
		CHECK_INT(count_names(in_place("box/tmp"), name), 1);
		CHECK_INT(mode_of(in_place("box/tmp/%s", name)), 0600);
		shut(deliver);
	}
}

static void
refuse(const char *path, int status)
{
	struct deliver_spec other = make_spec("maildir", path);
	struct deliver *deliver;

	err.status = 0;
	deliver = deliver_open(&other, &err);
	CHECK(deliver == NULL);
	CHECK_INT(err.status, status);
	CHECK(strstr(err.text, path) != NULL);
	deliver_close(deliver);
}

static void
test_not_made(void)
{
	make_place();
	refuse(in_place("parent/box"), EX_CANTCREAT);
	CHECK(access(in_place("parent"), F_OK) == -1);
	put_file(in_place("file"), "x", 1);
	refuse(in_place("file"), EX_CANTCREAT);
	/* somebody's home, with nothing but a dot file */
	mkdir(in_place("home"), 0700);
	put_file(in_place("home/.profile"), "x", 1);
	refuse(in_place("home"), EX_CANTCREAT);
	CHECK(access(in_place("home/new"), F_OK) == -1);
	remove_tree(place);
}

/* Killed half-way through making it. */
static void
test_half_made(void)
{
	struct deliver *deliver;

	make_place();
	mkdir(in_place("box"), 0700);
	mkdir(in_place("box/cur"), 0700);
	spec = make_spec("maildir", xstrdup(in_place("box")));
	deliver = deliver_open(&spec, &err);
	CHECK(deliver != NULL);
	CHECK(access(in_place("box/new"), F_OK) == 0);
	CHECK(access(in_place("box/tmp"), F_OK) == 0);
	shut(deliver);
}

/* Links planted under the names that come next: neither followed nor used. */
static void
test_planted_links(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item item;
	char *spool, *text;
	size_t len;

	put_file(in_place("victim"), "safe", 4);
	CHECK_INT(receive(deliver, &item, "a", "x\n", &err), 0);
	spool = deliver_spool(deliver, &item);
	deliver_drop(deliver, &item);
	*strrchr(spool, '-') = '\0';
	CHECK_INT(symlink(in_place("victim"), in_place("box/tmp/%s-2", spool)),
	    0);
	CHECK_INT(symlink(in_place("nowhere"), in_place("box/tmp/%s-3", spool)),
	    0);
	CHECK_INT(receive(deliver, &item, "a", "x\n", &err), 0);
	CHECK_INT(item.number, 4);
	text = get_file(in_place("victim"), &len);
	CHECK_STR(text, "safe");
	CHECK(access(in_place("nowhere"), F_OK) == -1);
	free(text);
	free(spool);
	shut(deliver);
}

static void
test_sweep(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item item;
	const char *keep[1];
	char *spool;

	CHECK_INT(receive(deliver, &item, "a", "x\n", &err), 0);
	spool = deliver_spool(deliver, &item);
	*strrchr(spool, '-') = '\0';
	put_file(in_place("box/tmp/%s-7", spool), "x", 1);
	put_file(in_place("box/tmp/%s-8", spool), "x", 1);
	put_file(in_place("box/tmp/%s-8x", spool), "x", 1);
	put_file(in_place("box/tmp/poplar-0123456789abcdef-7"), "x", 1);
	put_file(in_place("spool/%s-9", spool), "x", 1);
	keep[0] = in_place("%s-8", spool) + strlen(place) + 1;
	deliver_sweep(deliver, keep, 1);
	CHECK(access(in_place("box/tmp/%s-1", spool), F_OK) == -1);
	CHECK(access(in_place("box/tmp/%s-7", spool), F_OK) == -1);
	CHECK(access(in_place("box/tmp/%s-8", spool), F_OK) == 0);
	CHECK(access(in_place("box/tmp/%s-8x", spool), F_OK) == 0);
	CHECK(access(in_place("box/tmp/poplar-0123456789abcdef-7"), F_OK) == 0);
	CHECK(access(in_place("spool/%s-9", spool), F_OK) == -1);
	/* and what comes next cannot clash */
	CHECK_INT(deliver_begin(deliver, &item, &err), 0);
	CHECK_INT(item.number, 10);
	deliver_drop(deliver, &item);
	free(spool);
	shut(deliver);
}

/* What a crash leaves, and what recovery makes of it. */
static const struct recovery_case {
	const char *what;
	bool linked;      /* into new/ */
	const char *seen; /* moved to cur/ with these flags; "/FOLDER": there,
			     under another name */
	const char *link; /* what a backup calls the tmp file */
	bool no_tmp;      /* a cleaner took the tmp name */
	bool copied;      /* the one in new/ is another file of that name */
	bool cut;         /* the tmp file is shorter than it was */
	int decision;
	int files; /* in new/ and cur/ in the end */
} recovery_cases[] = {
	{ "two links", true, NULL, NULL, false, false, false, DELIVER_APPLIED,
	    1 },
	{ "two links, moved", true, ":2,S", NULL, false, false, false,
	    DELIVER_APPLIED, 1 },
	{ "two links, renamed", true, "/box/cur", NULL, false, false, false,
	    DELIVER_APPLIED, 1 },
	{ "filed in a Maildir++ folder", true, "/box/.Archive/cur", NULL, false,
	    false, false, DELIVER_APPLIED, 0 },
	{ "filed in a subdirectory", true, "/box/work/new", NULL, false, false,
	    false, DELIVER_APPLIED, 0 },
	{ "filed deeper", true, "/box/work/old/cur", NULL, false, false, false,
	    DELIVER_APPLIED, 0 },
	/* nobody can tell this from a backup of the tmp file */
	{ "filed outside", true, "/other/cur", NULL, false, false, false,
	    DELIVER_APPLIED, 1 },
	{ "one link", false, NULL, NULL, false, false, false, DELIVER_APPLIED,
	    1 },
	{ "a backup's link", false, NULL, "backup", false, false, false,
	    DELIVER_APPLIED, 1 },
	{ "a backup's link, to a tmp", false, NULL, "box/.old/tmp/x", false,
	    false, false, DELIVER_APPLIED, 1 },
	{ "a backup's link, beside the folders", false, NULL, "box/.old/x",
	    false, false, false, DELIVER_APPLIED, 1 },
	{ "a backup's link, in new", true, NULL, "backup", false, false, false,
	    DELIVER_APPLIED, 1 },
	{ "a backup's link, cut", false, NULL, "backup", false, false, true,
	    DELIVER_VOID, 0 },
	{ "one link, another copy there", true, NULL, NULL, false, true, false,
	    DELIVER_APPLIED, 1 },
	{ "no tmp, in new", true, NULL, NULL, true, false, false,
	    DELIVER_APPLIED, 1 },
	{ "no tmp, in cur with flags", true, ":2,RS", NULL, true, false, false,
	    DELIVER_APPLIED, 1 },
	{ "no tmp, in cur with sizes", true, ",W=9:2,S", NULL, true, false,
	    false, DELIVER_APPLIED, 1 },
	{ "nothing", false, NULL, NULL, true, false, false, DELIVER_VOID, 0 },
	{ "not the file it was", false, NULL, NULL, false, false, true,
	    DELIVER_VOID, 0 },
};

/* The directories above a place in the test's own. */
static void
make_parents(const char *name)
{
	char *path = xstrdup(in_place("%s", name)), *slash;

	for (slash = path + strlen(place) + 1;
	     (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	free(path);
}

static void
recover_one(const struct recovery_case *c)
{
	struct deliver *deliver = open_box();
	struct deliver_item item, *list[1] = { &item };
	struct deliver_pending pending = { .uid = "a", .uid_len = 1 };
	uint64_t device = deliver_device(deliver);
	char *tmp, *new, *filed = NULL;

	CHECK_INT(receive(deliver, &item, "a", "message\n", &err), 0);
	CHECK_INT(deliver_sync(deliver, list, 1, &err), 0);
	pending.name = item.name;
	pending.spool = deliver_spool(deliver, &item);
	if (c->linked && !c->copied)
		CHECK_INT(deliver_apply(deliver, list, 1, NULL, &err), 0);
	deliver_close(deliver);
	tmp = xstrdup(in_place("box/tmp/%s", pending.spool));
	new = xstrdup(in_place("box/new/%s", item.name));
	if (c->copied)
		put_file(new, "message\n", 8);
	if (c->link != NULL) {
		make_parents(c->link);
		CHECK_INT(link(tmp, in_place("%s", c->link)), 0);
	}
	if (c->seen != NULL && c->seen[0] == '/') {
		filed = xasprintf("%s/1.other:2,S", c->seen + 1);
		make_parents(filed);
		CHECK_INT(rename(new, in_place("%s", filed)), 0);
	} else if (c->seen != NULL)
		CHECK_INT(rename(new,
			      in_place("box/cur/%s%s", item.name, c->seen)),
		    0);
	if (c->no_tmp)
		unlink(tmp);
	if (c->cut)
		CHECK_INT(truncate(tmp, 3), 0);
	CHECK_INT(deliver_recover(&spec, device, &pending, 1, NULL, &err), 0);
	CHECK_INT(pending.decision, c->decision);
	CHECK_INT(count_names(in_place("box/new"), NULL) +
		count_names(in_place("box/cur"), NULL),
	    c->files);
	deliver_recovered(&spec, &pending, 1);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 0);
	if (test_bad)
		printf("# in case: %s\n", c->what);
	free(tmp);
	free(new);
	free(filed);
	free((char *)pending.spool);
	remove_tree(place);
	free((char *)spec.path);
}

static void
test_recovery(void)
{
	size_t i;

	for (i = 0; i < sizeof(recovery_cases) / sizeof(recovery_cases[0]); i++)
		recover_one(&recovery_cases[i]);
}

/* A state that somebody else wrote: its names must not lead out of new/. */
static void
test_recovery_of_paths(void)
{
	static const char *const names[] = { "../../victim", "a/b", "/etc/x",
		"..", "" };
	struct deliver_pending pending = { .uid = "a", .uid_len = 1 };
	struct deliver_item item, *list[1] = { &item };
	struct deliver *deliver;
	uint64_t device;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		deliver = open_box();
		device = deliver_device(deliver);
		CHECK_INT(receive(deliver, &item, "a", "message\n", &err), 0);
		CHECK_INT(deliver_sync(deliver, list, 1, &err), 0);
		pending.spool = deliver_spool(deliver, &item);
		pending.name = names[i];
		deliver_close(deliver);
		CHECK_INT(deliver_recover(&spec, device, &pending, 1, NULL,
			      &err),
		    0);
		CHECK_INT(pending.decision, DELIVER_VOID);
		CHECK_INT(count_names(in_place("box/new"), NULL), 0);
		CHECK(access(in_place("victim"), F_OK) == -1);
		free((char *)pending.spool);
		remove_tree(place);
		free((char *)spec.path);
	}
}

/* Not there, or another file system's empty directory: later. */
static void
test_recovery_elsewhere(void)
{
	struct deliver *deliver = open_box();
	struct deliver_pending pending = { .name = "1.p0.h,S=1",
		.spool = "../../victim" };
	uint64_t device = deliver_device(deliver);

	deliver_close(deliver);
	err.status = 0;
	CHECK_INT(deliver_recover(&spec, device + 1, &pending, 1, NULL, &err),
	    -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	/* a spool field that leads out of tmp/ is no file of ours */
	put_file(in_place("victim"), "x", 1);
	CHECK_INT(deliver_recover(&spec, device, &pending, 1, NULL, &err), 0);
	CHECK_INT(pending.decision, DELIVER_VOID);
	deliver_recovered(&spec, &pending, 1);
	CHECK(access(in_place("victim"), F_OK) == 0);
	remove_tree(in_place("box"));
	err.status = 0;
	CHECK_INT(deliver_recover(&spec, device, &pending, 1, NULL, &err), -1);
	CHECK_INT(err.status, EX_TEMPFAIL);
	CHECK(access(in_place("box"), F_OK) == -1);
	remove_tree(place);
	free((char *)spec.path);
}

static void
test_received(void)
{
	struct deliver_item item, *list[1] = { &item };
	struct deliver *deliver;
	char *text;
	size_t len;

	make_place();
	spec = make_spec("maildir", xstrdup(in_place("box")));
	spec.received = "from pop.example.org; now";
	deliver = deliver_open(&spec, &err);
	CHECK_INT(receive(deliver, &item, "a", "A: b\n\n", &err), 0);
	CHECK_INT(deliver_sync(deliver, list, 1, &err), 0);
	CHECK_INT(deliver_apply(deliver, list, 1, NULL, &err), 0);
	text = get_file(in_place("box/new/%s", item.name), &len);
	CHECK_STR(text, "Received: from pop.example.org; now\nA: b\n\n");
	CHECK_STR(strrchr(item.name, '='), "=42");
	free(text);
	shut(deliver);
}

/* The way through where links are refused; what must hold is checked here. */
static void
deliver_without_links(int error, bool rename_too)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[2], *list[2] = { &items[0], &items[1] };
	struct deliver_pending pending = { .uid = "a", .uid_len = 1 };

	CHECK_INT(receive(deliver, &items[0], "a", "one\n", &err), 0);
	CHECK_INT(receive(deliver, &items[1], "b", "two\n", &err), 0);
	put_file(in_place("box/new/%s", items[1].name), "theirs", 6);
	CHECK_INT(deliver_sync(deliver, list, 2, &err), 0);
	CHECK_INT(forbid(SYS_linkat, error), 0);
	if (rename_too)
		CHECK_INT(forbid(SYS_renameat2, EINVAL), 0);
	pending.name = items[0].name;
	pending.spool = deliver_spool(deliver, &items[0]);
	CHECK_INT(deliver_apply(deliver, list, 2, NULL, &err), 0);
	CHECK_INT(items[0].failed, 0);
	CHECK_INT(items[1].failed, EX_CANTCREAT);
	CHECK_INT(count_names(in_place("box/new"), NULL), 2);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 1);
	CHECK_INT(deliver_recover(&spec, deliver_device(deliver), &pending, 1,
		      NULL, &err),
	    0);
	CHECK_INT(pending.decision, DELIVER_APPLIED);
	deliver_release(deliver, list, 2);
	free((char *)pending.spool);
	shut(deliver);
}

static void
test_without_links(void)
{
	/* of Android, vfat, network and user-space file systems */
	static const int errors[] = { EPERM, EACCES, ENOSYS, EMLINK,
		EOPNOTSUPP };
	size_t i;
	int status;
	pid_t pid;

	for (i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		fflush(stdout);
		if ((pid = fork()) == 0) {
			deliver_without_links(errors[i / 2], i % 2 == 1);
			fflush(stdout);
			_exit(test_bad != 0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
	}
}

/* A batch may begin before the one ahead of it is synced. */
static void
test_two_batches(void)
{
	struct deliver *deliver = open_box();
	struct deliver_item items[2];
	struct deliver_item *first = &items[0], *second = &items[1];

	CHECK_INT(receive(deliver, first, "a", "one\n", &err), 0);
	deliver_cut(deliver);
	CHECK_INT(receive(deliver, second, "b", "two\n", &err), 0);
	deliver_cut(deliver);
	CHECK_INT(deliver_sync(deliver, &first, 1, &err), 0);
	CHECK_INT(deliver_apply(deliver, &first, 1, NULL, &err), 0);
	CHECK_INT(deliver_sync(deliver, &second, 1, &err), 0);
	deliver_release(deliver, &first, 1);
	CHECK_INT(deliver_apply(deliver, &second, 1, NULL, &err), 0);
	deliver_release(deliver, &second, 1);
	CHECK_INT(count_names(in_place("box/new"), NULL), 2);
	CHECK_INT(count_names(in_place("box/tmp"), NULL), 0);
	shut(deliver);
}

int
main(void)
{
	TEST(test_whole_way);
	TEST(test_unreadable);
	TEST(test_name);
	TEST(test_name_taken);
	TEST(test_made);
	TEST(test_not_made);
	TEST(test_half_made);
	TEST(test_planted_links);
	TEST(test_sweep);
	TEST(test_recovery);
	TEST(test_recovery_of_paths);
	TEST(test_recovery_elsewhere);
	TEST(test_without_links);
	TEST(test_received);
	TEST(test_two_batches);
	return TEST_END();
}
