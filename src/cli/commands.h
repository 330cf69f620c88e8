/* SPDX-License-Identifier: ISC */
/* The commands there are; one file each. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct command;

extern const struct command command_stat;
extern const struct command command_list;
extern const struct command command_fetch;
extern const struct command command_top;
extern const struct command command_uidl;
extern const struct command command_delete;
extern const struct command command_capa;
extern const struct command command_check;
extern const struct command command_shell;
extern const struct command command_state;
extern const struct command command_help;

#endif
