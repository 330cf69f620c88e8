/* SPDX-License-Identifier: ISC */
/* Batches small and large in both modes, and the errors that can be had. */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sync.h"
#include "forbid.h"
#include "test.h"

#define FILES 12

static char dir[] = "/tmp/poplar-sync-XXXXXX";

static void
batch(enum sync_mode mode, size_t n, int hole)
{
	struct err err = ERR_INIT;
	struct sync *sync = sync_new(mode);
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fds[FILES];
	size_t i;

	CHECK_INT(sync_begin(sync, dirfd, &err), 0);
	for (i = 0; i < n; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "f%zu", i);
		fds[i] =
		    openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		CHECK_INT(write(fds[i], "text", 4), 4);
		sync_start(sync, fds[i], 1 << 20);
	}
	if (hole) {
		(void)close(fds[0]);
		fds[0] = -1;
	}
	CHECK_INT(sync_batch(sync, fds, n, dirfd, &err), 0);
	CHECK_STR(err.text, "");
	for (i = 0; i < n; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "f%zu", i);
		(void)close(fds[i]);
		CHECK_INT(unlinkat(dirfd, name, 0), 0);
	}
	(void)close(dirfd);
	sync_free(sync);
}

static void
batches(void)
{
	batch(SYNC_AUTO, FILES, 0);
	batch(SYNC_AUTO, FILES, 1);
	batch(SYNC_AUTO, 8, 1);
	batch(SYNC_AUTO, 3, 0);
	batch(SYNC_FILES, FILES, 1);
	sync_free(NULL);
}

static void
failures(void)
{
	struct err err = ERR_INIT;
	struct sync *sync = sync_new(SYNC_FILES);
	int ends[2], dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(pipe(ends), 0);
	CHECK_INT(sync_data(ends[1], "journal", &err), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_STR(err.text, "cannot sync journal: Invalid argument");
	CHECK_INT(sync_file(ends[1], "spool", &err), -1);
	CHECK_STR(err.text, "cannot sync spool: Invalid argument");
	CHECK_INT(sync_dir(-1, "new", &err), -1);
	CHECK_STR(err.text, "cannot sync new: Bad file descriptor");
	err.status = 0;
	CHECK_INT(sync_begin(sync, dirfd, &err), 0);
	CHECK_INT(sync_batch(sync, &ends[1], 1, dirfd, &err), -1);
	CHECK_INT(err.status, EX_IOERR);
	CHECK_INT(sync_dir(dirfd, "new", &err), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(dirfd);
	sync_free(sync);
}

/* What file systems say that cannot sync directories; others are failures. */
static void
directories(void)
{
	static const struct {
		int error, want;
	} cases[] = { { EINVAL, 0 }, { EOPNOTSUPP, 0 }, { ENOSYS, 0 },
		{ EBADF, 0 }, { EISDIR, 0 }, { EIO, -1 }, { ENOSPC, -1 } };
	struct err err = ERR_INIT;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fflush(stdout);
		if ((pid = fork()) == 0) {
			CHECK_INT(forbid(SYS_fsync, cases[i].error), 0);
			CHECK_INT(sync_dir(dirfd, "new", &err), cases[i].want);
			CHECK_INT(sync_parent(dir, &err), cases[i].want);
			/* a file must be synced */
			CHECK_INT(sync_file(dirfd, "file", &err), -1);
			fflush(stdout);
			_exit(test_bad != 0);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
	}
	(void)close(dirfd);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(batches);
	TEST(failures);
	TEST(directories);
	(void)rmdir(dir);
	return TEST_END();
}
