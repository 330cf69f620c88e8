/* SPDX-License-Identifier: ISC */
/*
 * A connection with an input window and an output queue, never blocking, with
 * or without TLS. Input is always served; output only when there is some. Input
 * lies in one writable run, so that its reader can compact in place.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct stream;
struct tls;
struct tls_options;

/* Takes fd, which must be non-blocking. peer names it in sentences (copied). */
struct stream *stream_new(int fd, const char *peer);
const char *stream_peer(const struct stream *stream);
/* Sends what can be sent without waiting, close_notify, closes. */
void stream_free(struct stream *stream);

/*
 * Begin TLS (tls_start). Octets already received in the clear are an attack
 * (RFC 2595 section 4): EX_UNAVAILABLE.
 */
int stream_start_tls(struct stream *stream, const char *host,
    const struct tls_options *options, int64_t until_ms, struct err *err);
/* NULL without TLS; the stream's. */
struct tls *stream_tls(const struct stream *stream);

/* What has been received and not consumed; the stream's, until stream_fill. */
char *stream_input(const struct stream *stream, size_t *len);
void stream_consume(struct stream *stream, size_t len);

/*
 * Receive once without waiting, at most 256 KiB in the window. Returns 1 if
 * octets came, 0 if none, -1: EX_TEMPFAIL (lost). End of stream is an error
 * here too (the sentence says closed), after all octets before it have been
 * handed out.
 */
int stream_fill(struct stream *stream, struct err *err);

/* Queue octets; nothing is sent before stream_flush. secret: wiped after. */
void stream_write(struct stream *stream, const void *data, size_t len);
/* Send as much as goes without waiting, in one write or record. 0 or -1. */
int stream_flush(struct stream *stream, struct err *err);
size_t stream_unsent(const struct stream *stream);

/*
 * Wait for input, or for room if something is unsent (then it is flushed),
 * until until_ms, a stop signal (base/signals.h; only if interruptible), or
 * until wake_fd (-1: none) is readable. 1: input may be there; 0: one of these;
 * -1.
 */
int stream_wait(struct stream *stream, int64_t until_ms, bool interruptible,
    int wake_fd, struct err *err);

/* Ask the kernel to acknowledge at once: when one reply is outstanding. */
void stream_quickack(struct stream *stream);

/* Octets received on the socket, all in all. */
uint64_t stream_received(const struct stream *stream);

#endif
