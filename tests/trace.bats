#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The trace of --debug, and how it becomes a transcript for the tests' server.

load lib/common

# replay OPTION... : the trace in the file `trace' as the server's transcript.
replay() {
	"$TESTS_DIR/lib/trace2script" trace >transcript
	start_script "$@" <transcript
}

@test "trace: a fetch can be played again from its trace" {
	make_mailbox mail 3
	printf 'A: b\r\n\r\n.dot\r\n\033[1m\\ \r\nend\\\r\n' >mail/4
	head -c 300000 /dev/urandom | base64 -w 9000 >mail/5
	start_server --mailbox mail --uidl name
	poplar fetch "${PLAIN[@]}" --maildir one --debug=3 2>trace
	stop_server
	rm -r .local
	replay
	# the same port names the same state; here it need not
	run -0 poplar fetch "${PLAIN[@]}" --maildir two
	finish_script
	assert_equal "$(maildir_digests two)" "$(maildir_digests one)"
	assert_equal "$(maildir_digests one)" "$(mailbox_digests mail)"
}

@test "trace: from --debug=2 messages are filler of the same size" {
	make_mailbox mail 2
	start_server --mailbox mail --uidl name
	poplar fetch "${PLAIN[@]}" --maildir one --debug=2 2>trace
	run ! grep 'This is' trace
	stop_server
	replay
	run -0 poplar fetch "${PLAIN[@]}" --maildir two
	finish_script
	for file in one/new/* two/new/*; do
		assert_equal $(($(wc -c <"$file") + $(wc -l <"$file"))) 138
	done
}

@test "trace: TLS, STLS and SCRAM become what can be played" {
	make_tls
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY"
	printf '%s\n' stat noop |
		poplar shell "${TLS[@]}" --debug=3 >/dev/null 2>trace
	printf '%s\n' stat |
		poplar shell "${STARTTLS[@]}" --debug=3 >/dev/null 2>>trace
	stop_server
	replay --cert "$CERT" --key "$KEY"
	run -0 poplar shell "${TLS[@]}" --port "$PORT" <<<$'stat\nnoop'
	assert_output $'+OK 1 138\n+OK\n+OK Logging out.'
	run -0 poplar shell "${STARTTLS[@]}" <<<stat
	assert_output $'+OK 1 138\n+OK Logging out.'
	finish_script
	cat >trace <<-'END'
	0.000 = connected to localhost
	0.001 < +OK <****@x> ready
	0.001 > CAPA
	0.002 < +OK
	0.002 < SASL PLAIN SCRAM-SHA-256
	0.002 < UIDL
	0.002 < .
	0.003 login: scram-sha-256
	0.003 > AUTH SCRAM-SHA-256 ****
	0.004 < + cj1hYmM=
	0.004 > ****
	0.005 < + dj1hYmM=
	0.005 > ****
	0.006 < +OK in
	0.006 > STAT
	0.007 < +OK 0 0
	0.007 > QUIT
	0.008 < +OK
	END
	replay
	run -0 poplar stat "${PLAIN[@]}"
	assert_output '0 0'
	finish_script
}

@test "trace: what went wrong goes wrong again" {
	make_mailbox mail 3
	start_server --mailbox mail --cut-after 500
	printf '%s\n' 'retr 1' 'top 3 1' 'retr 2' noop >lines
	run -75 poplar shell "${PLAIN[@]}" --debug=3 --debug-file trace <lines
	before=$output
	stop_server
	replay
	run -75 poplar shell "${PLAIN[@]}" <lines
	assert_output "$before"
	assert_output --partial 'closed the connection'
	assert_equal "$(tail -n 1 transcript)" CLOSE
	cat >trace <<-'END'
	0.000 = connected to localhost
	0.001 < +OK ready
	0.001 > CAPA
	poplar: x: localhost did not answer CAPA within 60 seconds
	END
	run -0 "$TESTS_DIR/lib/trace2script" trace
	assert_output $'S: +OK ready\nC: CAPA\nSTALL'
	run -1 "$TESTS_DIR/lib/trace2script" /dev/null
	assert_output 'trace2script: there is no trace of poplar in it'
}
