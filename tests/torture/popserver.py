# SPDX-License-Identifier: ISC
"""A POP3 server inside the sweep's own process: a mailbox in memory, on loopback,
with or without TLS, that fails at exactly the octet or the command it is told.

tests/server is a process a case; a sweep has thousands of cases, must know what
the server holds after each, and swallows, doubles and swaps whole replies.
"""
import select
import socket
import ssl
import struct
import threading

FOREVER = 1 << 30
PATIENCE_S = 60  # no session of a sweep is silent for so long
REFUSALS = {"err": b"-ERR refused by the test\r\n",
            "temp": b"-ERR [SYS/TEMP] not just now\r\n"}


class Message:
    def __init__(self, number, uid, data):
        self.number = number
        self.uid = uid
        self.data = data  # line ends are CRLF

    def wire(self):
        lines = self.data.split(b"\r\n")[:-1]
        return [b"." + line if line.startswith(b".") else line for line in lines]


class Plan:
    """What a server does from one begin() to the next.

    ending at octet cut, or kind at the nth verb, in the first `connections` of
    them; lies are in force in all.
    """

    def __init__(self, cut=None, ending="fin", raw=False, kind=None, verb=None,
                 nth=0, connections=FOREVER, pipelining=True, lie=None):
        self.cut = cut
        self.ending = ending
        self.raw = raw
        self.kind = kind
        self.verb = verb
        self.nth = nth
        self.connections = connections
        self.pipelining = pipelining
        self.lie = lie


class Ended(Exception):
    pass


class Line:
    """A connection's octets, through TLS if there is a context."""

    def __init__(self, sock, context, plan):
        self.sock = sock
        self.plan = plan  # its cut; None: no faults here
        self.sent = 0
        self.raw_sent = 0
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = None
        if context:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.incoming, self.outgoing, True)
            self.pump(self.tls.do_handshake)

    def raw_send(self, data):
        plan = self.plan
        cut = plan.cut if plan and plan.raw else None
        if cut is not None and self.raw_sent + len(data) >= cut:
            self.sock.sendall(data[:cut - self.raw_sent])
            self.end(plan.ending)
        self.raw_sent += len(data)
        self.sock.sendall(data)

    def pump(self, action, *args):
        while True:
            try:
                return action(*args)
            except ssl.SSLWantReadError:
                pass
            finally:
                if self.outgoing.pending:
                    self.raw_send(self.outgoing.read())
            data = self.sock.recv(65536)
            if not data:
                raise Ended
            self.incoming.write(data)

    def send_all(self, data):
        if self.tls and data:
            self.pump(self.tls.write, data)
        elif data:
            self.raw_send(data)

    def send(self, data):
        plan = self.plan
        cut = plan.cut if plan and not plan.raw else None
        if cut is not None and self.sent + len(data) >= cut:
            self.send_all(data[:cut - self.sent])
            self.end(plan.ending)
        self.sent += len(data)
        self.send_all(data)

    def recv(self):
        if not self.tls:
            return self.sock.recv(65536)
        try:
            return self.pump(self.tls.read, 65536)
        except ssl.SSLZeroReturnError:
            return b""

    def end(self, ending):
        """Never returns. A FIN and a stall last until the peer goes away."""
        if ending == "rst":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            raise Ended
        if ending == "fin":
            self.sock.shutdown(socket.SHUT_WR)
        while self.sock.recv(65536):
            pass
        raise Ended


class Session:
    greeting = b"+OK ready"

    def __init__(self, server, line, plan, faulty):
        self.server = server
        self.line = line
        self.plan = plan
        self.faulty = faulty
        self.input = b""
        self.output = []
        self.late = b""  # said before the next reply
        self.swapped = None  # said after the next reply
        self.counts = {}
        self.box = list(server.box)
        self.deleted = set()

    def flush(self):
        data, self.output = b"".join(self.output), []
        if data:
            self.line.send(data)

    def read_line(self):
        while b"\n" not in self.input:
            self.flush()
            data = self.line.recv()
            if not data:
                raise Ended
            self.input += data
        line, self.input = self.input.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def say(self, data):
        self.output.append(self.late + data)
        self.late = b""
        if self.swapped is not None:
            self.output.append(self.swapped)
            self.swapped = None

    # Each fault: what is said in place of the reply (status, lines or None).

    def reply(self, verb, status, lines, act):
        self.counts[verb] = nth = self.counts.get(verb, 0) + 1
        self.server.heard.append((verb, nth, lines is not None))
        plan = self.plan
        status += b"\r\n"
        body = b"" if lines is None else b"".join(
            text + b"\r\n" for text in lines) + b".\r\n"
        whole = status + body
        if not (self.faulty and plan.kind and plan.verb == verb
                and plan.nth == nth):
            act()
            self.say(whole)
            return
        self.server.struck = True
        kind = plan.kind
        if kind in ("fin", "rst", "stall"):
            self.flush()
            self.line.end(kind)
        if kind in REFUSALS:
            self.say(REFUSALS[kind])
            return
        if kind == "garbage":
            self.say(b"%&/ what is this\r\n")
            return
        if kind == "vain":  # accepted, and not done
            self.say(whole)
            self.flush()
            raise Ended
        act()
        if kind == "drop":
            self.flush()
            self.line.end("fin")
        elif kind == "swallow":
            pass
        elif kind == "swap":
            self.swapped = whole
        elif kind == "late":
            self.say(whole)
            self.late = whole
        elif kind == "err-done":
            self.say(b"-ERR done, and denied\r\n")
        else:
            self.say(self.twisted(kind, whole, status, body, lines))

    @staticmethod
    def twisted(kind, whole, status, body, lines):
        return {
            "extra-before": lambda: b"+OK one more\r\n" + whole,
            "junk-before": lambda: b"\x00\xff junk\r\n" + whole,
            "extra-after": lambda: whole + b"+OK one more\r\n",
            "junk-after": lambda: whole + b"\x00\xff junk\r\n",
            "double": lambda: whole + whole,
            "no-status": lambda: body,
            "no-end": lambda: whole[:-3],
            "no-line": lambda: status + body[len(lines[0]) + 2:],
            "empty": lambda: status + b".\r\n",
        }[kind]()

    def uid(self, index):
        lie = self.plan.lie
        uid = self.box[index].uid
        if lie == "uidl-all-same":
            return b"one-for-all"
        if lie == "uidl-pairs":
            return b"pair-%d" % (self.box[index].number // 2)
        if lie == "uidl-odd":
            return bytes(range(0x21, 0x7f)) \
                if self.box[index].number == 3 else uid
        if lie == "uidl-some-empty" and self.box[index].number % 3 == 0:
            return b""
        return uid

    def size(self, index):
        lie = self.plan.lie
        size = len(self.box[index].data)
        if lie == "size-more":
            return size + 100
        if lie == "size-less":
            return max(size - 50, 1)
        if lie == "size-zero":
            return 0
        if lie == "size-same":
            return 512
        if lie == "size-huge":
            return (1 << 63) - 1
        return size

    def delete(self, index):
        self.deleted.add(index)

    def text(self, index):
        """What RETR and TOP show of it."""
        return self.box[index].wire()

    def shown(self, index, verb):
        """They have."""

    @staticmethod
    def top(lines, count):
        header = lines.index(b"") + 1 if b"" in lines else len(lines)
        return lines[:header + count]

    def numbers(self):
        lie = self.plan.lie
        numbers = [i for i in range(len(self.box)) if i not in self.deleted]
        return numbers[:-1] if lie == "listing-short" else numbers

    def stat(self):
        numbers = [i for i in range(len(self.box)) if i not in self.deleted]
        count = len(numbers)
        lie = self.plan.lie
        if lie == "stat-less":
            count = max(count - 5, 0)
        elif lie == "stat-more":
            count += 5
        elif lie == "stat-none":
            count = 0
        return b"+OK %d %d" % (count, sum(self.size(i) for i in numbers))

    def listing(self, verb, value):
        lines = [b"%d %s" % (i + 1, value(i)) for i in self.numbers()]
        lie = self.plan.lie
        if lie == "number-twice" and len(lines) > 1:
            lines[1] = lines[0]
        if lie == "number-beyond":
            lines.append(b"4294967297 x")
        if lie == "number-far":
            lines.append(b"9000 9000")
        return lines

    def capa(self):
        lines = [b"TOP", b"UIDL", b"USER", b"RESP-CODES"]
        if self.plan.pipelining:
            lines.append(b"PIPELINING")
        if self.plan.lie == "expire-0":
            lines.append(b"EXPIRE 0")
        return lines

    def is_refused(self, verb, argument):
        lie = self.plan.lie
        return (lie == "no-" + verb.lower()
                or lie == "no-%s-n" % verb.lower() and argument
                or lie == "no-uidl-no-list" and verb in ("UIDL", "LIST")
                or lie == "no-sentinel" and argument
                and verb in ("UIDL", "LIST"))

    def command(self, verb, argument):
        status, lines, act = b"+OK", None, lambda: None
        number, _, count = argument.partition(" ")
        index = int(number) - 1 if number.isdigit() else -1
        if self.is_refused(verb, argument):
            status = b"-ERR not served"
        elif verb == "CAPA":
            lines = self.capa()
        elif verb == "STAT":
            status = self.stat()
        elif verb in ("UIDL", "LIST"):
            value = self.uid if verb == "UIDL" else \
                lambda i: b"%d" % self.size(i)
            if not argument:
                lines = self.listing(verb, value)
            elif index in self.numbers():
                status = b"+OK %d %s" % (index + 1, value(index))
            else:
                status = b"-ERR no such message"
        elif verb in ("RETR", "TOP", "DELE"):
            if not 0 <= index < len(self.box) or index in self.deleted:
                status = b"-ERR no such message"
            elif verb == "DELE":
                act = lambda: self.delete(index)
            else:
                status = b"+OK %d octets" % self.size(index)
                act = lambda: self.shown(index, verb)
                lines = self.text(index)
                if verb == "TOP" and count.isdigit():
                    lines = self.top(lines, int(count))
                if self.plan.lie == "retr-bare":
                    status = b"+OK"
        elif verb == "QUIT":
            act = self.expunge
        elif verb not in ("USER", "PASS", "NOOP", "RSET"):
            status = b"-ERR unknown"
        self.reply(verb, status, lines, act)

    def expunge(self):
        gone = [self.box[i] for i in self.deleted]
        self.server.box = [m for m in self.server.box if m not in gone]

    def serve(self):
        self.reply("GREETING", self.greeting, None, lambda: None)
        while True:
            verb, _, argument = self.read_line().partition(" ")
            self.command(verb.upper(), argument)
            if verb.upper() == "QUIT" and not self.swapped:
                self.flush()
                return


class Server(threading.Thread):
    """Connections are served one after the other; begin() and settle() enclose
    a client's run."""

    def __init__(self, context=None, session=Session):
        super().__init__(daemon=True)
        self.context = context
        self.session = session
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.box = []
        self.plan = Plan()
        self.connections = 0
        self.sent = 0
        self.raw_sent = 0
        self.heard = []
        self.struck = False
        self.busy = threading.Lock()
        self.start()

    def begin(self, plan):
        self.plan = plan
        self.connections = 0
        self.heard = []
        self.struck = False

    def settle(self):
        """The client is gone: wait until all it said has been done."""
        while True:
            waiting, _, _ = select.select([self.listener], [], [], 0)
            with self.busy:
                if not waiting:
                    return

    def run(self):
        while True:
            select.select([self.listener], [], [])
            with self.busy:
                sock, _ = self.listener.accept()
                self.connections += 1
                try:
                    self.converse(sock)
                except (Ended, OSError):
                    pass
                finally:
                    sock.close()

    def converse(self, sock):
        plan = self.plan
        faulty = self.connections <= plan.connections
        line = None
        try:
            line = Line(sock, self.context, plan if faulty else None)
            session = self.session(self, line, plan, faulty)
            session.serve()
            if line.tls:
                line.pump(line.tls.unwrap)
        finally:
            if line:
                self.sent, self.raw_sent = line.sent, line.raw_sent
