/* SPDX-License-Identifier: ISC */
/*
 * What the fuzzers share. Each is a file with LLVMFuzzerTestOneInput, for
 * libFuzzer or whatever else calls that (AFL++), linked with all of src but
 * main.o. See run.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; the fuzzer stops with the input that shows otherwise. */
#define FUZZ_CHECK(condition)                                                  \
	((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *what);

/* The input, taken from the front. */
struct fuzz {
	const uint8_t *data;
	size_t len;
};

/* One octet; 0 at the end. */
unsigned int fuzz_byte(struct fuzz *fuzz);
/* What is left, exactly as long as it is, so that reading past it is seen. */
char *fuzz_rest(const struct fuzz *fuzz);
/* The same, ended by a NUL, and up to the first one. */
char *fuzz_string(const struct fuzz *fuzz);
/* The next piece, to separator or the end; false: there is none. Exactly as
 * long as it is; the caller frees. */
int fuzz_piece(struct fuzz *fuzz, char separator, char **piece, size_t *len);

/* A directory of this process, which is HOME too; it stays behind. */
const char *fuzz_dir(void);
/* Write a file (0600) into it; its path is good until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t len);

#endif
