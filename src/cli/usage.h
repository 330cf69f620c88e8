/* SPDX-License-Identifier: ISC */
/* Usage, made of the tables. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include <stdbool.h>
#include <stdio.h>

struct command;

void usage_all(FILE *file);
/* One screen; all: with every option it takes. */
void usage_command(FILE *file, const struct command *command, bool all);

#endif
