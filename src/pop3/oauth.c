/* SPDX-License-Identifier: ISC */
/*
 * OAUTHBEARER (RFC 7628 section 3.1, kvsep is ^A):
 *	"n,a=" user "," kvsep ["host=" host kvsep] "auth=Bearer " token
 *	kvsep kvsep
 * XOAUTH2 (Google's, before it):
 *	"user=" user kvsep "auth=Bearer " token kvsep kvsep
 */
#include "pop3/oauth.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static bool
is_xoauth2(const char *mechanism)
{
	return strcmp(mechanism, "XOAUTH2") == 0;
}

/* No control may pass: it could end the value. */
static bool
is_clean(const char *text, bool token)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 127 || (token && (c == ' ' || c > 127)))
			return false;
	}
	return true;
}

/* saslname (RFC 5802 section 5.1). */
static void
put_name(struct buf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',')
			buf_puts(out, "=2C");
		else if (*name == '=')
			buf_puts(out, "=3D");
		else
			buf_append(out, name, 1);
	}
}

int
oauth_message(const char *mechanism, const char *user, const char *authzid,
    const char *host, const char *token, struct buf *out, struct err *err)
{
	const char *who = authzid != NULL ? authzid : user;

	if (!is_clean(who, false))
		return err_set(err, EX_CONFIG,
		    "the user name holds a control character");
	if (token[0] == '\0' || !is_clean(token, true))
		return err_set(err, EX_CONFIG,
		    "the token is empty or holds a blank or another character "
		    "that tokens do not have");
	if (is_xoauth2(mechanism)) {
		buf_puts(out, "user=");
		buf_puts(out, who);
		buf_puts(out, "\001");
	} else {
		buf_puts(out, "n,a=");
		put_name(out, who);
		buf_puts(out, ",\001");
		if (host != NULL && host[0] != '\0') {
			buf_puts(out, "host=");
			buf_puts(out, host);
			buf_puts(out, "\001");
		}
	}
	buf_puts(out, "auth=Bearer ");
	buf_puts(out, token);
	buf_puts(out, "\001\001");
	return 0;
}

const char *
oauth_acknowledge(const char *mechanism)
{
	/* AQ== is ^A (RFC 7628 section 3.2.3); XOAUTH2 wants nothing */
	return is_xoauth2(mechanism) ? "" : "AQ==";
}
