#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""lmtp.py SOCKET DIR: an LMTP server on a Unix socket, one connection at a time, that
writes each message it gets to DIR/1, DIR/2 and so on, as it came but for dots and
CRLF, and the envelopes to DIR/envelopes. It says "ready" once it listens. RCPT TO
<full> gets 452, <nobody> 550. A message whose end does not come is not written."""

import pathlib
import socket
import sys

REFUSED = {b"<full>": b"452 4.2.2 full", b"<nobody>": b"550 5.1.1 no such user"}


def message(lines):
    """None if the connection ends before it does."""
    text = []
    for line in lines:
        if line == b".\r\n":
            return b"".join(text)
        text.append((line[1:] if line.startswith(b".") else line)
                    .replace(b"\r\n", b"\n"))
    return None


def serve(stream, directory, refusal=lambda: None):
    """refusal: asked at each message; what to say in place of taking it, b"" to
    go away before it is taken, "taken" to go away after."""
    def say(text):
        stream.write(text + b"\r\n")
        stream.flush()

    say(b"220 here")
    for line in stream:
        verb, _, rest = line.rstrip().partition(b" ")
        if verb == b"LHLO":
            say(b"250-here\r\n250 8BITMIME")
        elif verb in (b"MAIL", b"RCPT"):
            no = REFUSED.get(rest.removeprefix(b"TO:"))
            if not no:
                with open(directory / "envelopes", "ab") as file:
                    file.write(line.replace(b"\r\n", b"\n"))
            say(no or b"250 ok")
        elif verb == b"DATA":
            say(b"354 go on")
            text, refused = message(stream), refusal()
            if text is None or refused == b"":
                return
            if refused in (None, "taken"):
                number = len(list(directory.glob("[0-9]*"))) + 1
                (directory / str(number)).write_bytes(text)
            if refused == "taken":
                return
            say(refused or b"250 delivered")
        elif verb == b"QUIT":
            return
        else:
            say(b"250 ok")


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    print("ready", flush=True)
    while True:
        with listener.accept()[0] as connection, connection.makefile("rwb") as stream:
            serve(stream, pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
