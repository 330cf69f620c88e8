# SPDX-License-Identifier: ISC
"""What a disk may hold after the power failed: a small file system that is fed
with the calls of a recorded run and knows of each file and directory what was
synced and what was not.

A model takes a point of the run and yields an image:
    minimal  only what was synced: entries by a sync of their directory,
             octets by a sync of their file
    ordered  a journal of names: all entries in order, unsynced octets gone
    half     the same, with half of the octets behind the synced ones
    zeros    the same, with NULs in place of unsynced octets
    eager    everything
    mixed    any entry and any file by itself, as a disk without order may
"""

import os
import random

MODELS = ("minimal", "ordered", "half", "zeros", "eager", "mixed")


class Node:
    """A file or a directory."""

    def __init__(self, inode, is_dir):
        self.inode, self.is_dir = inode, is_dir
        self.now = {} if is_dir else bytearray()
        self.synced = {} if is_dir else b""

    def sync(self):
        self.synced = dict(self.now) if self.is_dir else bytes(self.now)


class Disk:
    """The tree under root, as calls have made it."""

    def __init__(self, root):
        self.root_path = root
        self.root = Node(0, True)
        self.nodes = {}

    def add(self, path, inode, data):
        """What was there, synced, before the run."""
        node = self.nodes[inode] = Node(inode, False)
        node.now = bytearray(data)
        node.sync()
        parent, name = self.parent(path)
        parent.now[name] = node
        parent.sync()

    def parent(self, path):
        """The directory node of a path and its last component."""
        if not path.startswith(self.root_path + "/"):
            return None, None
        *above, name = path[len(self.root_path) + 1:].split("/")
        node = self.root
        for part in above:
            node = node.now.get(part)
            if node is None:
                return None, None
        return node, name

    def find(self, path):
        if path == self.root_path:
            return self.root
        parent, name = self.parent(path)
        return parent.now.get(name) if parent is not None else None

    def write(self, node, offset, data):
        if len(node.now) < offset:
            node.now += bytes(offset - len(node.now))
        node.now[offset:offset + len(data)] = data

    def opened(self, path, inode, flags):
        node = self.find(path)
        if node is None and flags & os.O_CREAT:
            parent, name = self.parent(path)
            if parent is None:
                return
            node = self.nodes[inode] = Node(inode, False)
            parent.now[name] = node
        elif node is not None and flags & os.O_TMPFILE == os.O_TMPFILE:
            self.nodes[inode] = Node(inode, False)
            return
        if node is not None and not node.is_dir and flags & os.O_TRUNC:
            node.now = bytearray()

    def sync_all(self, node=None):
        node = node or self.root
        node.sync()
        if node.is_dir:
            for child in node.now.values():
                self.sync_all(child)

    def play(self, call):
        """Do what a line of the trace says."""
        if call.result < 0:
            return
        name, path = call.name, call.path
        if name == "open":
            self.opened(path, call.inode, call.extra)
        elif name in ("write", "pwrite", "writev", "pwritev"):
            if call.inode in self.nodes:
                self.write(self.nodes[call.inode], call.offset,
                           call.data[:call.result])
        elif name == "ftruncate":
            node = self.nodes[call.inode]
            self.write(node, call.extra, b"")
            del node.now[call.extra:]
        elif name == "mkdir":
            parent, last = self.parent(path)
            parent.now[last] = Node(call.inode, True)
        elif name == "link":
            node = self.find(path) or self.nodes.get(call.inode)
            parent, last = self.parent(call.to)
            parent.now[last] = node
        elif name == "rename":
            parent, last = self.parent(path)
            node = parent.now.pop(last)
            parent, last = self.parent(call.to)
            parent.now[last] = node
        elif name == "unlink":
            parent, last = self.parent(path)
            del parent.now[last]
        elif name in ("fsync", "fdatasync"):
            node = self.nodes.get(call.inode) or self.find(path)
            node.sync()
        elif name == "syncfs":
            self.sync_all()
        elif name not in ("close", "send", "sync_file_range"):
            raise ValueError("no model of " + name)


class Call:
    """A line of inject's trace."""

    def __init__(self, fields, data):
        self.index = int(fields[0])
        self.name = fields[1]
        self.result, self.inode, self.extra = map(int, fields[2:5])
        self.offset = int(fields[5])
        start, length = int(fields[6]), int(fields[7])
        self.data = data[start:start + length]
        self.path, self.to = fields[8], fields[9]


def entries(node, model, dice):
    """A directory's entries by a model."""
    if model == "minimal":
        return node.synced
    if model != "mixed":
        return node.now
    found = {}
    for name in sorted(node.synced.keys() | node.now.keys()):
        before, after = node.synced.get(name), node.now.get(name)
        chosen = before if before is not after and dice.random() < 0.5 \
            else after
        if chosen is not None:
            found[name] = chosen
    return found


def octets(node, model, dice):
    """A file's octets by a model."""
    synced, now = node.synced, bytes(node.now)
    if model == "mixed" and synced != now:
        model = dice.choice(("minimal", "half", "zeros", "eager"))
    if synced == now or model in ("eager", "mixed"):
        return now
    if model in ("minimal", "ordered"):
        return synced
    keep = len(synced) if now.startswith(synced) else 0
    if model == "half":
        return now[:keep + (len(now) - keep + 1) // 2]
    return now[:keep] + bytes(len(now) - keep)


def image(disk, model, seed):
    """{path: (inode, octets)} of files, {path: None} of directories; parents
    first. Names of one file share its inode."""
    dice = random.Random(seed)
    found, contents = {}, {}

    def walk(node, path):
        for name, child in sorted(entries(node, model, dice).items()):
            where = path + "/" + name
            if child.is_dir:
                found[where] = None
                walk(child, where)
            else:
                if child not in contents:
                    contents[child] = octets(child, model, dice)
                found[where] = (child.inode, contents[child])

    walk(disk.root, disk.root_path)
    return found


def restore(found, vault):
    """Build an image where the recorded run was. vault: {inode: path} of
    files that must keep their inode, moved out of the way; they come back."""
    made = {}
    for path, content in found.items():
        if content is None:
            os.mkdir(path, 0o700)
            continue
        inode, data = content
        if inode in made:
            os.link(made[inode], path)
            continue
        if inode in vault:
            os.rename(vault[inode], path)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o600)
        # older than the start of the machine, as after any loss of power
        os.utime(path, (1, 1))
        made[inode] = path
