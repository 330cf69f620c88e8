/* SPDX-License-Identifier: ISC */
/* Base64, through GnuTLS. */
#include "base/base64.h"

#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/log.h"

/* What passes here may be a password. */
static void
move(gnutls_datum_t *from, struct buf *out)
{
	buf_append(out, from->data, from->size);
	explicit_bzero(from->data, from->size);
	gnutls_free(from->data);
}

void
base64_encode(const void *data, size_t len, struct buf *out)
{
	gnutls_datum_t in, text;
	int result;

	if (len == 0)
		return;
	in.data = (unsigned char *)(uintptr_t)data;
	in.size = (unsigned int)len;
	result = len > UINT_MAX / 2 ? GNUTLS_E_MEMORY_ERROR :
				      gnutls_base64_encode2(&in, &text);
	if (result < 0) {
		log_error("base64: %s", gnutls_strerror(result));
		exit(EX_OSERR);
	}
	move(&text, out);
}

/*
 * GnuTLS passes over blanks and all that follows a "-", which RFC 4648 section
 * 3.3 forbids. The padding is left to it.
 */
static bool
has_good_alphabet(const char *text, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";

	while (len > 0 && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL)
			return false;
	return true;
}

int
base64_decode(const char *text, size_t len, struct buf *out)
{
	gnutls_datum_t in, data;

	if (len == 0)
		return 0;
	if (len > UINT_MAX / 2 || !has_good_alphabet(text, len))
		return -1;
	in.data = (unsigned char *)(uintptr_t)text;
	in.size = (unsigned int)len;
	if (gnutls_base64_decode2(&in, &data) < 0)
		return -1;
	move(&data, out);
	return 0;
}
