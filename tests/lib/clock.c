/* SPDX-License-Identifier: ISC */
/* Preloaded into poplar: the clock of the machine is $CLOCK_OFFSET seconds off.
 */
#include <stdlib.h>
#include <time.h>

time_t
time(time_t *out)
{
	const char *offset = getenv("CLOCK_OFFSET");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (offset != NULL)
		now.tv_sec += strtol(offset, NULL, 10);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
