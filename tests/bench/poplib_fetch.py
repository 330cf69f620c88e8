# SPDX-License-Identifier: ISC
"""The script that everybody writes: poplib, a maildir, an fsync a message.

    poplib_fetch.py PORT CAFILE|- USER PASSWORD MAILDIR [keep|delete]
"""

import os
import poplib
import ssl
import sys

port, ca_file, user, password, maildir, disposal = sys.argv[1:7]
for part in ("", "tmp", "new", "cur"):
    os.makedirs(os.path.join(maildir, part), exist_ok=True)
if ca_file == "-":
    server = poplib.POP3("127.0.0.1", int(port), timeout=60)
else:
    context = ssl.create_default_context(cafile=ca_file)
    server = poplib.POP3_SSL("127.0.0.1", int(port), timeout=60,
                             context=context)
server.user(user)
server.pass_(password)
state = os.path.join(maildir, "seen")
seen = set()
if os.path.exists(state):
    with open(state, encoding="ascii") as file:
        seen = set(file.read().split())
for line in server.uidl()[1]:
    number, uidl = line.decode("ascii").split(" ", 1)
    if uidl in seen:
        continue
    lines = server.retr(int(number))[1]
    name = "1790000000.%s.poplib" % number
    path = os.path.join(maildir, "tmp", name)
    with open(path, "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(path, os.path.join(maildir, "new", name))
    seen.add(uidl)
    if disposal == "delete":
        server.dele(int(number))
with open(state, "w", encoding="ascii") as file:
    file.write("\n".join(seen))
    file.flush()
    os.fsync(file.fileno())
server.quit()
