# SPDX-License-Identifier: ISC
"""Where mail goes: each kind of destination, and what is new in it."""

import os
import pathlib
import socket
import sys
import threading

import box
from netcase import read, read_mbox

sys.path.append(os.path.join(box.TOP, "tests", "lib"))

import lmtp  # noqa: E402


class Destination:
    ARGUMENT = {"maildir": "--maildir", "mbox": "--mbox", "stdout": "--mbox",
                "pipe": "--pipe", "lmtp": "--lmtp"}
    TAKE = ('s=0; if [ -e "$TARGET/.refuse" ]; then read s <"$TARGET/.refuse"; '
            'rm "$TARGET/.refuse"; case $s in -*) s=${s#-} ;; *) exit $s ;; '
            'esac; fi; t=$(mktemp "$TARGET/.XXXXXX") && cat >"$t" && '
            'mv "$t" "$TARGET/m${t##*/.}"; exit $s')

    def __init__(self, kind, home):
        self.kind = kind
        self.target = home + "/target"
        self.known = {}  # names: octets
        self.runs = []   # files of what went to standard output
        self.listener = None
        self.refusals = []
        if kind in ("pipe", "lmtp"):
            os.mkdir(self.target)
        if kind == "lmtp":
            self.listen(home + "/lmtp")

    def listen(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile("rwb") as stream:
                    lmtp.serve(stream, pathlib.Path(self.target), lambda:
                               self.refusals.pop() if self.refusals else None)
            except OSError:
                pass  # it was stopped

    def close(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()

    def arguments(self):
        value = {"stdout": "-", "pipe": self.TAKE}.get(self.kind, self.target)
        if self.kind == "lmtp":
            value = os.path.dirname(self.target) + "/lmtp!ann"
        return [self.ARGUMENT[self.kind], value]

    def refuse(self, how):
        """The next message."""
        if self.kind == "lmtp":
            self.refusals = [{"temp": b"452 4.2.2 full", "before": b"",
                              "perm": b"550 5.7.1 no", "after": "taken"}[how]]
        elif self.kind == "pipe":
            with open(self.target + "/.refuse", "w", encoding="ascii") as file:
                file.write({"temp": "75", "before": "75", "perm": "1",
                            "after": "-75"}[how] + "\n")

    def allow(self):
        self.refusals = []
        if self.kind == "pipe" and os.path.exists(self.target + "/.refuse"):
            os.unlink(self.target + "/.refuse")

    def names(self):
        if self.kind == "maildir":
            paths = [self.target + "/new", self.target + "/cur"]
            return [entry.path for path in paths if os.path.isdir(path)
                    for entry in os.scandir(path)]
        mark = {"pipe": str.isalpha, "lmtp": str.isdigit}[self.kind]
        return [entry.path for entry in os.scandir(self.target)
                if mark(entry.name[0])]

    def messages(self):
        """{name: octets} of all."""
        if self.kind == "mbox":
            return dict(enumerate(read_mbox(self.target)))
        if self.kind == "stdout":
            return {(path, n): octets for path in self.runs
                    for n, octets in enumerate(read_mbox(path))}
        return {path: self.known[path] if path in self.known else read(path)
                for path in self.names()}

    def fresh(self):
        """Octets of what was not there before. An mbox may have lost what was
        written by a run that was stopped, and have it again."""
        now = self.messages()
        found = [octets for name, octets in now.items()
                 if self.known.get(name) != octets]
        self.known = {**now, **self.known} if self.kind == "mbox" else now
        for name in now:
            self.known[name] = now[name]
        return found

    def everything(self):
        return list(self.messages().values())
