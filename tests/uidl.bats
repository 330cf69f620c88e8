#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# uidl: NUM UIDL, written so that uid: takes it back.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 4
	cat >"$BATS_FILE_TMPDIR/map" <<-'EOT'
	001 a b
	002 back\\slash
	003 \x1b[0m\xe4
	004 plain
	EOT
}

serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" --uidl-map "$BATS_FILE_TMPDIR/map" "$@"
}

@test "uidl: all, a few, one" {
	serve
	run --separate-stderr -0 poplar uidl "${TLS[@]}"
	assert_output '1 a\sb
2 back\\slash
3 \^[[0m\M-d
4 plain'
	said ''
	run --separate-stderr -0 poplar uidl 3- "${STARTTLS[@]}"
	assert_output $'3 \\^[[0m\\M-d\n4 plain'
	said ''
	run --separate-stderr -0 poplar uidl 4 "${PLAIN[@]}"
	assert_output '4 plain'
	said ''
}

@test "uidl: uid: takes back what was printed" {
	serve
	poplar uidl "${TLS[@]}" >out
	while read -r number uidl; do
		run --separate-stderr -0 poplar uidl "uid:$uidl" "${TLS[@]}"
		assert_output "$number $uidl"
		said ''
	done <out
}

@test "uidl --json: what is not UTF-8 is there as base64 too" {
	serve
	poplar uidl --json "${TLS[@]}" >out
	run -0 jq -rc '[.num, .uidl, .uidl_b64]' out
	assert_output '[1,"a b",null]
[2,"back\\slash",null]
[3,"\u001b[0m�","G1swbeQ="]
[4,"plain",null]'
}

@test "uidl: refused, a message that is not there" {
	serve --no-uidl
	run --separate-stderr -69 poplar uidl "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: localhost refused UIDL: Unknown command.'
	stop_server
	serve
	run --separate-stderr -69 poplar uidl 9 "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: localhost refused UIDL 9: There's no message 9."
	run --separate-stderr -69 poplar uidl uid:plain 'uid:no\sne' "${TLS[@]}"
	assert_output '4 plain'
	said 'poplar: tester@localhost: there is no message uid:no\sne on the server'
}
