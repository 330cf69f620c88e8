#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""terminal.py PROMPT COMMAND...: run COMMAND at a terminal of 80x24 and type the
lines of standard input, each when PROMPT is there; what is seen goes to standard
output. The end is typed as ^D. "N:line" is one behind which PROMPT comes N times,
because it is drawn again. Status: the command's."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios


def main():
    prompt, command = sys.argv[1].encode(), sys.argv[2:]
    typed = []
    for line in sys.stdin.buffer:
        times, text = re.match(rb"(?:(\d):)?(.*)", line).groups()
        typed += [text + b"\r"] + [b""] * (int(times or 1) - 1)
    typed.append(b"\x04")
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execvp(command[0], command)
    seen, at = b"", 0
    while True:
        while typed and (there := seen.find(prompt, at)) != -1:
            at = there + len(prompt)
            os.write(terminal, typed.pop(0))
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        seen += data
    sys.stdout.buffer.write(seen.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
