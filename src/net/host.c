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
#include "base/utf8.h"
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

/* Code point at *p, which is moved on; malformed octets count as they are. */
static unsigned int
code_point(const unsigned char **p)
{
	unsigned int c = *(*p)++, more, i;

	more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	if (more == 0)
		return c;
	c &= 0x3fu >> more;
	for (i = 0; i < more && (**p & 0xc0) == 0x80; i++)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

/*
 * Before the mapping: it takes blanks and empty labels as they are, and what
 * signs and compatibility forms stand for (a full-width slash) it drops
 * without a word, so that another host would be meant. Of those only dots and
 * joiners, which have a meaning in names, are let through.
 */
static bool
may_be_mapped(const char *name)
{
	static const unsigned int ranges[][2] = { { 0x80, 0xbf },
		{ 0x2000, 0x2bff }, { 0x3000, 0x3004 }, { 0xfb00, 0xffff } };
	static const unsigned int allowed[] = { 0xb7, 0x200c, 0x200d, 0x3002,
		0xff0e, 0xff61 };
	const unsigned char *p = (const unsigned char *)name;
	unsigned int c;
	size_t i;
	bool ok;

	while (*p != '\0') {
		c = code_point(&p);
		if (c < 0x80) {
			if (!isalnum((int)c) && strchr("-_.", (int)c) == NULL)
				return false;
			continue;
		}
		ok = true;
		for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
			if (c >= ranges[i][0] && c <= ranges[i][1])
				ok = false;
		for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
			ok = ok || c == allowed[i];
		if (!ok)
			return false;
	}
	return true;
}

static void
drop_dot(char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
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
		name = utf8_is_ascii(host) ? xstrdup(host) : tls_idna(host);
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
