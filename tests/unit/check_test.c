/* SPDX-License-Identifier: ISC */
/* What a load refuses, a check finds and a repair mends. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xalloc.h"
#include "state/record.h"
#include "state/state.h"
#include "unit/test.h"

#define IDENTITY "u@h.example"

static char *path;

static void
put(const struct buf *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd != -1 && write(fd, data->data, len) == (ssize_t)len);
	close(fd);
}

static void
on_finding(void *arg, const char *text)
{
	buf_printf(arg, "%s\n", text);
}

/* The file ends within its first line, even if only the LF is missing. */
static void
header_without_its_end(void)
{
	static const unsigned char key[DIGEST_KEY_LEN] = { 1, 2, 3 };
	struct buf file = BUF_INIT, findings = BUF_INIT;
	struct err err = ERR_INIT;
	struct state *state;

	record_put_header(&file, IDENTITY, key);
	put(&file, file.len - 1);
	CHECK(state_open(path, IDENTITY, STATE_WRITE, &err) == NULL);
	CHECK_INT(err.status, EX_DATAERR);
	CHECK_INT(state_check(path, false, on_finding, &findings, &err), 1);
	CHECK_STR(buf_text(&findings), "line 1: incomplete\n");
	CHECK_INT(state_check(path, true, on_finding, &findings, &err), 1);
	CHECK_INT(state_check(path, false, on_finding, &findings, &err), 0);
	state = state_open(path, IDENTITY, STATE_WRITE, &err);
	CHECK(state != NULL);
	if (state != NULL)
		CHECK_MEM(state_key(state), sizeof(key), key, sizeof(key));
	state_close(state);
	buf_clear(&findings);
	buf_clear(&file);
}

int
main(void)
{
	char dir[] = "/tmp/check_test-XXXXXX";
	char *name;

	if (mkdtemp(dir) == NULL)
		return 1;
	path = xasprintf("%s/state", dir);
	TEST(header_without_its_end);
	unlink(path);
	name = xasprintf("%s.damaged", path);
	unlink(name);
	free(name);
	name = xasprintf("%s.lock", path);
	unlink(name);
	free(name);
	rmdir(dir);
	free(path);
	return TEST_END();
}
