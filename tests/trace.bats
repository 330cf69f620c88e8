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
	0.001 < +OK <**********> ready
	0.001 > CAPA
	0.002 < +OK
	0.002 < SASL PLAIN SCRAM-SHA-256
	0.002 < UIDL
	0.002 < .
	0.003 login: scram-sha-256
	0.003 > AUTH SCRAM-SHA-256 ****
	0.004 < + ****
	0.004 > ****
	0.005 < + ****
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

# Nothing by which a password could be tried without the server: it is computed here
# as somebody would who has the trace, and looked for in any form.
@test "trace: challenges, timestamps and what is made of them are stars" {
	make_mailbox mail 1
	start_server --mailbox mail --apop \
		--sasl 'SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5 LOGIN'
	for level in 1 2 3; do
		for auth in scram-sha-1 scram-sha-256 cram-md5 apop login plain; do
			rm -f trace
			run --separate-stderr -0 poplar stat "${PLAIN[@]}" \
				--auth "$auth" --debug="$level" --debug-file trace
			# of the server: none but an empty one is shown
			run ! grep -E '< \+ [^*]' trace
			# of ours: stars, or the name of a mechanism
			run ! grep -E '> (AUTH [^ ]+|APOP|PASS|USER) [^*]' trace
			# base64, hexadecimal, a msg-id
			run ! grep -E '[A-Za-z0-9+/=]{20,}' trace
			run ! grep -E '<[^>]*@[^>]*>' trace
			[[ $level == 1 ]] || grep -qE '< \+OK .*<\*+>' trace
		done
	done
	# a line that is no POP3 and an -ERR may repeat what was sent or said
	stamp='<1896.697170952@dbc.mtview.ca.us>'
	for reply in '-ERR %s %s' '%s %s' '+OK %s %s'; do
		# shellcheck disable=SC2059
		printf "S: +OK ready $stamp\nC: CAPA\nS: -ERR\nC~ APOP .*\nS: $reply\n" \
			"$stamp" "$(printf %s "$stamp$TEST_PASSWORD" | md5sum | head -c 32)" |
			start_script
		run --separate-stderr poplar stat "${PLAIN[@]}" --auth apop --debug=3
		refute_regex "$stderr" '1896|[0-9a-f]{32}'
		kill "$SERVER_PID" 2>/dev/null || true
	done
	for reply in '-ERR %s' '%s' '+OK v=%s'; do
		# shellcheck disable=SC2059
		printf 'S: +OK\nC: CAPA\nS: +OK\nS: SASL CRAM-MD5\nS: .\nC: AUTH CRAM-MD5\nS: + PDE4OTYuNjk3QGEuZXhhbXBsZT4=\nC~ .*\nS: '"$reply\n" \
			PDE4OTYuNjk3QGEuZXhhbXBsZT4= | start_script
		run --separate-stderr poplar stat "${PLAIN[@]}" --auth cram-md5 --debug=3
		refute_regex "${stderr/poplar: */}" 'PDE4OTYu'
		kill "$SERVER_PID" 2>/dev/null || true
	done
}

@test "trace: logins with stars for challenges can be played again" {
	make_mailbox mail 1
	start_server --mailbox mail --apop --sasl 'SCRAM-SHA-256 CRAM-MD5 LOGIN'
	for auth in apop cram-md5 login plain user scram-sha-256; do
		poplar stat "${PLAIN[@]}" --auth "$auth" --debug=2 2>"trace.$auth" \
			>/dev/null
	done
	stop_server
	for auth in apop cram-md5 login plain user scram-sha-256; do
		cp "trace.$auth" trace
		replay
		case $auth in
		apop | login | plain | user) as=$auth ;;
		*) as=user ;;
		esac
		run -0 poplar stat "${PLAIN[@]}" --auth "$as"
		assert_output '1 138'
		finish_script
	done
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
