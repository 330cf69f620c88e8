/* SPDX-License-Identifier: ISC */
/* poplar: sets the process up, finds the command, runs it, and ends it. */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/core.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/signals.h"
#include "cli/cli.h"
#include "cli/usage.h"

/*
 * A descriptor of ours must never be 0, 1 or 2. Opened the wrong way round, so
 * that output that was closed fails instead of vanishing.
 */
static void
fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

static int
setup_log(const struct cli *cli, struct err *err)
{
	struct log_options options = { cli->quiet, cli->verbose, cli->debug,
		-1 };

	if (cli->debug_file != NULL) {
		if (options.debug == 0)
			options.debug = 1;
		options.debug_fd = open(cli->debug_file,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (options.debug_fd == -1)
			return err_sys(err, EX_CANTCREAT, "cannot open %s",
			    cli->debug_file);
	}
	log_setup(&options);
	return 0;
}

static int
run(struct cli *cli, int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (cli_parse(cli, argc, argv, &err) == -1 ||
	    setup_log(cli, &err) == -1)
		return cli_fail(&err);
	if (cli->version)
		printf("poplar %s\n", POPLAR_VERSION);
	else if (cli->help && cli->command != NULL)
		usage_command(stdout, cli->command, false);
	else if (cli->help)
		usage_all(stdout);
	else if (cli->command != NULL)
		return cli->command->run(cli);
	else {
		usage_all(stderr);
		return EX_USAGE;
	}
	return cli_finish_output();
}

int
main(int argc, char **argv)
{
	struct cli cli;
	int status;

	core_forbid();
	fill_standard_fds();
	setlocale(LC_CTYPE, "");
	limit_raise();
	signals_install();
	status = run(&cli, argc, argv);
	cli_clear(&cli);
	log_forget();
	return signals_stop() != 0 ? 128 + signals_stop() : status;
}
