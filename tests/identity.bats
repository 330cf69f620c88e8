#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Identity over several sessions (poplar-delivery(7)): ids that repeat, come back,
# are given to another message, or are refused for a moment. The rules are tables
# in unit/mailbox_test.c; here they are seen from outside.

load lib/common

setup() {
	common_setup
	mkdir mail
	: >uids
}

# put NAME UIDL BODY...: a message of this UIDL; those of a body have one subject.
put() {
	printf 'From: ann@example.org\nSubject: same\n\n%s\n' "${*:3}" >"mail/$1"
	sed -i "/^$1 /d" uids
	echo "$1 $2" >>uids
}

# session ARGUMENT...: one run against the server as it is now.
session() {
	rm -f "$BATS_TEST_TMPDIR/server.log"
	start_server --mailbox mail --uidl-map uids "${SERVER_OPTIONS[@]}"
	run --separate-stderr poplar "$@" --identity me "${PLAIN[@]}"
	stop_server
}

fetch() {
	session fetch --maildir Mail "$@"
}

# How many are in the maildir, and how many on the server.
delivered() { find Mail/new -type f 2>/dev/null | wc -l; }
left() { find mail -type f | wc -l; }

retrieved() { grep -c 'C: RETR' "$SERVER_LOG" || :; }

SERVER_OPTIONS=()

@test "identity: marked mail is neither delivered nor deleted when UIDL fails once" {
	put 1 a one
	put 2 b two
	session state mark-seen all
	assert_equal "$status" 0
	for said in '-ERR [SYS/TEMP] rebuilding' '-ERR [IN-USE] rebuilding' '-ERR unknown'; do
		SERVER_OPTIONS=(--replace "UIDL:0=$said\\r\\n" --replace "UIDL:1=$said\\r\\n")
		fetch --delete
		assert_equal "$status $(delivered) $(left)" '75 0 2'
	done
	SERVER_OPTIONS=()
	fetch --delete
	assert_equal "$status $(delivered) $(left)" '0 0 2'
}

@test "identity: new mail under a marked UIDL is delivered" {
	put 1 hash one
	session state mark-seen all
	put 2 hash another text
	fetch
	assert_equal "$status $(delivered)" '0 1'
	run -0 cat Mail/new/*
	assert_line 'another text'
	fetch
	assert_equal "$status $(delivered) $(retrieved)" '0 1 0'
}

@test "identity: an id given again to a message of another size is fetched" {
	put 1 slot one
	fetch
	put 1 slot one and more
	fetch
	assert_equal "$status $(delivered)" '0 2'
	# and deleted for what it is
	put 1 slot the third, yet another size
	fetch --delete
	assert_equal "$status $(delivered) $(left)" '0 3 0'
	put 1 slot the fourth one, of again another size
	fetch --delete
	assert_equal "$status $(delivered) $(left)" '0 4 0'
}

@test "identity: an id given again after its message was deleted is fetched" {
	for body in one two six; do
		put 1 slot "$body"
		fetch --delete
		assert_equal "$status $(left)" '0 0'
	done
	assert_equal "$(delivered)" 3
}

@test "identity: delete seen deletes nothing but what was delivered" {
	put 1 a one
	put 2 b two
	fetch
	printf 'From: bob@example.org\nSubject: same\n\ntwo\n' >mail/2
	session delete seen
	assert_equal "$status $(left)" '0 1'
	assert_exists mail/2
	fetch --delete
	assert_equal "$status $(left)" '0 1'
	echo more >>mail/2
	fetch
	assert_equal "$status $(delivered)" '0 3'
}

@test "identity: without TOP the octets prove what is deleted" {
	put 1 a one
	put 2 b two
	fetch
	SERVER_OPTIONS=(--no-top)
	session delete seen
	assert_equal "$status $(left) $(retrieved)" '0 0 2'
}

@test "identity: a server that writes Status doubles nothing" {
	put 1 a one
	put 2 b two
	sed -i '2a Message-ID: <1@x>' mail/1
	fetch
	sed -i '2a Status: RO\nX-UID: 17' mail/1
	fetch
	assert_equal "$status $(delivered) $(retrieved)" '0 2 0'
	fetch
	run -1 grep -E 'C: (TOP|RETR)' "$SERVER_LOG"
	# nor where it has no TOP
	sed -i 's/Status: RO/Status: ROD/' mail/1
	SERVER_OPTIONS=(--no-top)
	fetch
	assert_equal "$status $(delivered) $(retrieved)" '0 2 1'
}

@test "identity: a message rendered anew is known by its Message-ID" {
	printf 'Message-ID: <1@x>\nDate: now\n\nHello\n' >mail/1
	echo '1 a' >uids
	fetch
	printf 'Date: now\nMessage-ID: <1@x>\n\nHello,\nagain\n' >mail/1
	SERVER_OPTIONS=(--no-top)
	fetch
	assert_equal "$status $(delivered)" '0 1'
	SERVER_OPTIONS=()
	fetch --delete-after 0d
	assert_equal "$(left)" 0
}

@test "identity: of several under one UIDL the old ones are deleted" {
	put 1 hash one
	fetch --delete-after 1d
	put 2 hash the second
	put 3 hash the third one
	clock() { clock_off "$(($1 * 3600))" "${@:2}"; }
	for hour in 12 25 48; do
		start_server --mailbox mail --uidl-map uids
		clock_off "$((hour * 3600))" "$POPLAR" fetch --delete-after 1d \
			--maildir Mail --identity me "${PLAIN[@]}"
		stop_server
		case $hour in
		12) assert_equal "$(left)" 3 ;;
		25) assert_equal "$(left)" 2 ;;
		48) assert_equal "$(left)" 0 ;;
		esac
	done
	assert_equal "$(delivered)" 3
}

@test "identity: without UIDL ages count, too" {
	put 1 - one
	put 2 - two
	for hour in 0 12 25; do
		start_server --mailbox mail --no-uidl
		clock_off "$((hour * 3600))" "$POPLAR" fetch --delete-after 1d \
			--maildir Mail --identity me "${PLAIN[@]}"
		stop_server
	done
	assert_equal "$(delivered) $(left)" '2 0'
}

@test "identity: --limit counts deliveries, comparing goes on" {
	put 1 hash one
	put 2 hash the second
	fetch
	put 3 hash the third one
	put 4 hash number four, the last
	fetch --limit 1
	assert_equal "$status $(delivered) $(retrieved)" '0 3 4'
	fetch
	assert_equal "$status $(delivered)" '0 4'
}

@test "identity: sizes that are not told, and policies about them" {
	put 1 a one
	put 2 b two
	SERVER_OPTIONS=(--err-at LIST:0)
	fetch --max-size 1M
	assert_equal "$status $(delivered)" '69 0'
	assert_equal "$stderr" 'poplar: warning: tester@127.0.0.1: 127.0.0.1 does not tell the sizes of 2 messages, so --max-size, --min-size or --max-bytes cannot be heeded; they stay on the server'
	fetch
	assert_equal "$status $(delivered)" '0 2'
	# the records learn them
	SERVER_OPTIONS=()
	fetch
	assert_equal "$status $(delivered) $(retrieved)" '0 2 0'
	put 1 a one and more
	fetch
	assert_equal "$status $(delivered)" '0 3'
}

@test "identity: list says what fetch will do" {
	put 1 a one
	put 2 b two
	fetch
	put 2 b two and more
	put 3 c three
	session list --long
	assert_equal "$(cut -f 1,3 <<<"$output" | tr '\t\n' ' ,')" '1 seen,2 -,3 new,'
	session fetch --dry-run --maildir Mail
	assert_equal "$status" 0
	# of 2 the header says nothing, so it will be retrieved and compared
	assert_equal "$(cut -d ' ' -f 1,2 <<<"$output")" $'fetch 2\nfetch 3'
}

@test "identity: journals of version 1 are continued" {
	put 1 a one
	put 2 b two
	fetch
	file=$(poplar state path --identity me --host 127.0.0.1 --user tester)
	# as an older version wrote them: one digest of the whole message
	python3 - "$file" <<'END'
import sys, zlib
lines = open(sys.argv[1], "rb").read().split(b"\n")[:-1]
out = []
for line in lines:
    fields = line.split(b"\t")[:-1]
    if fields[0] == b"poplar-state":
        fields[1] = b"1"
    if fields[0] in (b"C", b"D"):
        fields[10] = b"0" * 32
    if fields[0] == b"P":
        continue
    text = b"\t".join(fields)
    out.append(text + b"\t%08x\n" % zlib.crc32(text))
open(sys.argv[1], "wb").write(b"".join(out))
END
	fetch
	assert_equal "$status $(delivered) $(retrieved)" '0 2 0'
	# of these digests neither message is known: when in doubt, deliver
	session delete seen
	assert_equal "$status $(left)" '0 2'
	put 3 c three
	fetch
	assert_equal "$status $(delivered)" '0 3'
	session delete seen
	assert_equal "$status $(left)" '0 2'
}
