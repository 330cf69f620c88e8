# SPDX-License-Identifier: ISC
"""The clients, each in its ordinary durable set-up: what it documents, its
own record of what was fetched, a maildir, no octet added where it can be told.

A client is a function of a Job that writes what it needs under job.home and
returns (argv, environment)."""

import os
import shutil
import sys


class Job:
    """One call of one client: where from, where to, how."""

    def __init__(self, bench, home, port, **how):
        self.bench = bench
        self.home = home
        self.port = port
        self.tls = how.get("tls", False)
        self.users = how.get("users", ["u1"])
        self.delete = how.get("delete", False)
        self.count = how.get("count", 0)
        self.system_ca = how.get("system_ca", False)
        self.what = how.get("what", "fetch")  # or stat, uidl
        self.sync = how.get("sync", "auto")

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def maildir(self, user):
        return self.path("mail-" + user)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def make_maildirs(self):
        for user in self.users:
            for part in ("", "tmp", "new", "cur"):
                os.makedirs(os.path.join(self.maildir(user), part),
                            exist_ok=True)


def poplar(job):
    """One account by options, several through a configuration file."""
    argv = [job.bench.poplar, job.what]
    password = job.write("password", "p\n")
    if len(job.users) > 1:
        text = "[defaults]\n" + where_poplar(job, password)
        for user in job.users:
            text += "\n[account %s]\nuser = %s\nmaildir = %s\n" % (
                user, user, job.maildir(user))
        argv += ["--config", job.write("config", text), "--all-accounts",
                 "--jobs", str(len(job.users))]
    else:
        if job.tls:
            argv.append("pop3s://%s@127.0.0.1:%d" % (job.users[0], job.port))
            if not job.system_ca:
                argv += ["--tls-ca-file", job.bench.cert]
        else:
            argv += ["--tls=none", "--insecure-auth", "-H", "127.0.0.1",
                     "-p", str(job.port), "-u", job.users[0]]
        argv += ["--password-file", password]
        if job.what == "fetch":
            argv += ["--maildir", job.maildir(job.users[0])]
    if job.what == "fetch":
        argv += ["--delete"] if job.delete else []
        argv += ["--sync=files"] if job.sync == "files" else []
    return argv, {}


def where_poplar(job, password):
    text = "host = 127.0.0.1\nport = %d\npassword-file = %s\n" % (
        job.port, password)
    if job.tls:
        return text + "tls-ca-file = %s\n" % job.bench.cert
    return text + "tls = none\ninsecure-auth = yes\n"


def poplar_files(job):
    job.sync = "files"
    return poplar(job)


def mpop(job):
    job.make_maildirs()
    text = "defaults\nhost 127.0.0.1\nport %d\npassword p\nauth plain\n" \
        "received_header off\nkeep %s\ntls %s\n" % (
            job.port, "off" if job.delete else "on",
            "on" if job.tls else "off")
    if job.tls:
        text += "tls_starttls off\ntls_trust_file %s\n" % (
            "system" if job.system_ca else job.bench.cert)
    for user in job.users:
        text += "account %s\nuser %s\ndelivery maildir %s\n" \
            "uidls_file %s\n" % (user, user, job.maildir(user),
                                 job.path("uidls-" + user))
    argv = ["mpop", "-q", "-C", job.write("mpoprc", text)]
    return argv + (["-a"] if len(job.users) > 1 else [job.users[0]]), {}


def mpop_each(job):
    """A process an account, side by side."""
    argv, environment = mpop(job)
    command = " ".join(argv[:-1])
    script = "".join("%s %s & " % (command, user) for user in job.users)
    return ["sh", "-c", script + "wait"], environment


def fetchmail(job):
    job.make_maildirs()
    text = "set no bouncemail\nset invisible\nset idfile %s\n" % job.path("ids")
    for user in job.users:
        filter_file = job.write("filter-" + user,
                                'to "%s"\n' % job.maildir(user))
        text += "poll 127.0.0.1 service %d protocol POP3 uidl " \
            "auth password user %s password p %s %s " \
            'mda "maildrop %s"\n' % (
                job.port, user, "nokeep" if job.delete else "keep",
                "ssl sslcertck sslcommonname localhost "
                'sslcertfile "%s"' % job.bench.cert
                if job.tls else "sslproto ''", filter_file)
    return ["fetchmail", "-s", "-f", job.write("fetchmailrc", text),
            "--pidfile", job.path("pid")], {"FETCHMAILHOME": job.home}


def without_root(job, argv):
    """getmail refuses root and fdm drops it half-way: then nobody runs them."""
    if os.getuid() != 0:
        return argv
    for top, _, names in os.walk(job.home):
        for name in ["", *names]:
            os.chown(os.path.join(top, name), 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            *argv]


def getmail(job):
    job.make_maildirs()
    argv = ["getmail", "-q", "-g", job.home]
    for user in job.users:
        text = "[retriever]\ntype = SimplePOP3%sRetriever\n" \
            "server = 127.0.0.1\nport = %d\nusername = %s\npassword = p\n%s" \
            "[destination]\ntype = Maildir\npath = %s/\n" \
            "[options]\nread_all = false\ndelete = %s\n" \
            "delivered_to = false\nreceived = false\n" % (
                "SSL" if job.tls else "", job.port, user,
                "ca_certs = %s\n" % job.bench.cert if job.tls else "",
                job.maildir(user), "true" if job.delete else "false")
        argv += ["-r", job.write("getmailrc-" + user, text)]
    return without_root(job, argv), {}


def fdm(job):
    job.make_maildirs()
    text = "set no-received\nset maximum-size 1G\nset lock-file \"%s\"\n" % \
        job.path("lock")
    for user in job.users:
        text += 'account "%s" %s server "127.0.0.1" port %d user "%s" ' \
            'pass "p" new-only cache "%s" no-apop %s\n' \
            'action "%s" maildir "%s"\n' \
            'match account "%s" action "%s"\n' % (
                user, "pop3s" if job.tls else "pop3", job.port, user,
                job.path("cache-" + user), "" if job.delete else "keep",
                user, job.maildir(user), user, user)
    if job.tls:
        text += "set verify-certificates\n"
    trust = job.bench.bundle if job.system_ca else job.bench.cert
    argv = ["fdm", "-q", "-f", job.write("fdm.conf", text), "fetch"]
    return without_root(job, argv), {"SSL_CERT_FILE": trust}


def curl(job):
    """It syncs nothing, remembers nothing, and leaves CRLF as it came."""
    url = "pop3%s://127.0.0.1:%d/" % ("s" if job.tls else "", job.port)
    argv = ["curl", "-s", "--user", job.users[0] + ":p"]
    if job.tls and not job.system_ca:
        argv += ["--cacert", job.bench.cert]
    if job.what == "fetch":
        new = os.path.join(job.maildir(job.users[0]), "new")
        os.makedirs(new)
        url += "[1-%d]" % job.count
        argv += ["-o", os.path.join(new, "#1")]
    return argv + [url], {}


def poplib(job):
    script = os.path.join(job.bench.source, "poplib_fetch.py")
    return [sys.executable, script, str(job.port),
            job.bench.cert if job.tls else "-", job.users[0], "p",
            job.maildir(job.users[0]), "delete" if job.delete else "keep"], {}


def floor_with(*options):
    def floor(job):
        argv = [job.bench.program("floor"), *options]
        argv += ["-c", job.bench.bundle if job.system_ca else
                 job.bench.cert] if job.tls else []
        argv += ["-d"] if job.delete else []
        argv += {"stat": ["-S"], "uidl": ["-u"], "fetch": []}[job.what]
        return argv + [str(job.port), job.users[0], "p",
                       job.maildir(job.users[0])], {}
    return floor


CLIENTS = {
    "poplar": poplar,
    "poplar-files": poplar_files,
    "mpop": mpop,
    "mpop-each": mpop_each,
    "fetchmail": fetchmail,
    "getmail": getmail,
    "fdm": fdm,
    "curl": curl,
    "poplib": poplib,
    "floor": floor_with("-l", "-s", "syncfs"),
    "floor-fsync": floor_with("-l", "-s", "fsync"),
    "floor-nosync": floor_with("-l", "-s", "none"),
    "floor-nowrite": floor_with("-l", "-w"),
}

# The status that says "no mail", where that is not 0.
NO_MAIL = {"fetchmail": 1}

PEERS = ("mpop", "fetchmail", "getmail", "fdm", "curl", "poplib")


def missing(bench, name):
    """Why this client cannot run here, or None."""
    if name.startswith("poplar"):
        return None if os.access(bench.poplar, os.X_OK) else \
            bench.poplar + " is not there"
    program = {"mpop-each": "mpop", "poplib": "python3"}.get(name, name)
    if name.startswith("floor") or shutil.which(program):
        return "maildrop is not installed" if name == "fetchmail" and \
            not shutil.which("maildrop") else None
    return program + " is not installed"
