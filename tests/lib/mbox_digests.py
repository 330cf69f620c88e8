#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mbox_digests.py FILE: SHA-256 of each message of an mboxrd file, unquoted."""

import hashlib
import re
import sys

with open(sys.argv[1], "rb") as file:
    data = file.read()
# A From_ line follows an empty one; no line of a message is left like it.
starts = [match.start() for match in re.finditer(rb"^From ", data, re.MULTILINE)]
for start, end in zip(starts, starts[1:] + [len(data)]):
    message = data[data.index(b"\n", start) + 1:end]
    if not message.endswith(b"\n") or start > 0 and data[start - 2:start] != b"\n\n":
        sys.exit("no empty line before octet %d" % end)
    message = re.sub(rb"^>(>*From )", rb"\1", message[:-1], flags=re.MULTILINE)
    print(hashlib.sha256(message).hexdigest())
