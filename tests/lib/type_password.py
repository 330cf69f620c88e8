#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""type_password.py PASSWORD COMMAND...: run COMMAND at a terminal of its own (24 lines
of 80 columns), type PASSWORD when it is asked for one, print what the terminal shows, and end with the
command's status."""

import fcntl
import os
import pty
import struct
import sys
import termios


def main():
    password = sys.argv[1].encode()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        os.execvp(sys.argv[2], sys.argv[2:])
    shown = b""
    typed = False
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody is at the other end
            break
        if not data:
            break
        shown += data
        if not typed and b"Password for " in shown:
            os.write(terminal, password + b"\n")
            typed = True
    status = os.waitpid(pid, 0)[1]
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


main()
