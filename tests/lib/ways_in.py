#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""ways_in.py PORT PASSWORD TOKEN BAD_TOKEN: log in to the tests' Dovecot in several
ways and print how many messages each finds."""

import base64
import poplib
import sys


def session(user, way, login):
    pop = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=30)
    try:
        login(pop, user)
        print(user, way, pop.stat()[0])
        pop.quit()
    except poplib.error_proto:
        print(user, way, "refused")
        pop.close()


def password(pop, user):
    pop.user(user)
    pop.pass_(sys.argv[2])


def plain(pop, user):
    text = "\0%s\0%s" % (user, sys.argv[2])
    pop._shortcmd("AUTH PLAIN " + base64.b64encode(text.encode()).decode())


def xoauth2(token):
    def login(pop, user):
        text = "user=%s\1auth=Bearer %s\1\1" % (user, token)
        pop._putcmd("AUTH XOAUTH2")
        pop._getline()
        pop._putcmd(base64.b64encode(text.encode()).decode())
        reply = pop._getline()[0]
        if reply.startswith(b"+ "):
            pop._putcmd("")
            reply = pop._getline()[0]
        if not reply.startswith(b"+OK"):
            raise poplib.error_proto(reply)
    return login


session("ann", "USER", password)
session("bob", "USER", password)
session("ann", "APOP", lambda pop, user: pop.apop(user, sys.argv[2]))
session("ann", "PLAIN", plain)
session("ann", "XOAUTH2", xoauth2(sys.argv[3]))
session("ann", "XOAUTH2", xoauth2(sys.argv[4]))
