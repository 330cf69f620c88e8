/* SPDX-License-Identifier: ISC */
/*
 * The unit tests' whole framework: a check prints file, line, got and wanted
 * when it fails, and the program ends with TEST_END, as TAP with one line a
 * check would be noise: one TAP line a TEST() block.
 */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int test_number, test_failures, test_bad;

static inline void
test_done(const char *name)
{
	printf("%s %d - %s\n", test_bad ? "not ok" : "ok", ++test_number, name);
	test_failures += test_bad != 0;
	test_bad = 0;
}

/* Run a function without arguments as one test. */
#define TEST(function) (function(), test_done(#function))
#define TEST_END() (printf("1..%d\n", test_number), test_failures != 0)

#define CHECK(condition)                                                       \
	((condition) ? (void)0 :                                               \
		       (test_bad++,                                            \
			   (void)printf("# %s:%d: failed: %s\n", __FILE__,     \
			       __LINE__, #condition)))

#define CHECK_INT(got, want)                                                   \
	do {                                                                   \
		intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want);     \
		if (got_ != want_) {                                           \
			test_bad++;                                            \
			printf("# %s:%d: %s: got %jd, wanted %jd\n", __FILE__, \
			    __LINE__, #got, got_, want_);                      \
		}                                                              \
	} while (0)

#define CHECK_STR(got, want)                                                   \
	do {                                                                   \
		const char *got_ = (got), *want_ = (want);                     \
		if (got_ == NULL || strcmp(got_, want_) != 0) {                \
			test_bad++;                                            \
			printf("# %s:%d: %s: got \"%s\", wanted \"%s\"\n",     \
			    __FILE__, __LINE__, #got, got_ ? got_ : "(null)",  \
			    want_);                                            \
		}                                                              \
	} while (0)

#define CHECK_MEM(got, got_len, want, want_len)                                \
	do {                                                                   \
		size_t gl_ = (got_len), wl_ = (want_len);                      \
		if (gl_ != wl_ || memcmp((got), (want), wl_) != 0) {           \
			test_bad++;                                            \
			printf("# %s:%d: %s: %zu octets differ from %zu\n",    \
			    __FILE__, __LINE__, #got, gl_, wl_);               \
		}                                                              \
	} while (0)

#endif
