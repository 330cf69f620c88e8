/* SPDX-License-Identifier: ISC */
/*
 * State files of other programs. Input: which program and which account, then
 * the file.
 */
#include "state/import.h"

#include <string.h>

#include "base/err.h"
#include "fuzz.h"

struct seen {
	int count;
	unsigned int sum;
	size_t octets;
};

static int
on_uid(void *arg, const char *uid, size_t len, uint32_t time)
{
	struct seen *seen = arg;

	FUZZ_CHECK(len > 0 && len <= 65535);
	seen->count++;
	seen->octets += len;
	seen->sum += time;
	for (size_t i = 0; i < len; i++)
		seen->sum += (unsigned char)uid[i];
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tools[] = { "mpop", "fetchmail", "getmail",
		"fdm" };
	struct fuzz fuzz = { data, size };
	unsigned int mode = fuzz_byte(&fuzz);
	struct seen seen = { 0, 0, 0 };
	struct err err = ERR_INIT;
	int got;

	got = import_read(tools[mode & 3],
	    fuzz_file("import", fuzz.data, fuzz.len), mode & 4 ? "u" : NULL,
	    mode & 8 ? "h" : NULL, on_uid, &seen, &err);
	if (got == -1) {
		FUZZ_CHECK(err.status == EX_DATAERR || err.status == EX_USAGE);
		/* nothing is given away before the whole file is sound */
		FUZZ_CHECK(seen.count == 0);
	} else {
		FUZZ_CHECK(got == seen.count);
		FUZZ_CHECK(seen.octets <= fuzz.len);
	}
	return 0;
}
