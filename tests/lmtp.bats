#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Delivery to an LMTP server, lib/lmtp.py; its transcripts are unit/lmtp_test.c.

load lib/common

# Sets LMTP, its socket; what it gets is below ./got.
start_lmtp() {
	local fd
	LMTP=$PWD/lmtp.socket
	mkdir got
	exec {fd}< <(exec python3 "$TESTS_DIR/lib/lmtp.py" "$LMTP" got \
		2>"$BATS_TEST_TMPDIR/lmtp.err" </dev/null 3>&-)
	STARTED+=("$!")
	read -r -t 60 -u "$fd" _
	exec {fd}<&-
}

setup() {
	common_setup
	make_mailbox mail 3
	printf '%s\n' 'Return-Path: <bob@example.org>' '' '.dot' '..' . >mail/003
	start_server --mailbox mail
	start_lmtp
}

@test "lmtp: whole messages, once, with their envelopes" {
	run --separate-stderr -0 poplar fetch --lmtp "$LMTP" "${PLAIN[@]}"
	assert_output ''
	said ''
	assert_equal "$(sha256sum got/[0-9]* | cut -c1-64 | sort)" \
		"$(mailbox_digests mail)"
	run -0 cat got/envelopes
	assert_output "MAIL FROM:<> BODY=8BITMIME
RCPT TO:<tester>
MAIL FROM:<> BODY=8BITMIME
RCPT TO:<tester>
MAIL FROM:<bob@example.org> BODY=8BITMIME
RCPT TO:<tester>"
	run --separate-stderr -0 poplar fetch --lmtp "$LMTP" "${PLAIN[@]}" -v
	said 'poplar: tester@127.0.0.1: no new mail; 3 on the server'
}

@test "lmtp: a recipient behind the address; 4xx is 75, 5xx is 73" {
	run --separate-stderr -75 poplar fetch --delete --limit 1 \
		--lmtp "$LMTP!full" "${PLAIN[@]}"
	said "poplar: tester@127.0.0.1: message 1: $LMTP: 452 4.2.2 full"
	run --separate-stderr -73 poplar fetch --delete --limit 1 \
		--lmtp "$LMTP!nobody" "${PLAIN[@]}"
	said "poplar: tester@127.0.0.1: message 1: $LMTP: 550 5.1.1 no such user"
	run -0 poplar stat "${PLAIN[@]}"
	assert_output --regexp '^3 '
	run --separate-stderr -0 poplar fetch --delete --lmtp "$LMTP!ann" \
		"${PLAIN[@]}"
	said ''
	run -0 grep -c '^RCPT TO:<ann>$' got/envelopes
	assert_output 3
	run -0 poplar stat "${PLAIN[@]}"
	assert_output '0 0'
}

@test "lmtp: check asks whether somebody is there" {
	run --separate-stderr -0 poplar check --lmtp "$LMTP" "${PLAIN[@]}"
	assert_line "ok     messages can be delivered to lmtp $LMTP"
	run --separate-stderr -75 poplar check --lmtp /nowhere/lmtp "${PLAIN[@]}"
	assert_line 'wrong  LMTP: cannot connect to /nowhere/lmtp: No such file or directory'
	run --separate-stderr -78 poplar check --lmtp nowhere "${PLAIN[@]}"
	assert_line 'wrong  nowhere is not HOST:PORT or the path of a socket'
	assert_not_exists got/1
}
