/* SPDX-License-Identifier: ISC */
/* src/deliver/mbox_lock.c: who may have left a dotlock. */
#include <sys/wait.h>

#include <time.h>

#include "base/deadline.h"
#include "deliver/mbox_lock.h"

#include "deliver_test.h"
#include "forbid.h"

static struct err err;

static pid_t
dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

/* Who may have left a dotlock, and whether it may be taken away. */
static void
try_dotlock(const char *text, size_t len, bool old, int want)
{
	const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };
	const char *path = in_place("lockbox");
	struct mbox_lock lock;
	int fd, rc;

	put_file(path, "", 0);
	put_file(in_place("lockbox.lock"), text, len);
	if (old)
		utimensat(AT_FDCWD, in_place("lockbox.lock"), long_ago, 0);
	fd = open(path, O_RDWR);
	err.status = 0;
	rc = mbox_lock(&lock, fd, path, deadline_now(), &err);
	CHECK_INT(rc, want);
	if (rc == 0) {
		CHECK(access(in_place("lockbox.lock"), F_OK) == 0);
		mbox_unlock(&lock, fd);
		CHECK(access(in_place("lockbox.lock"), F_OK) == -1);
	} else {
		CHECK_INT(err.status, EX_TEMPFAIL);
		CHECK(access(in_place("lockbox.lock"), F_OK) == 0);
		unlink(in_place("lockbox.lock"));
	}
	close(fd);
}

static void
try_text(const char *text, bool old, int want)
{
	try_dotlock(text, strlen(text), old, want);
}

static void
test_owner(void)
{
	char host[256] = "localhost", text[300];

	make_place();
	gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%ld:%s", (long)dead_pid(), host);
	try_text(text, false, 0);
	snprintf(text, sizeof(text), "%ld:%s\n", (long)getppid(), host);
	try_text(text, false, -1);
	snprintf(text, sizeof(text), "%ld:elsewhere", (long)dead_pid());
	try_text(text, false, -1);
	snprintf(text, sizeof(text), "%ld\n", (long)dead_pid());
	try_text(text, false, -1);
	try_text("", false, -1);
	try_text("0", false, -1);
	remove_tree(place);
}

/* What is older than the machine's start, and what a power loss left of it. */
static void
test_power_loss(void)
{
	char host[256] = "localhost", text[300];

	make_place();
	gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%ld:%s", (long)getppid(), host);
	try_text(text, true, 0);
	text[strlen(text) - 1] = '\0';
	try_text(text, true, 0);
	try_text(text, false, -1);
	try_text("", true, 0);
	try_text("12", true, 0);
	try_text("12:", true, 0);
	try_dotlock("\0\0\0\0", 4, true, 0);
	try_dotlock("\0\0\0\0", 4, false, -1);
	try_text("12:elsewhere", true, 0);
	try_text("somebody", true, 0);
	remove_tree(place);
}

/* Who lives on needs it for five minutes at most, or touches it. */
static void
test_age(void)
{
	static const struct {
		int age_s;
		const char *who; /* NULL: this process's parent, here */
		int want;
		const char *says;
	} cases[] = {
		{ 30, "", -1, "lockbox.lock is 30 seconds old" },
		{ 290, "", -1, "lockbox.lock is 4 minutes old" },
		{ 301, "", 0, NULL },
		{ 301, "0", 0, NULL },
		{ 290, "12:elsewhere", -1, "minutes old" },
		{ 301, "12:elsewhere", 0, NULL },
		{ 7300, NULL, -1, "lockbox.lock is 2 hours old" },
	};
	char host[256] = "localhost", text[300];
	const char *path, *dot;
	struct mbox_lock lock;
	struct timespec up;
	size_t i;
	int fd, want;

	clock_gettime(CLOCK_BOOTTIME, &up);
	make_place();
	gethostname(host, sizeof(host) - 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct timespec then[2] = { { time(NULL) - cases[i].age_s, 0 },
			{ time(NULL) - cases[i].age_s, 0 } };

		path = in_place("lockbox");
		dot = in_place("lockbox.lock");
		put_file(path, "", 0);
		/* as liblockfile writes it: without a host */
		snprintf(text, sizeof(text), "%ld\n", (long)getppid());
		put_file(dot, cases[i].who == NULL ? text : cases[i].who,
		    strlen(cases[i].who == NULL ? text : cases[i].who));
		utimensat(AT_FDCWD, dot, then, 0);
		fd = open(path, O_RDWR);
		CHECK_INT(mbox_lock_look(path, &err), -1);
		/* a machine that has just been started: nobody lives on */
		want = cases[i].age_s > up.tv_sec &&
			(cases[i].who == NULL || cases[i].who[0] == '\0') ?
		    0 :
		    cases[i].want;
		CHECK_INT(mbox_lock(&lock, fd, path, deadline_now(), &err),
		    want);
		if (want == 0)
			mbox_unlock(&lock, fd);
		else
			CHECK(strstr(err.text, cases[i].says) != NULL);
		unlink(dot);
		CHECK_INT(mbox_lock_look(path, &err), 0);
		close(fd);
	}
	remove_tree(place);
}

/* Where links are refused, a dotlock is made all the same. */
static void
test_without_links(void)
{
	struct mbox_lock lock;
	int fd, status;
	pid_t pid;

	make_place();
	put_file(in_place("lockbox"), "", 0);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		fd = open(in_place("lockbox"), O_RDWR);
		CHECK_INT(forbid(SYS_linkat, EACCES), 0);
#ifdef SYS_link
		CHECK_INT(forbid(SYS_link, EACCES), 0);
#endif
		CHECK_INT(mbox_lock(&lock, fd, in_place("lockbox"),
			      deadline_now(), &err),
		    0);
		CHECK(access(in_place("lockbox.lock"), F_OK) == 0);
		mbox_unlock(&lock, fd);
		CHECK(access(in_place("lockbox.lock"), F_OK) == -1);
		fflush(stdout);
		_exit(test_bad != 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	remove_tree(place);
}

/* One that its owner could not remove goes before there is mail to append. */
static void
test_sweep(void)
{
	char host[256] = "localhost", text[300];
	const char *path;
	int fd;

	make_place();
	path = in_place("lockbox");
	put_file(path, "", 0);
	fd = open(path, O_RDWR);
	mbox_lock_sweep(fd, path);
	gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%ld:%s", (long)getppid(), host);
	put_file(in_place("lockbox.lock"), text, strlen(text));
	mbox_lock_sweep(fd, path);
	CHECK(access(in_place("lockbox.lock"), F_OK) == 0);
	snprintf(text, sizeof(text), "%ld:%s", (long)dead_pid(), host);
	put_file(in_place("lockbox.lock"), text, strlen(text));
	mbox_lock_sweep(fd, path);
	CHECK(access(in_place("lockbox.lock"), F_OK) == -1);
	close(fd);
	remove_tree(place);
}

int
main(void)
{
	TEST(test_owner);
	TEST(test_sweep);
	TEST(test_power_loss);
	TEST(test_age);
	TEST(test_without_links);
	return TEST_END();
}
