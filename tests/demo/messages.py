#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""messages.py DIR: write the demo's mailbox, a few dozen messages of the kinds that
people get and of those that trip mail programs up. Always the same ones."""

import base64
import os
import sys
from email.message import EmailMessage
from email.utils import format_datetime
from datetime import datetime, timedelta, timezone

START = datetime(2026, 11, 2, 8, 15, tzinfo=timezone.utc)
PEOPLE = ["Ann Archer <ann@example.org>", "Björn Ångström <bjorn@example.se>",
          "李明 <liming@example.cn>", "Cron <root@box.example.net>",
          "The Poplar List <list@lists.example.org>"]
SUBJECTS = ["Lunch on Thursday?", "Grüße aus Köln", "会议改到周五", "Backup finished",
            "[poplar] Re: a wish for the manual", "Your invoice 2026-114",
            "Прогулка в воскресенье", "Fotos 📷 vom See", "Re: Re: keys",
            "A subject that goes on and on, because somebody wrote the whole of what"
            " they had to say into it and left the body empty"]
TEXTS = ["Shall we meet at the usual place?\n\nAnn\n",
         "Schöne Grüße, und bis bald.\n\nBjörn\n",
         "会议改到周五下午三点。\n",
         "All 14 volumes done, 0 errors.\n",
         "I read poplar(1) twice and still wonder about --sync.\n\n> yes, well\n"]


def head(number):
    date = format_datetime(START + timedelta(hours=5 * number, minutes=7 * number % 60))
    return date, "<demo.%d@example.org>" % number


def ordinary(number):
    mail = EmailMessage()
    mail["From"] = PEOPLE[number % len(PEOPLE)]
    mail["To"] = "tester@example.net"
    mail["Subject"] = SUBJECTS[number % len(SUBJECTS)]
    mail["Date"], mail["Message-ID"] = head(number)
    mail.set_content(TEXTS[number % len(TEXTS)])
    return mail


def attached(number, kind, data, name):
    mail = ordinary(number)
    mail.add_attachment(data, maintype=kind[0], subtype=kind[1], filename=name)
    mail.set_boundary("demo-%d" % number)
    return mail.as_bytes()


def html(number):
    mail = ordinary(number)
    mail.add_alternative("<p>Shall we <b>meet</b>?</p>\n", subtype="html")
    mail.set_boundary("demo-%d" % number)
    return mail.as_bytes()


def raw(number, subject, body, extra=b""):
    date, ident = head(number)
    return (b"From: Odd <odd@example.org>\nTo: tester@example.net\nSubject: " + subject
            + b"\nDate: " + date.encode() + b"\nMessage-ID: " + ident.encode() + b"\n"
            + extra + b"\n" + body)


def messages():
    for number in range(1, 19):
        yield ordinary(number).as_bytes()
    yield attached(19, ("image", "png"), base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
        "awAAAABJRU5ErkJggg=="), "dot.png")
    yield attached(20, ("application", "octet-stream"), bytes(range(256)) * 900, "data.bin")
    yield attached(21, ("text", "csv"), b"day,rain\nMon,3\nTue,0\n", "rain.csv")
    yield html(22)
    yield raw(23, b"dots", b".\n..\n...and a line that begins so\n.\nthe end\n")
    yield raw(24, b"8-bit, not encoded", "Größe: 5 µm\n".encode("latin-1"),
              b"Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n")
    yield raw(25, b"one line of 100,000 octets", b"x" * 100000 + b"\n")
    yield raw(26, b"From lines", b"From here on\n>From quoted\n\nFrom there\n")
    yield raw(27, b"no body", b"")
    yield raw(28, b"no end to the last line", b"it just stops")
    yield raw(29, b"NUL, bare CR, escape \x1b[31mred\x1b[0m", b"a\0b\rc\x1b[2Jd\n")
    yield raw(30, "Grüße, not encoded".encode(), "Grüße\n".encode())
    yield raw(31, b"looks like a reply", b"+OK 17 octets\n-ERR no such message\n")
    yield raw(32, b"=?UTF-8?B?4oCu?= backwards", b"a bidirectional override in the subject\n")
    yield raw(33, b"large", b"".join(b"%06d of a large message\n" % n for n in range(20000)))
    yield raw(34, b"the last one", b"That is all.\n")


def main(directory):
    os.makedirs(directory, exist_ok=True)
    for number, data in enumerate(messages(), 1):
        with open(os.path.join(directory, "%03d.eml" % number), "wb") as file:
            file.write(data)


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
