#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The tests' own tools: the server, its faults and transcripts, Dovecot, the
# corpus, and the watch over what poplar prints - which must be able to fail.

load lib/common
load lib/dovecot

teardown() {
	[[ -z ${DOVECOT_PID:-} ]] || stop_dovecot
	common_teardown
}

# say LINE...: a session by hand with the server, its replies on stdout.
say() {
	printf '%s\r\n' "$@" | python3 "$TESTS_DIR/lib/say.py" "$PORT"
}

# A program in place of poplar that prints what it is told.
pretend() {
	printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/pretend"
	chmod +x "$BATS_TEST_TMPDIR/pretend"
	export POPLAR=$BATS_TEST_TMPDIR/pretend
}

# The watch noticed: status 199, and the note that would fail the test.
assert_violation() {
	assert_equal "$status" 199
	run cat "$BATS_TEST_TMPDIR/violations"
	assert_output --partial "$1"
	rm "$BATS_TEST_TMPDIR/violations"
}

@test "harness: clean output passes as it is, with its status" {
	pretend 'echo out; echo "err: ü" >&2; exit 69'
	run --separate-stderr -69 poplar stat
	assert_output out
	assert_equal "$stderr" "err: ü"
}

@test "harness: raw octets and passwords are noticed" {
	pretend 'printf "a\033[0m" >&2'
	run poplar stat
	assert_violation "raw octets on standard error"
	run -0 poplar --color=always stat
	pretend 'printf "a\302\233b"'
	run poplar list
	assert_violation "raw octets on standard output"
	run -0 poplar top 1
	pretend 'printf "\377" >&2'
	run poplar list
	assert_violation "raw octets on standard error"
	pretend 'printf "a\000b" >&2'
	run poplar list
	assert_violation "raw octets on standard error"
	pretend "echo $TEST_PASSWORD >&2"
	run poplar list
	assert_violation "a password"
	pretend "printf '\\0$TEST_USER\\0$TEST_PASSWORD' | base64"
	run poplar top 1
	assert_violation "a password"
}

@test "harness: programs of the system's administrator are found too" {
	# shellcheck disable=SC2016 # for the other shell
	run -0 env PATH=/usr/local/bin:/usr/bin:/bin bash -c '
		bats_require_minimum_version() { :; }
		bats_load_library() { :; }
		source "$1/lib/common.bash"
		command -v dovecot krb5kdc kdb5_util kadmin.local' \
		bash "$TESTS_DIR"
	assert_equal "${#lines[@]}" 4
}

@test "harness: tests/run counts, and fails what dies or has no plan" {
	mkdir t
	printf '#!/bin/sh\necho ok 1; echo "ok 2 # skip no"; echo 1..2\n' >t/good
	printf '#!/bin/sh\necho ok 1; kill -9 $$\n' >t/dies
	printf '#!/bin/sh\necho ok 1; echo 1..3\n' >t/short
	printf '#!/bin/sh\necho not ok 1; echo 1..1; exit 1\n' >t/bad
	chmod +x t/*
	CI='' run -0 "$TESTS_DIR/run" t/good
	assert_line --index -1 "1 passed, 0 failed, 1 skipped"
	CI=true run -1 "$TESTS_DIR/run" t/good
	run -1 "$TESTS_DIR/run" t/good t/dies t/short t/bad
	assert_line --index -1 "3 passed, 3 failed, 1 skipped"
}

@test "server: a mailbox keeps its state" {
	make_mailbox mail 3
	printf '.dot\r\n..\nend' >mail/002
	start_server --mailbox mail --uidl name
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" STAT 'UIDL 2' 'RETR 2' \
		'DELE 1' 'LIST 1' QUIT
	assert_output --regexp '\+OK 3 [0-9]+
\+OK 2 002
\+OK 15 octets
\.\.dot
\.\.\.
end
\.
\+OK Marked to be deleted\.
-ERR Message is deleted\.
\+OK Logging out\.$'
	assert_not_exists mail/001
	run -0 say "USER $TEST_USER" 'PASS wrong' QUIT
	assert_line --index 2 '-ERR [AUTH] Authentication failed.'
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" STAT
	assert_line --index 3 --partial '+OK 2 '
	assert_exists mail/002
}

@test "server: preloaded mail forgets what was deleted" {
	make_mailbox mail 2
	start_server --mailbox mail --preload
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" 'DELE 2' QUIT
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" STAT QUIT
	assert_line --index 3 --partial '+OK 1 '
}

@test "server: faults fall where they were told to" {
	make_mailbox mail 2
	start_server --mailbox mail --err-at 'RETR:2' --fault-connections 1 \
		--replace 'NOOP:1=\x00\e' --after 'STAT:1=extra\r\n' \
		--drop-at QUIT:1
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" STAT 'RETR 1' 'RETR 1' \
		'DELE 1' QUIT
	assert_line extra
	assert_line '-ERR refused by the test'
	assert_line --index -1 '+OK Marked to be deleted.'
	assert_not_exists mail/001
	run -0 say "USER $TEST_USER" "PASS $TEST_PASSWORD" 'RETR 1' 'RETR 1' QUIT
	refute_line '-ERR refused by the test'
	assert_line --index -1 '+OK Logging out.'
}

@test "server: a cut falls after the octet named" {
	make_mailbox mail 1
	for how in fin rst; do
		start_server --mailbox mail --cut-after 40 --cut "$how"
		say "USER $TEST_USER" "PASS $TEST_PASSWORD" 'RETR 1' >out
		# say leaves out the two CRs.
		assert_equal "$(wc -c <out)" 38
		stop_server
		run grep -c 'CLOSE sent 40 raw 40' "$SERVER_LOG"
		rm "$SERVER_LOG"
		assert_output 1
	done
}

@test "server: a transcript is heard or it fails" {
	transcript='S: +OK hello
C: USER tom
S-raw: +OK\r\n
C~ PASS [a-z]+
S: -ERR no
NEXT
S: +OK again
C: QUIT
S: +OK'
	start_script <<<"$transcript"
	run -0 say 'USER tom' 'PASS abc'
	run -0 say 'QUIT'
	finish_script
	start_script <<<"$transcript"
	run say 'USER tom' 'PASS ABC'
	run -0 say 'QUIT'
	finish_script >said && fail 'a wrong PASS was let pass'
	assert_file_contains said 'wanted "PASS \[a-z]+", heard "PASS ABC"'
	start_script <<<"$transcript"
	run -0 say 'USER tom' 'PASS abc'
	run say 'QUIT' 'NOOP'
	finish_script >said && fail 'too much was let pass'
	assert_file_contains said 'wanted "nothing", heard "NOOP"'
}

@test "server: TLS and STLS" {
	make_tls
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY"
	run -0 timeout 20 gnutls-cli --x509cafile "$CA" -p "$TLSPORT" localhost \
		<<<$'CAPA\r\nQUIT\r'
	assert_output --partial '+OK Logging out.'
	refute_output --partial STLS
	run -0 python3 "$TESTS_DIR/lib/say.py" --stls "$PORT" <<<$'CAPA\r\nQUIT\r'
	assert_line --index -1 '+OK Logging out.'
}

@test "server: ends with its standard input, and by itself" {
	mkdir mail
	timeout 20 "$SERVER" --mailbox mail --until-eof </dev/null 3>&-
	run -0 timeout 20 "$SERVER" --mailbox mail --lifetime 1 3>&-
}

@test "corpus: the same from the same seed, of every kind" {
	for name in a b; do
		python3 "$TESTS_DIR/lib/corpus.py" make "$name" 40 7 20000
	done
	run -0 diff -r a b
	python3 "$TESTS_DIR/lib/corpus.py" make c 40 8 20000
	run -1 diff -rq a c
	assert_equal "$(mailbox_digests a | sort -u | wc -l)" 40
}

@test "dovecot: every way in" {
	make_tls
	start_dovecot
	python3 "$TESTS_DIR/lib/corpus.py" make mail 16 1
	dovecot_user ann maildir mail
	dovecot_user bob mbox mail
	run -0 python3 "$TESTS_DIR/lib/ways_in.py" "$DOVECOT_PORT" \
		"$TEST_PASSWORD" "$(dovecot_token ann)" "$(dovecot_token ann x)"
	assert_output "ann USER 16
bob USER 16
ann APOP 16
ann PLAIN 16
ann XOAUTH2 16
ann XOAUTH2 refused"
}

@test "harness: each mutant and each planted bug still has its place in src" {
	run -0 "$TESTS_DIR/mutants/run" -l
	assert_line --regexp '^mbox-unsynced '
	run -0 "$TESTS_DIR/fuzz/run" places
	assert_output ""
}

# .ci with a make that says what the tests say, and with status $MAKE_STATUS for
# the goal $MAKE_FAILS.
copy_ci() {
	mkdir t t/bin
	cp -R "$TESTS_DIR/../.ci" t/.ci
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "made $*"; echo "3 passed, 0 failed, 0 skipped"\n%s\n' \
		'case " $* " in *" ${MAKE_FAILS:-none} "*) exit 2 ;; esac' >t/bin/make
	printf '#!/bin/sh\necho 1000\n' >t/bin/id
	chmod +x t/bin/*
}

@test "ci: the closing lines of the tests come at the end, with the time" {
	copy_ci
	PATH=$PWD/t/bin:$PATH run --separate-stderr -0 t/.ci/run
	assert_line 'made deps check'
	assert_line 'made check-sanitize'
	assert_line 'ordinary: left out, because only root can make a user for it'
	assert_equal "$(grep -c '^3 passed, 0 failed, 0 skipped$' <<<"$output")" 8
	assert_line --index -1 --regexp '^ci: all is well after [0-9]+ s$'
	assert_regex "$output" $'\nci: [0-9]+ s: env WERROR=1 make deps check\n3 passed, 0 failed, 0 skipped\nci: [0-9]+ s: .ci/ordinary\n'
}

@test "ci: what fails ends it" {
	copy_ci
	PATH=$PWD/t/bin:$PATH MAKE_FAILS=lint run --separate-stderr -1 t/.ci/run
	assert_line 'made deps lint'
	refute_line 'made check-sanitize'
	assert_line --index -1 --regexp '^ci: failed: make deps lint after [0-9]+ s$'
}
