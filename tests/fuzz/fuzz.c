/* SPDX-License-Identifier: ISC */
/* What the fuzzers share: input in pieces, files, and how to fail. */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* No warnings between the fuzzer's lines, no configuration from outside. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct log_options quiet = { .quiet = 2, .debug_fd = -1 };

	(void)argc;
	(void)argv;
	log_setup(&quiet);
	umask(077);
	setenv("HOME", fuzz_dir(), 1);
	setenv("TZ", "UTC", 1);
	return 0;
}

void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

unsigned int
fuzz_byte(struct fuzz *fuzz)
{
	if (fuzz->len == 0)
		return 0;
	fuzz->len--;
	return *fuzz->data++;
}

char *
fuzz_rest(const struct fuzz *fuzz)
{
	char *copy = xmalloc(fuzz->len);

	memcpy(copy, fuzz->data, fuzz->len);
	return copy;
}

char *
fuzz_string(const struct fuzz *fuzz)
{
	return xstrndup((const char *)fuzz->data, fuzz->len);
}

int
fuzz_piece(struct fuzz *fuzz, char separator, char **piece, size_t *len)
{
	const uint8_t *end;
	struct fuzz part = *fuzz;

	if (fuzz->len == 0)
		return 0;
	end = memchr(fuzz->data, separator, fuzz->len);
	if (end != NULL)
		part.len = (size_t)(end - fuzz->data);
	*piece = fuzz_rest(&part);
	*len = part.len;
	fuzz->data += part.len + (end != NULL);
	fuzz->len -= part.len + (end != NULL);
	return 1;
}

const char *
fuzz_dir(void)
{
	static char dir[256];
	const char *tmp = getenv("TMPDIR");

	if (dir[0] != '\0')
		return dir;
	snprintf(dir, sizeof(dir), "%s/poplar-fuzz-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		fuzz_failed(__FILE__, __LINE__, "mkdtemp");
	return dir;
}

const char *
fuzz_file(const char *name, const void *data, size_t len)
{
	static char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd != -1 && write(fd, data, len) == (ssize_t)len);
	close(fd);
	return path;
}
