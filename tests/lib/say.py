#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""say.py [--stls] PORT: send standard input to a server on loopback, print all it
says until it closes. With --stls, TLS is started first (without verification)."""

import contextlib
import socket
import ssl
import sys


def main():
    server = socket.create_connection(("127.0.0.1", int(sys.argv[-1])), 30)
    if "--stls" in sys.argv:
        replies = server.makefile("rb", buffering=0)
        replies.readline()
        server.sendall(b"STLS\r\n")
        replies.readline()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        server = context.wrap_socket(server)
        server.sendall(sys.stdin.buffer.read())
    else:
        with contextlib.suppress(OSError):  # a reset may come before we are through
            server.sendall(sys.stdin.buffer.read())
            server.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionResetError):
        while data := server.recv(65536):
            sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
            sys.stdout.buffer.flush()


main()
