/* SPDX-License-Identifier: ISC */
/*
 * An index of the trusted certificates in a file. A chain names a few of some
 * 150 authorities, and parsing the others costs more than all the rest of a
 * session.
 */
#ifndef NET_TLS_STORE_H
#define NET_TLS_STORE_H

#include <stdbool.h>
#include <stddef.h>

struct tls_store;

/* One element of DER, its tag and length included. */
struct tls_der {
	const unsigned char *data;
	size_t len;
};

/*
 * Read the certificates in this PEM file; NULL: in the system's. The store is
 * one that tls_store_is_indexed() denies where there is no such file, where the
 * system keeps its authorities elsewhere, and where GnuTLS might understand the
 * file otherwise than we do: then GnuTLS has to load it all.
 */
struct tls_store *tls_store_new(const char *file);
void tls_store_free(struct tls_store *store);
bool tls_store_is_indexed(const struct tls_store *store);

/*
 * The certificates that have the name of an issuer or of a subject in this
 * chain, in the order of the file. Returns how many; *named is an array that
 * the caller frees, and points into the store.
 */
size_t tls_store_named(const struct tls_store *store,
    const struct tls_der *chain, size_t count, struct tls_der **named);

#endif
