# SPDX-License-Identifier: ISC
"""What the clients talk to: the canned server, the relay, Dovecot; each on
loopback, each ended by its own process id."""

import os
import shutil
import socket
import subprocess
import time


class Server:
    """A program that prints "port N" and ends when its stdin does."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            raise RuntimeError("%s did not start" % argv[0])
        self.port = int(words[1])

    def turns(self):
        """Of the next session that the canned server has ended."""
        return int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def canned(bench, mail, tls=False, pipelining=True, limit=None):
    """mail is a maildir, or the number of small messages to make up."""
    argv = [bench.program("canned")]
    if tls:
        argv += ["-c", bench.cert, "-k", bench.key]
    if not pipelining:
        argv.append("-P")
    if limit is not None:
        argv += ["-n", str(limit)]
    argv += ["-g", str(mail)] if isinstance(mail, int) else ["-d", mail]
    return Server(argv)


def relay(bench, server, rtt_ms, mbit=None):
    """A long line to the server; mbit: 10^6 bits a second, else no limit."""
    argv = [bench.program("relay"), str(rtt_ms), str(server.port)]
    return Server(argv if mbit is None else [*argv, str(mbit)])


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


CONFIG = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = pop3
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
mail_log_prefix = "%s(%u): "
disable_plaintext_auth = no
auth_mechanisms = plain
mail_max_userip_connections = 100
pop3_no_flag_updates = yes
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
passdb {{
  driver = static
  args = password=p
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


class Dovecot:
    """Dovecot without privileges: as whoever runs this, as nobody for root."""

    def __init__(self, bench):
        self.dir = os.path.join(bench.work, "dovecot")
        shutil.rmtree(self.dir, ignore_errors=True)
        self.port = free_port()
        self.tls_port = free_port()
        uid, gid, prefix = os.getuid(), os.getgid(), []
        if uid == 0:
            uid, gid = 65534, 65534
            prefix = ["setpriv", "--reuid=65534", "--regid=65534",
                      "--clear-groups", "--inh-caps=-all"]
        self.owner = (uid, gid)
        for part in ("", "mail", "run", "state"):
            os.mkdir(os.path.join(self.dir, part))
            os.chown(os.path.join(self.dir, part), uid, gid)
        for name in ("cert", "key"):
            copy = os.path.join(self.dir, name + ".pem")
            shutil.copy(getattr(bench, name), copy)
            os.chown(copy, uid, gid)
        config = os.path.join(self.dir, "dovecot.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(
                dir=self.dir, uid=uid, gid=gid, user=name_of_user(uid),
                group=name_of_group(gid), cert=self.dir + "/cert.pem",
                key=self.dir + "/key.pem", port=self.port,
                tls_port=self.tls_port))
        self.process = subprocess.Popen(
            prefix + [bench.dovecot, "-F", "-c", config],
            stdin=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(self.dir + "/log", encoding="utf-8") as file:
            raise RuntimeError("Dovecot did not start: " + file.read())

    def empty(self, user):
        """An empty mailbox; the directory that its messages go to."""
        home = os.path.join(self.dir, "mail", user)
        shutil.rmtree(home, ignore_errors=True)
        for part in ("", "tmp", "new", "cur"):
            os.mkdir(os.path.join(home, part))
            os.chown(os.path.join(home, part), *self.owner)
        return os.path.join(home, "cur")

    def mailbox(self, user, corpus, limit):
        """Give user the first limit messages of corpus, as hard links."""
        cur = self.empty(user)
        source = os.path.join(corpus, "cur")
        for name in sorted(os.listdir(source))[:limit]:
            os.link(os.path.join(source, name), os.path.join(cur, name))

    def small_mailbox(self, user, count):
        """Give user count small messages, links to a few files."""
        cur = self.empty(user)
        text = b"From: s@example.org\nSubject: small\n\nSmall.\n"
        files = 20
        for number in range(count):
            name = os.path.join(cur, "1790000000.M%07d.bench,S=%d,W=%d:2," % (
                number, len(text), len(text) + text.count(b"\n")))
            if number < files:
                with open(name, "wb") as file:
                    file.write(text)
                os.chmod(name, 0o644)
            else:
                os.link(name.replace("M%07d" % number,
                                     "M%07d" % (number % files)), name)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def name_of_user(uid):
    import pwd
    return pwd.getpwuid(uid).pw_name


def name_of_group(gid):
    import grp
    return grp.getgrgid(gid).gr_name
