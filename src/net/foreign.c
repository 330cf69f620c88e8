/* SPDX-License-Identifier: ISC */
/*
 * What servers of other protocols say first. Those that wait for the client
 * (HTTP) are known by what they say to its first command.
 */
#include "net/foreign.h"

#include <bsd/string.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

/* An SMTP server says which it is; FTP and NNTP use the same numbers. */
static const char *
by_number(const char *data, size_t len)
{
	static const struct {
		const char *word, *protocol;
	} words[] = {
		{ "LMTP", "LMTP" },
		{ "SMTP", "SMTP" },
		{ "FTP", "FTP" },
		{ "NNTP", "NNTP" },
		{ "InterNetNews", "NNTP" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strnstr(data, words[i].word, len) != NULL)
			return words[i].protocol;
	if (strncmp(data, "200", 3) == 0 || strncmp(data, "201", 3) == 0)
		return "NNTP";
	return strncmp(data, "220", 3) == 0 || strncmp(data, "421", 3) == 0 ||
		strncmp(data, "554", 3) == 0 ?
	    "SMTP" :
	    NULL;
}

const char *
foreign_protocol(const char *data, size_t len)
{
	static const struct {
		const char *start, *protocol;
	} starts[] = {
		{ "* OK", "IMAP" },
		{ "* PREAUTH", "IMAP" },
		{ "* BYE", "IMAP" },
		{ "SSH-", "SSH" },
		{ "HTTP/", "HTTP" },
		{ "<!DOCTYPE", "HTTP" },
		{ "<HTML", "HTTP" },
		{ "\"IMPLEMENTATION\"", "ManageSieve" },
	};
	size_t i;

	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (len >= strlen(starts[i].start) &&
		    strncasecmp(data, starts[i].start,
			strlen(starts[i].start)) == 0)
			return starts[i].protocol;
	if (len >= 4 && isdigit((unsigned char)data[0]) &&
	    isdigit((unsigned char)data[1]) &&
	    isdigit((unsigned char)data[2]) &&
	    (data[3] == ' ' || data[3] == '-'))
		return by_number(data, len);
	return NULL;
}

int
foreign_error(const char *peer, const char *protocol, struct err *err)
{
	return err_set(err, EX_PROTOCOL,
	    "%s speaks %s at this port, not POP3, which is at port 995 "
	    "(implicit TLS) or 110",
	    peer, protocol);
}
