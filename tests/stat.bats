#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# stat: COUNT OCTETS, and what is said when the server will not tell.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 3
	mkdir "$BATS_FILE_TMPDIR/none"
}

# serve OPTION...: three messages of 138 octets.
serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" "$@"
}

@test "stat: over TLS, by STLS, in the clear" {
	serve
	run --separate-stderr -0 poplar stat "${TLS[@]}"
	assert_output '3 414'
	said ''
	run --separate-stderr -0 poplar stat "${STARTTLS[@]}"
	assert_output '3 414'
	said ''
	run --separate-stderr -0 poplar stat "${PLAIN[@]}"
	assert_output '3 414'
	said ''
}

@test "stat: an empty mailbox" {
	start_server --mailbox "$BATS_FILE_TMPDIR/none"
	run --separate-stderr -0 poplar stat "${PLAIN[@]}"
	assert_output '0 0'
	said ''
}

@test "stat: --json, read by jq" {
	serve
	poplar stat --json "${TLS[@]}" >out
	run -0 jq -r '.account, .count, .octets' out
	assert_output $'tester@localhost\n3\n414'
	assert_equal "$(wc -l <out)" 1
}

@test "stat: what is sent, in order and no more" {
	start_script <<-'EOT'
	S: +OK ready
	C: CAPA
	S: -ERR
	C: USER tester
	S: +OK
	C: PASS open-sesame-7
	S: +OK
	C: STAT
	S: +OK 12 3456
	C: QUIT
	S: +OK
	EOT
	run --separate-stderr -0 poplar stat "${PLAIN[@]}"
	assert_output '12 3456'
	said ''
	finish_script
}

@test "stat: more than 32 bits, words after the numbers" {
	serve --stat '2147483650 9223372036854775807 octets, roughly'
	run --separate-stderr -0 poplar stat "${PLAIN[@]}"
	assert_output '2147483650 9223372036854775807'
	said ''
}

@test "stat: what is not an answer is 76, with the server's words escaped" {
	for text in 'two 3' '3' '3 -1' '1 9223372036854775808' $'\e[2J 4'; do
		serve --stat "$text"
		run --separate-stderr -76 poplar stat "${PLAIN[@]}"
		assert_output ''
		said "poplar: tester@127.0.0.1: 127.0.0.1 answered STAT with \
\"${text/$'\e'/\\^[}\""
		stop_server
	done
}

@test "stat: refused is 69, for now is 75, closed is 75" {
	serve --err-at 'STAT:1=-ERR mailbox \x1b[1mburnt\r\n'
	run --separate-stderr -69 poplar stat "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 refused STAT: mailbox \^[[1mburnt'
	stop_server
	serve --err-at 'STAT:1=-ERR [SYS/TEMP] later\r\n'
	run --separate-stderr -75 poplar stat "${PLAIN[@]}"
	said 'poplar: tester@127.0.0.1: 127.0.0.1 refused STAT: [SYS/TEMP] later'
	run --separate-stderr -75 poplar stat -qq "${PLAIN[@]}"
	assert_output ''
	said ''
	stop_server
	serve --close-at STAT:1
	run --separate-stderr -75 poplar stat "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 closed the connection in answer to STAT'
	stop_server
	serve --stall-at STAT:1
	run --separate-stderr -75 poplar stat --timeout 1s "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 did not answer STAT within 1 second'
}

@test "stat: takes no messages" {
	run --separate-stderr -64 poplar stat 3
	assert_output ''
	said 'poplar: stat takes no operands (see poplar help stat)'
}
