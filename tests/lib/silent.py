#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""silent.py ADDRESS PORT: be there, but take no connection: say so, and wait."""
import signal
import socket
import sys

family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(0)
waiting = []
# fill its queue: then the next is not answered
while True:
    one = socket.socket(family)
    one.settimeout(0.2)
    waiting.append(one)
    try:
        one.connect(listener.getsockname()[:2])
    except TimeoutError:
        break
print("silent", flush=True)
signal.pause()
