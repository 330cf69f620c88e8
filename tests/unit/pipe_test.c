/* SPDX-License-Identifier: ISC */
/* src/deliver/pipe.c, stdout.c and handover.c. */
#include "deliver_test.h"

static struct err err;

struct seen {
	int delivered, pumped;
	bool fail;
};

static int
delivered(void *arg, struct deliver_item *item, struct err *e)
{
	struct seen *seen = arg;

	(void)item;
	if (seen->fail)
		return err_set(e, EX_IOERR, "journal");
	seen->delivered++;
	return 0;
}

static void
pump(void *arg, int ms)
{
	struct seen *seen = arg;

	seen->pumped++;
	usleep((unsigned int)(ms > 5 ? 5 : ms) * 1000);
}

/* Hand text, count times, to command in place. Items' statuses in failed. */
static int
run(const char *kind, const char *command, const char *text, int count,
    int timeout_ms, struct seen *seen, struct deliver_item *items)
{
	struct deliver_spec spec = make_spec(kind, command);
	struct deliver_hooks hooks = { .delivered = delivered,
		.pump = pump,
		.arg = seen };
	struct deliver_item *list[8];
	struct deliver *deliver;
	int i, rc;

	spec.timeout_ms = timeout_ms;
	deliver = deliver_open(&spec, &err);
	CHECK(deliver != NULL);
	CHECK(!deliver_is_journalled(deliver));
	for (i = 0; i < count; i++) {
		list[i] = &items[i];
		CHECK_INT(receive(deliver, list[i], "id\001x", text, &err), 0);
	}
	deliver_cut(deliver);
	CHECK_INT(deliver_sync(deliver, list, (size_t)count, &err), 0);
	err.status = 0;
	rc = deliver_apply(deliver, list, (size_t)count, &hooks, &err);
	deliver_release(deliver, list, (size_t)count);
	CHECK_INT(count_names(in_place("spool"), NULL), 0);
	deliver_close(deliver);
	return rc;
}

static const struct status_case {
	const char *command;
	int failed, timeout_ms;
} status_cases[] = {
	{ "cat >/dev/null", 0, 5000 },
	{ "exit 0", 0, 5000 },
	{ "exit 75", EX_TEMPFAIL, 5000 },
	{ "exit 1", EX_CANTCREAT, 5000 },
	{ "exec no-such-command-here 2>/dev/null", EX_CANTCREAT, 5000 },
	{ "kill -9 $$", EX_CANTCREAT, 5000 },
	{ "exec sleep 100", EX_TEMPFAIL, 50 },
};

static void
test_statuses(void)
{
	struct deliver_item item;
	struct seen seen;
	size_t i;

	make_place();
	for (i = 0; i < sizeof(status_cases) / sizeof(status_cases[0]); i++) {
		memset(&seen, 0, sizeof(seen));
		CHECK_INT(run("pipe", status_cases[i].command, "text\n", 1,
			      status_cases[i].timeout_ms, &seen, &item),
		    0);
		CHECK_INT(item.failed, status_cases[i].failed);
		CHECK_INT(seen.delivered, status_cases[i].failed == 0);
		if (item.failed != 0) {
			CHECK_INT(item.err.status, item.failed);
			CHECK(strstr(item.err.text, status_cases[i].command) !=
			    NULL);
		}
	}
	remove_tree(place);
}

/* The message as it is, from its start, and what the environment says. */
static void
test_input(void)
{
	struct deliver_item items[2];
	struct seen seen = { 0 };
	char command[1024], *text;
	size_t len;

	make_place();
	snprintf(command, sizeof(command),
	    "{ echo \"$POPLAR_ACCOUNT $POPLAR_UIDL $POPLAR_OCTETS\"; cat; } "
	    ">>%s",
	    in_place("got"));
	CHECK_INT(run("pipe", command, "A: b\n\nFrom x\n", 2, 5000, &seen,
		      items),
	    0);
	CHECK_INT(seen.delivered, 2);
	text = get_file(in_place("got"), &len);
	CHECK_STR(text,
	    "work id\\^Ax 13\nA: b\n\nFrom x\n"
	    "work id\\^Ax 13\nA: b\n\nFrom x\n");
	free(text);
	remove_tree(place);
}

/* One that fails does not stop the others; a journal that fails does. */
static void
test_others_go_on(void)
{
	struct deliver_item items[3];
	struct seen seen = { 0 };
	char command[1024];

	make_place();
	snprintf(command, sizeof(command), "echo >>%s; test $(wc -l <%s) != 2",
	    in_place("n"), in_place("n"));
	CHECK_INT(run("pipe", command, "x\n", 3, 5000, &seen, items), 0);
	CHECK_INT(items[0].failed, 0);
	CHECK_INT(items[1].failed, EX_CANTCREAT);
	CHECK_INT(items[2].failed, 0);
	CHECK_INT(seen.delivered, 2);
	seen.fail = true;
	CHECK_INT(run("pipe", "exit 0", "x\n", 3, 5000, &seen, items), -1);
	CHECK_INT(err.status, EX_IOERR);
	remove_tree(place);
}

/* What a kind prints, by way of a file in the place of our stdout. */
static char *
printed(const char *kind, int count, int *rc, const char *onto)
{
	struct deliver_item items[3];
	struct seen seen = { 0 };
	int saved, fd;
	size_t len;

	fflush(stdout);
	saved = dup(1);
	fd = open(onto, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 1);
	*rc = run(kind, "-", "A: b\n\nFrom x", count, 5000, &seen, items);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(fd);
	return get_file(in_place("printed"), &len);
}

static void
test_stdout(void)
{
	char *text;
	int rc;

	make_place();
	text = printed("stdout", 1, &rc, in_place("printed"));
	CHECK_INT(rc, 0);
	CHECK_STR(text, "A: b\n\nFrom x");
	free(text);
	text = printed("mbox", 2, &rc, in_place("printed"));
	CHECK_INT(rc, 0);
	CHECK(strncmp(text, "From MAILER-DAEMON ", 19) == 0);
	CHECK(strstr(text, "\nA: b\n\n>From x\n\nFrom MAILER-DAEMON ") != NULL);
	CHECK_STR(text + strlen(text) - 15, "A: b\n\n>From x\n\n");
	free(text);
	/* a full disk is the destination's failure */
	text = printed("stdout", 1, &rc, "/dev/full");
	CHECK_INT(rc, -1);
	CHECK_INT(err.status, EX_IOERR);
	free(text);
	remove_tree(place);
}

int
main(void)
{
	TEST(test_statuses);
	TEST(test_input);
	TEST(test_others_go_on);
	TEST(test_stdout);
	return TEST_END();
}
