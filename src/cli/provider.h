/* SPDX-License-Identifier: ISC */
/* Large mail providers, and what is peculiar about getting in there. */
#ifndef CLI_PROVIDER_H
#define CLI_PROVIDER_H

#include <stdbool.h>

struct provider {
	const char *name;
	const char *domains; /* of addresses and servers, blanks between */
	const char *host;    /* its POP3 server; NULL: it has none */
	bool token_only;     /* no password gets in */
	const char *login;   /* what it takes in place of the password */
	const char *enable;  /* where POP is switched on; or NULL */
	const char *note;    /* what one should know beforehand; or NULL */
};

/* The one that host belongs to, or the address user; NULL: none known. Either
 * may be NULL. */
const struct provider *provider_find(const char *host, const char *user);

#endif
