/* SPDX-License-Identifier: ISC */
/*
 * The resolver knows neither our deadlines nor our signals, so it is asked in a
 * process of its own, which can be killed at any time. (A thread could not be:
 * it would go on asking, with memory and descriptors of ours.) A literal
 * address needs no resolver.
 */
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "net/net.h"

#define ANSWER_MAX ((size_t)256 * 1024)

struct question {
	const char *name, *port;
	int family, flags;
};

/* What the resolver's process writes; the addresses follow. */
struct answer {
	int code, error; /* getaddrinfo(3)'s, and errno */
	bool elsewhere;  /* it has addresses, but not of the family wanted */
	size_t count;
};

static bool
is_absent(int code)
{
	return code == EAI_NONAME || code == EAI_NODATA ||
	    code == EAI_ADDRFAMILY;
}

/* In the resolver's process. */
static void
look_up(const void *arg, struct buf *out)
{
	const struct question *question = arg;
	struct addrinfo hints = { .ai_family = question->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = question->flags };
	struct addrinfo *list = NULL, *ai;
	struct answer answer = { 0 };
	size_t head = out->len;

	memcpy(buf_grow(out, sizeof(answer)), &answer, sizeof(answer));
	answer.code =
	    getaddrinfo(question->name, question->port, &hints, &list);
	answer.error = errno;
	if (answer.code == 0) {
		for (ai = list; ai != NULL; ai = ai->ai_next) {
			struct address address = { .len = ai->ai_addrlen };

			memcpy(&address.sockaddr, ai->ai_addr, ai->ai_addrlen);
			buf_append(out, &address, sizeof(address));
			answer.count++;
		}
		freeaddrinfo(list);
	} else if (is_absent(answer.code) && hints.ai_family != AF_UNSPEC) {
		hints.ai_family = AF_UNSPEC;
		answer.elsewhere = getaddrinfo(question->name, question->port,
				       &hints, &list) == 0;
		if (answer.elsewhere)
			freeaddrinfo(list);
	}
	memcpy(out->data + head, &answer, sizeof(answer));
}

static int
no_port(const char *port, struct err *err)
{
	return err_set(err, EX_USAGE, "there is no port named %s", port);
}

static int
refuse(const struct question *question, const char *host,
    const struct answer *answer, struct err *err)
{
	bool six = question->family == AF_INET6;

	if (answer->elsewhere && question->flags != 0)
		return err_set(err, EX_NOHOST, "%s is not an %s address", host,
		    six ? "IPv6" : "IPv4");
	if (answer->elsewhere)
		return err_set(err, EX_NOHOST,
		    "%s has no %s address, and no other is allowed (%s)", host,
		    six ? "IPv6" : "IPv4", six ? "-6, ipv6" : "-4, ipv4");
	switch (answer->code) {
	case EAI_NONAME:
		return err_set(err, EX_NOHOST, "there is no host named %s",
		    host);
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return err_set(err, EX_NOHOST, "host %s has no address", host);
	case EAI_SERVICE:
		return no_port(question->port, err);
	case EAI_SYSTEM:
		errno = answer->error;
		return err_sys(err, EX_TEMPFAIL, "cannot look up %s", host);
	default:
		return err_set(err, EX_TEMPFAIL, "cannot look up %s: %s", host,
		    gai_strerror(answer->code));
	}
}

static int
ask(const struct question *question, const char *host, int64_t until_ms,
    struct buf *out, struct err *err)
{
	struct answer answer;

	if (question->flags != 0)
		look_up(question, out);
	else if (child_answer(look_up, question, ANSWER_MAX, until_ms, out,
		     err) == -1)
		return err_prefix(err, "cannot look up %s", host);
	if (out->len < sizeof(answer))
		return err_set(err, EX_TEMPFAIL,
		    "cannot look up %s: the resolver's process failed", host);
	memcpy(&answer, out->data, sizeof(answer));
	if (answer.code != 0)
		return refuse(question, host, &answer, err);
	if (out->len != sizeof(answer) + answer.count * sizeof(struct address))
		return err_set(err, EX_TEMPFAIL,
		    "cannot look up %s: the resolver's process failed", host);
	return (int)answer.count;
}

int
resolve(const char *host, const char *port, int family, int64_t until_ms,
    struct address **addresses, struct err *err)
{
	struct question question = { .port = port, .family = family };
	struct buf out = BUF_INIT;
	char *canonical, *name;
	size_t len = strlen(host);
	bool absolute;
	int n;

	canonical = net_canonical_host(host, err);
	if (canonical == NULL)
		return -1;
	if (net_is_literal(canonical))
		question.flags = AI_NUMERICHOST;
	/* a trailing dot keeps the resolver from its search list */
	absolute = host[len - 1] == '.' && question.flags == 0;
	question.name = name =
	    xasprintf("%s%s", canonical, absolute ? "." : "");
	n = ask(&question, canonical, until_ms, &out, err);
	if (n > 0) {
		*addresses = xcalloc((size_t)n, sizeof(**addresses));
		memcpy(*addresses, out.data + sizeof(struct answer),
		    (size_t)n * sizeof(**addresses));
	}
	buf_clear(&out);
	free(name);
	free(canonical);
	return n;
}

int
resolve_port(const char *port, uint16_t *number, struct err *err)
{
	struct servent *service;
	uint64_t value;
	size_t len = strlen(port);

	if (len > 0 && parse_u64(port, len, 65535, &value) == len) {
		*number = (uint16_t)value;
		return 0;
	}
	service = getservbyname(port, "tcp");
	if (service == NULL)
		return no_port(port, err);
	*number = ntohs((uint16_t)service->s_port);
	return 0;
}

void
resolve_text(const struct address *address, char *text, size_t size)
{
	if (address->sockaddr.ss_family == AF_UNIX ||
	    getnameinfo((const struct sockaddr *)&address->sockaddr,
		address->len, text, (socklen_t)size, NULL, 0,
		NI_NUMERICHOST) != 0)
		text[0] = '\0';
}
