/* SPDX-License-Identifier: ISC */
/* Points in time on the monotonic clock, in milliseconds. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdint.h>

#define DEADLINE_NEVER INT64_MAX

int64_t deadline_now(void);
/* now + ms, or DEADLINE_NEVER if ms is negative. */
int64_t deadline_after(int64_t ms);
int64_t deadline_earlier(int64_t a, int64_t b);
/* Milliseconds left, 0 to INT_MAX, as poll(2) takes them; -1 for never. */
int deadline_poll(int64_t at);

#endif
