/* SPDX-License-Identifier: ISC */
/* A file of authorities, a NUL, and a certificate (DER) that a server sent. */
#include "net/tls_store.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	struct tls_store *store;
	struct tls_der chain, *named;
	size_t len = 0, count;
	char *text = NULL, *sent;

	(void)fuzz_piece(&fuzz, '\0', &text, &len);
	store = tls_store_new(fuzz_file("ca.pem", text, len));
	sent = fuzz_rest(&fuzz);
	chain.data = (unsigned char *)sent;
	chain.len = fuzz.len;
	count = tls_store_named(store, &chain, 1, &named);
	FUZZ_CHECK(count == 0 || tls_store_is_indexed(store));
	for (size_t i = 0; i < count; i++) {
		FUZZ_CHECK(named[i].data[0] == 0x30);
		FUZZ_CHECK(named[i].len < len);
		FUZZ_CHECK(i == 0 ||
		    named[i].data >= named[i - 1].data + named[i - 1].len);
	}
	free(named);
	free(sent);
	free(text);
	tls_store_free(store);
	return 0;
}
