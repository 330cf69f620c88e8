#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# capa: what the server can do, before and after login.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 1
}

serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" "$@"
}

@test "capa: each capability once" {
	serve --caps TOP,UIDL,STLS,USER,'SASL PLAIN' \
		--caps-after TOP,UIDL,'EXPIRE 60',PIPELINING
	run --separate-stderr -0 poplar capa "${PLAIN[@]}"
	assert_output $'TOP\nUIDL\nSTLS\nUSER\nSASL PLAIN\nEXPIRE 60\nPIPELINING'
	said ''
}

@test "capa --verbose: greeting, TLS, before and after login" {
	serve --caps TOP,USER --caps-after 'TOP,EXPIRE 60'
	run --separate-stderr -0 poplar capa -v "${TLS[@]}"
	said ''
	assert_line --index 0 'greeting: poplar test server ready'
	assert_line --index 1 --regexp '^tls: TLS1\.3 '
	assert_line --index 2 'tls: certificate CN=localhost'
	assert_line --index 3 'tls: issuer CN=Test CA'
	assert_line --index 4 --regexp '^tls: valid [0-9-]+ to [0-9-]+$'
	assert_line --index 5 --regexp '^tls: certificate pin sha256:[0-9a-f]{64}$'
	assert_line --index 6 --regexp '^tls: key pin sha256:[0-9a-f]{64}$'
	assert_line --index 7 'tls: names localhost, 127.0.0.1, ::1'
	assert_equal "$(printf '%s\n' "${lines[@]:8}")" \
		$'before login:\nTOP\nUSER\nafter login:\nTOP\nEXPIRE 60'
	run --separate-stderr -0 poplar capa -v "${PLAIN[@]}"
	assert_line --index 1 'tls: none'
}

@test "capa: the pin it prints lets in without a CA" {
	serve
	poplar capa -v "${TLS[@]}" >out
	pin=$(sed -n 's/^tls: key pin //p' out)
	run --separate-stderr -0 poplar stat --host localhost --port "$TLSPORT" \
		--user "$TEST_USER" --password-file "$PASSWORD_FILE" \
		--tls-pin "$pin" --tls-pin-only
	assert_output '1 138'
	said ''
}

# A server that does with CAPA what $1 says, in the clear or over TLS; then stat
# must do without. The session that CAPA has ended is one of two.
does_without() {
	local way
	for way in PLAIN TLS; do
		local -n options=$way
		serve "$@"
		run --separate-stderr -0 poplar stat "${options[@]}" --timeout 1
		assert_output '1 138'
		said ''
		assert_equal "$(grep -c 'C: CAPA' "$SERVER_LOG")" 1
		assert_equal "$(grep -c 'C: QUIT' "$SERVER_LOG")" 1
		: >"$SERVER_LOG"
		# and never does where it is not asked for it
		run --separate-stderr -0 poplar stat "${options[@]}" --capa=off
		assert_output '1 138'
		run ! grep -q 'C: CAPA' "$SERVER_LOG"
		stop_server
		: >"$SERVER_LOG"
	done
}

@test "deadly: a server that hangs up on CAPA is asked no more" {
	does_without --close-at CAPA:1
	does_without --rst-at CAPA:1
}

@test "deadly: one that says nothing to CAPA, or never ends its answer" {
	does_without --stall-at CAPA:1
	does_without --replace 'CAPA:1=+OK\r\n'
	does_without --replace 'CAPA:1=+OK\r\nUSER\r\n'
}

@test "deadly: one that hangs up behind its refusal" {
	for way in PLAIN TLS; do
		begin='' tls=()
		[[ $way == PLAIN ]] || begin=TLS tls=(--cert "$CERT" --key "$KEY")
		start_script "${tls[@]}" <<-END
		$begin
		S: +OK
		C: CAPA
		S: -ERR what?
		CLOSE
		NEXT
		$begin
		S: +OK
		C: USER tester
		S: +OK
		C: PASS $TEST_PASSWORD
		S: +OK
		C: STAT
		S: +OK 1 5
		C: QUIT
		S: +OK
		END
		declare -n options=$way
		run --separate-stderr -0 poplar stat "${options[@]}" -v
		assert_output '1 5'
		assert_regex "$stderr" 'connecting once more without CAPA \(capa = off spares that\)$'
		finish_script
	done
}

@test "deadly: a session lost for another reason is not begun again" {
	start_script <<-END
	S: +OK
	C: CAPA
	S: -ERR what?
	C: USER tester
	S: +OK
	C: PASS $TEST_PASSWORD
	CLOSE
	END
	run --separate-stderr -75 poplar stat "${PLAIN[@]}"
	finish_script
	start_script <<-END
	S: +OK
	C: CAPA
	S: +OK
	S: USER
	S: .
	C: USER tester
	CLOSE
	END
	run --separate-stderr -75 poplar stat "${PLAIN[@]}"
	finish_script
}

@test "deadly: not done without where STLS was asked for" {
	for fault in --close-at --stall-at; do
		serve "$fault" CAPA:1
		run --separate-stderr -75 poplar stat "${STARTTLS[@]}" --timeout 1
		assert_output ''
		assert_equal "$(grep -c 'C: ' "$SERVER_LOG")" 1
		: >"$SERVER_LOG"
		# unless it is the user who says so
		run --separate-stderr -0 poplar stat "${STARTTLS[@]}" --capa=off
		assert_output '1 138'
		run -0 grep -oE 'C: (CAPA|STLS|USER)' "$SERVER_LOG"
		assert_output $'C: STLS\nC: USER'
		stop_server
		: >"$SERVER_LOG"
	done
}

@test "deadly: fetch pays for it once a run, and check says how to spare it" {
	serve --close-at CAPA:1
	run --separate-stderr -0 poplar fetch --maildir box --repeat "${PLAIN[@]}"
	assert_equal "$(maildir_digests box | wc -l)" 1
	assert_equal "$(grep -c 'C: CAPA' "$SERVER_LOG")" 1
	assert_equal "$(grep -c 'C: USER' "$SERVER_LOG")" 2
	run --separate-stderr -0 poplar check "${PLAIN[@]}"
	assert_line '       Set capa = off, so that it is not asked each time.'
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --capa=off
	refute_output --partial 'capa = off'
	run --separate-stderr -64 poplar capa "${PLAIN[@]}" --capa=off
	said 'poplar: tester@127.0.0.1: the server is not asked, as capa = off is set; --capa=auto asks it'
	run --separate-stderr -69 poplar capa "${PLAIN[@]}"
	said 'poplar: tester@127.0.0.1: 127.0.0.1 does not answer CAPA'
}

@test "deadly: one that dies of it after the login only" {
	make_mailbox mail 2
	start_server --mailbox mail --close-at CAPA:2
	run --separate-stderr -75 poplar top 1 2 "${PLAIN[@]}"
	[[ $stderr == *'; try --capa=off' ]]
	run --separate-stderr -0 poplar top 1 2 "${PLAIN[@]}" --capa=off
	: >"$SERVER_LOG"
	# which tries again in any case
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}"
	assert_equal "$(maildir_digests box | wc -l)" 2
	assert_equal "$(grep -c 'C: CAPA' "$SERVER_LOG")" 2
}

@test "capa --json, read by jq" {
	serve --caps TOP,'SASL PLAIN' --caps-after UIDL
	poplar capa --json "${TLS[@]}" >out
	run -0 jq -rc '[.phase, .capability]' out
	assert_output '["before","TOP"]
["before","SASL PLAIN"]
["after","UIDL"]'
}

@test "capa: a server that does not know CAPA" {
	serve --no-capa
	run --separate-stderr -69 poplar capa "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: localhost does not answer CAPA'
	run --separate-stderr -0 poplar stat "${TLS[@]}"
	assert_output '1 138'
}

@test "capa: what a server says is escaped" {
	serve --caps $'X-\e[2J'
	run --separate-stderr -0 poplar capa "${PLAIN[@]}"
	assert_line --index 0 'X-\^[[2J'
}
