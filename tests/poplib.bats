#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# poplar beside Python's poplib, over mailboxes made from a seed: POPLAR_SEED, any
# of which must pass.

load lib/common
load lib/dovecot

SEED=${POPLAR_SEED:-1}

setup_file() {
	make_tls
	python3 "$TESTS_DIR/lib/corpus.py" make "$BATS_FILE_TMPDIR/mail" 36 \
		"${POPLAR_SEED:-1}" 200000
}

teardown() {
	[[ -z ${DOVECOT_PID:-} ]] || stop_dovecot
	common_teardown
}

# compare PORT TLSPORT [same-uidl]
compare() {
	python3 "$TESTS_DIR/lib/poplib_compare.py" "$SEED" "$1" "$2" "$CA" \
		"$PASSWORD_FILE" "${@:3}"
}

# The bundled server with two users that have the same mail.
serve_two() {
	mkdir mail
	cp -r "$BATS_FILE_TMPDIR/mail" mail/one
	cp -r "$BATS_FILE_TMPDIR/mail" mail/two
	start_server --mailbox mail --per-user --uidl name \
		--user "one:$TEST_PASSWORD" --user "two:$TEST_PASSWORD" \
		--apop --utf8 --cert "$CERT" --key "$KEY"
}

@test "poplib: the bundled server" {
	serve_two
	run -0 compare "$PORT" "$TLSPORT" same-uidl
	assert_output --regexp '^[0-9]{3} comparisons, 0 failed$'
}

@test "poplib: Dovecot" {
	start_dovecot
	dovecot_user one maildir "$BATS_FILE_TMPDIR/mail"
	dovecot_user two maildir "$BATS_FILE_TMPDIR/mail"
	run -0 compare "$DOVECOT_PORT" "$DOVECOT_TLS_PORT"
	assert_output --regexp '^[0-9]{3} comparisons, 0 failed$'
}

@test "poplib: a difference would be noticed" {
	serve_two
	cat >wrong <<-EOT
	#!/bin/sh
	[ "\$1" != delete ] || exit 0
	"$POPLAR" "\$@" >out || exit
	if [ "\$1" = capa ]; then cat out; else sed '\$s/^./#/' out; fi
	EOT
	chmod +x wrong
	POPLAR=$PWD/wrong run -1 compare "$PORT" "$TLSPORT" same-uidl
	for what in stat list uidl top retr 'stat after dele'; do
		assert_output --partial "implicit TLS: $what"
	done
}
