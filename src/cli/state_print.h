/* SPDX-License-Identifier: ISC */
/* The messages of a state on stdout, a line each. */
#ifndef CLI_STATE_PRINT_H
#define CLI_STATE_PRINT_H

struct state;

enum state_print {
	STATE_PRINT_LIST,   /* STATE TAB OCTETS TAB DATE TAB UIDL */
	STATE_PRINT_EXPORT, /* UIDL TAB STATE TAB LIST TAB OCTETS TAB DIGEST
			       TAB COPY TAB SECONDS TAB GONE */
	STATE_PRINT_JSON    /* the same as JSON Lines */
};

void state_print(struct state *state, enum state_print how);

#endif
