/* SPDX-License-Identifier: ISC */
/*
 * The progress line: "NAME  12/40 messages  3.1/9.8 MB  1.2 MB/s  0:06 left"
 * for one account; for several, how many of them are done in place of NAME.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/account.h"
#include "base/buf.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/text.h"
#include "fetch/report.h"

#define REDRAW_MS 100
#define RATE_MS 3000 /* what the rate is an average over */

static struct {
	struct account *const *accounts;
	struct report_progress *each;
	size_t count, done;
	bool shown; /* it is on the screen now */
	struct buf line;
	int64_t drawn_ms;
	/* the rate: octets at two points in time, and what that was */
	int64_t since_ms;
	uint64_t since_octets;
	double rate; /* octets a second; 0: not yet known */
} progress;

static void
put(const char *text, size_t len)
{
	/* a progress line that cannot be written is not missed */
	if (write(STDERR_FILENO, text, len) == -1)
		progress.shown = false;
}

static void
hide(void)
{
	static const char clear[] = "\r\033[K";

	if (!progress.shown)
		return;
	progress.shown = false;
	put(clear, sizeof(clear) - 1);
}

static void
show(void)
{
	struct buf out = BUF_INIT;
	size_t columns = text_columns(STDERR_FILENO);

	if (columns == 0 || progress.line.len == 0)
		return;
	/* the last column is left free: some terminals wrap after it */
	buf_puts(&out, "\r");
	text_fit(buf_text(&progress.line), columns - 1, &out);
	while (out.len > 1 && out.data[out.len - 1] == ' ')
		out.len--;
	buf_puts(&out, "\033[K");
	progress.shown = true;
	put(out.data, out.len);
	buf_clear(&out);
}

static void
measure_rate(uint64_t octets, int64_t now_ms)
{
	double seconds = (double)(now_ms - progress.since_ms) / 1000, rate;

	if (now_ms - progress.since_ms < RATE_MS / 3)
		return;
	rate = octets < progress.since_octets ?
	    0 :
	    (double)(octets - progress.since_octets) / seconds;
	progress.rate =
	    progress.rate > 0 ? (2 * progress.rate + rate) / 3 : rate;
	progress.since_ms = now_ms;
	progress.since_octets = octets;
}

static void
put_time_left(uint64_t octets)
{
	uint64_t seconds;

	if (progress.rate < 1)
		return;
	seconds = (uint64_t)((double)octets / progress.rate) + 1;
	if (seconds < 3600)
		buf_printf(&progress.line, "  %" PRIu64 ":%02" PRIu64 " left",
		    seconds / 60, seconds % 60);
	else if (seconds < 360000)
		buf_printf(&progress.line, "  %" PRIu64 "h%02" PRIu64 " left",
		    seconds / 3600, seconds / 60 % 60);
}

static void
compose(int64_t now_ms)
{
	struct report_progress sum = { 0, 0, 0, 0 };
	struct buf *line = &progress.line;
	char done[32], total[32], rate[32];
	size_t i;

	for (i = 0; i < progress.count; i++) {
		sum.messages += progress.each[i].messages;
		sum.messages_total += progress.each[i].messages_total;
		sum.octets += progress.each[i].octets;
		sum.octets_total += progress.each[i].octets_total;
	}
	measure_rate(sum.octets, now_ms);
	line->len = 0;
	if (progress.count == 1)
		text_safe(progress.accounts[0]->name,
		    strlen(progress.accounts[0]->name), line);
	else
		buf_printf(line, "%zu/%zu accounts", progress.done,
		    progress.count);
	text_size(sum.octets, done, sizeof(done));
	text_size(sum.octets_total, total, sizeof(total));
	buf_printf(line, "  %" PRIu64 "/%" PRIu64 " messages  %s of %s",
	    sum.messages, sum.messages_total, done, total);
	if (progress.rate >= 1) {
		text_size((uint64_t)progress.rate, rate, sizeof(rate));
		buf_printf(line, "  %s/s", rate);
	}
	if (sum.octets_total > sum.octets)
		put_time_left(sum.octets_total - sum.octets);
}

bool
progress_begin(struct account *const *accounts, size_t count)
{
	const struct log_options *options = log_options();

	/* a trace on the same screen is enough to look at */
	if (!text_has_cursor(STDERR_FILENO) || options->quiet > 0 ||
	    (options->debug > 0 && options->debug_fd == -1))
		return false;
	memset(&progress, 0, sizeof(progress));
	progress.accounts = accounts;
	progress.count = count;
	progress.each = xcalloc(count, sizeof(*progress.each));
	progress.since_ms = deadline_now();
	log_around(hide, show);
	return true;
}

void
progress_update(size_t account, const struct report_progress *now)
{
	int64_t now_ms;

	if (progress.each == NULL)
		return;
	progress.each[account] = *now;
	now_ms = deadline_now();
	if (now_ms - progress.drawn_ms < REDRAW_MS)
		return;
	progress.drawn_ms = now_ms;
	compose(now_ms);
	show();
}

void
progress_done(size_t account)
{
	if (progress.each == NULL)
		return;
	progress.done++;
	progress.each[account].octets = progress.each[account].octets_total;
	hide();
	if (progress.done < progress.count)
		compose(deadline_now());
	else
		progress.line.len = 0; /* nothing more will come */
}

void
progress_line(const char *text, size_t len)
{
	hide();
	put(text, len);
	show();
}

void
progress_end(void)
{
	if (progress.each == NULL)
		return;
	hide();
	log_around(NULL, NULL);
	free(progress.each);
	buf_clear(&progress.line);
	memset(&progress, 0, sizeof(progress));
}
