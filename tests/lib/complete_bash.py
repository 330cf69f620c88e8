#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""complete_bash.py DIR LINE...: type each line and a TAB into a bash with DIR's
completions, at a terminal of its own, and print what became of the line."""

import os
import pty
import sys

SETUP = r"""PS1= PS2=; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
bind 'set page-completions off'; bind 'set completion-query-items 0'
tell() { printf '\002%%s\003' "$READLINE_LINE"; READLINE_LINE=; }
bind -x '"\C-t": tell'; . %s/poplar.bash; printf '\002rea''dy\003'
"""


class Shell:
    def __init__(self):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])

    def type(self, text):
        os.write(self.terminal, text.encode())

    def answer(self):
        """What comes between the two marks."""
        seen = b""
        while b"\003" not in seen.rpartition(b"\002")[2] or b"\002" not in seen:
            seen += os.read(self.terminal, 65536)
        return seen.rpartition(b"\002")[2].partition(b"\003")[0].decode()


def main():
    shell = Shell()
    shell.type(SETUP % sys.argv[1])
    while shell.answer() != "ready":
        pass
    for line in sys.argv[2:]:
        shell.type(line + "\t\x14")
        print(shell.answer().rstrip(" "))


main()
