#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tunnel.py PORT: connect standard input and output with a port on loopback."""

import os
import socket
import sys
import threading


def main():
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

    def upwards():
        while data := os.read(0, 65536):
            server.sendall(data)

    threading.Thread(target=upwards, daemon=True).start()
    while data := server.recv(65536):
        os.write(1, data)


main()
