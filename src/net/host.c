/* SPDX-License-Identifier: ISC */
/* What a host name or address may look like, and its one spelling. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "net/net.h"
#include "net/tls.h"

#define NAME_MAX_OCTETS 253 /* RFC 1035 section 2.3.4, as text */
#define LABEL_MAX_OCTETS 63

struct literal {
	int family;
	unsigned char addr[sizeof(struct in6_addr)];
	const char *scope; /* "%eth0" and what follows, or "" */
	size_t scope_len;
};

/* An address, with or without brackets, IPv6 with or without a scope. */
static bool
read_literal(const char *host, struct literal *literal)
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strlen(host), addr_len;

	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	addr_len = strcspn(host, "%]");
	if (addr_len > len)
		addr_len = len;
	if (addr_len >= sizeof(text))
		return false;
	memcpy(text, host, addr_len);
	text[addr_len] = '\0';
	literal->scope = host + addr_len;
	literal->scope_len = len - addr_len;
	literal->family = AF_INET6;
	if (inet_pton(AF_INET6, text, literal->addr) == 1)
		return literal->scope_len == 0 ||
		    (literal->scope_len > 1 && literal->scope[0] == '%');
	literal->family = AF_INET;
	return literal->scope_len == 0 &&
	    inet_pton(AF_INET, text, literal->addr) == 1;
}

int
net_is_literal(const char *host)
{
	struct literal literal;

	return read_literal(host, &literal);
}

int
net_is_loopback(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), n = sizeof(name) - 1;
	struct literal literal;
	struct in6_addr six;

	if (host[0] == '/')
		return 1;
	if (read_literal(host, &literal)) {
		if (literal.family == AF_INET)
			return literal.addr[0] == 127;
		memcpy(&six, literal.addr, sizeof(six));
		return IN6_IS_ADDR_LOOPBACK(&six) ||
		    (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	}
	if (len > 0 && host[len - 1] == '.')
		len--;
	/* RFC 6761 section 6.3: localhost and all below it */
	return len >= n && strncasecmp(host + len - n, name, n) == 0 &&
	    (len == n || host[len - n - 1] == '.');
}

/* Letters, digits, - and _ in labels that are not empty or too long. */
static bool
is_name(const char *name)
{
	size_t label = 0, i;
	unsigned char c;

	for (i = 0; name[i] != '\0'; i++) {
		c = (unsigned char)name[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (c >= 0x80 || (!isalnum(c) && c != '-' && c != '_') ||
		    (c == '-' && label == 0) || ++label > LABEL_MAX_OCTETS)
			return false;
	}
	return label > 0 && i <= NAME_MAX_OCTETS;
}

/*
 * No ASCII but what names have, so that nothing slips through the mapping,
 * which takes blanks and empty labels as they are.
 */
static bool
may_be_mapped(const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < 0x80 &&
		    !isalnum((unsigned char)*name) &&
		    strchr("-_.", *name) == NULL)
			return false;
	return true;
}

static void
drop_dot(char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static char *
canonical_literal(const struct literal *literal)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(literal->family, literal->addr, text, sizeof(text)) ==
	    NULL)
		text[0] = '\0';
	return xasprintf("%s%.*s", text, (int)literal->scope_len,
	    literal->scope);
}

char *
net_canonical_host(const char *host, struct err *err)
{
	struct literal literal;
	char *name = NULL, *safe, *p;

	if (read_literal(host, &literal))
		return canonical_literal(&literal);
	if (may_be_mapped(host))
		name = is_ascii(host) ? xstrdup(host) : tls_idna(host);
	if (name != NULL) {
		drop_dot(name);
		for (p = name; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		if (is_name(name))
			return name;
	}
	free(name);
	safe = log_safe(host, strlen(host));
	err_set(err, EX_USAGE, "'%s' is not a host name", safe);
	free(safe);
	return NULL;
}
