/* SPDX-License-Identifier: ISC */
/* The ends of a command: its error, its output. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/text.h"

int
cli_fail(const struct err *err)
{
	if (err->status != EX_TEMPFAIL || log_options()->quiet < 2)
		log_error("%s", err->text);
	return err->status;
}

bool
cli_color(const struct cli *cli, int fd)
{
	const char *no_color = getenv("NO_COLOR");

	if (cli->color != 0)
		return cli->color == 1;
	return (no_color == NULL || no_color[0] == '\0') && text_has_cursor(fd);
}

int
cli_finish_output(void)
{
	bool failed = ferror(stdout) != 0;
	struct pollfd pollfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int error;

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return 0;
	error = errno;
	/* a reader that has seen enough, as head(1), is nobody's fault */
	if (poll(&pollfd, 1, 0) != 1 || !(pollfd.revents & POLLERR))
		log_error("standard output: %s",
		    error == 0 ? "write error" : strerror(error));
	clearerr(stdout);
	return EX_IOERR;
}
