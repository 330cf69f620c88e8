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
