#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages of every kind, the same ones for the same seed.

corpus.py make DIR COUNT SEED [MAXIMUM]   write COUNT messages, 00001.eml and up
corpus.py digests DIR                     SHA-256 of each as it must be delivered
corpus.py maildir DIR MAILDIR             hard copies into MAILDIR/cur for Dovecot
corpus.py mbox DIR FILE                   the same as an mbox (mboxrd)

A file holds a message with LF line ends, as a server stores it. "As delivered"
is what a client writes: CRLF made LF, and an end for an unfinished last line,
since the protocol cannot say that it is missing.
"""

import hashlib
import os
import random
import sys
import time

WORDS = b"the quick brown fox jumps over a lazy dog and mail moves on".split()


def headers(rng, number):
    date = 1700000000 + number * 977 + rng.randrange(900)
    lines = [
        b"Return-Path: <sender%d@example.org>" % (number % 7),
        b"Received: from a.example by b.example; "
        + time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(date)).encode(),
        b"From: Sender %d <sender%d@example.org>" % (number, number % 7),
        b"To: tester@example.net",
        b"Date: " + time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(date)).encode(),
        b"Message-ID: <%d.%08x@example.org>" % (number, rng.randrange(1 << 32)),
        rng.choice([
            b"Subject: message %d",
            b"Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_%d?=",
            b"Subject: =?ISO-8859-1?B?5PbcIA==?= %d",
            b"Subject: folded\n over two lines %d",
        ]) % number,
    ]
    if rng.random() < 0.3:
        lines.append(b"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8")
    return b"\n".join(lines) + b"\n"


def text(rng, size):
    out, length = [], 0
    while length < size:
        line = b" ".join(rng.choice(WORDS) for _ in range(rng.randrange(14)))
        out.append(line + b"\n")
        length += len(line) + 1
    return b"".join(out)


def dots(rng):
    return b"".join(rng.choice([b".", b"..", b"...x", b".\n", b". ", b"a."]) + b"\n"
                    for _ in range(rng.randrange(1, 40)))


def octets(rng, size):
    return bytes(rng.randrange(256) for _ in range(size)).replace(b"\r\n", b"\n")


KINDS = [
    lambda rng, n, top: headers(rng, n) + b"\n" + text(rng, rng.randrange(200, 4000)),
    lambda rng, n, top: headers(rng, n) + b"\n" + text(rng, rng.randrange(4000, 60000)),
    lambda rng, n, top: headers(rng, n) + b"\n",  # an empty body
    lambda rng, n, top: headers(rng, n),  # a header only, no empty line
    # One octet. No dot: Dovecot does not stuff one that begins a message, so a
    # message that is a lone dot cannot be had from it, by any client.
    lambda rng, n, top: b"%c" % rng.choice(b"a! F\t"),
    lambda rng, n, top: headers(rng, n) + b"\n" + dots(rng),
    lambda rng, n, top: headers(rng, n) + b"\n" + b"bare\rCR\r\rand\rmore\n\rx\r\r\n" * 3,
    lambda rng, n, top: headers(rng, n) + b"\n" + b"nul\0and\0\0\n" * 5,
    lambda rng, n, top: headers(rng, n) + b"\n" + octets(rng, rng.randrange(1, 3000)) + b"\n",
    lambda rng, n, top: headers(rng, n) + b"\n" + b"x" * rng.choice([997, 998, 4096, 65537, 100000]) + b"\nend\n",
    lambda rng, n, top: headers(rng, n) + b"\n" + text(rng, 300).rstrip(b"\n") + b"\nno final newline",
    lambda rng, n, top: headers(rng, n) + b"\n" + b"From here on\n>From quoted\n>>From twice\n\nFrom after\n",
    lambda rng, n, top: headers(rng, n) + b"\n" + b"\n" * rng.randrange(1, 9),
    lambda rng, n, top: headers(rng, n) + b"X-8: gr\xfc\xdfe \xf0\x9f\x8c\xb3\n\n" + b"\xe4\xf6\xfc\xff\xfe\x80\n" * 9,
    lambda rng, n, top: headers(rng, n) + b"\n.",  # a lone dot, unfinished
    lambda rng, n, top: headers(rng, n) + b"\n" + b"+OK looks like a reply\n-ERR so does this\n.\n",
]


def message(rng, number, top):
    # A few large ones: one at the maximum, others somewhere on the way.
    if number % 250 == 100:
        size = top if number == 100 else rng.randrange(top // 4, top)
        block = text(rng, 20000)
        return headers(rng, number) + b"\n" + (block * (size // len(block) + 1))[:size] + b"\n"
    return KINDS[(number - 1) % len(KINDS) if number <= len(KINDS) else rng.randrange(len(KINDS))](
        rng, number, top)


def files(directory):
    return [os.path.join(directory, name) for name in sorted(os.listdir(directory))
            if not name.startswith(".")]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def delivered(data):
    data = data.replace(b"\r\n", b"\n")
    return data if data.endswith(b"\n") or not data else data + b"\n"


def make(directory, count, seed, top=5 * 1024 * 1024):
    os.makedirs(directory, exist_ok=True)
    for number in range(1, int(count) + 1):
        rng = random.Random("%s %d" % (seed, number))
        with open(os.path.join(directory, "%05d.eml" % number), "wb") as file:
            file.write(message(rng, number, int(top)))


def digests(*directories):
    print("\n".join(sorted(hashlib.sha256(delivered(read(path))).hexdigest()
                           for directory in directories for path in files(directory))))


def maildir(directory, target):
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(target, part), exist_ok=True)
    for number, path in enumerate(files(directory), 1):
        name = "%010d.M%d.corpus,S=%d:2," % (1700000000 + number, number, os.path.getsize(path))
        with open(os.path.join(target, "cur", name), "wb") as file:
            file.write(read(path))


def mbox(directory, target):
    with open(target, "wb") as file:
        for path in files(directory):
            data = delivered(read(path))
            file.write(b"From corpus@example.org Mon Nov  2 10:00:00 2026\n")
            for line in data.splitlines(keepends=True) if b"\r" not in data else data.split(b"\n"):
                line = line if line.endswith(b"\n") else line + b"\n"
                file.write((b">" if line.lstrip(b">").startswith(b"From ") else b"") + line)
            file.write(b"\n")


if __name__ == "__main__":
    COMMANDS = {"make": make, "digests": digests, "maildir": maildir, "mbox": mbox}
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
