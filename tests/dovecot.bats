#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The whole job at a real Dovecot: a mailbox of 1,000 varied messages - 1 octet to
# 5 MB, empty bodies, dots, bare CR and LF, NUL, 8-bit, lines of 100 kB, no final
# newline, lines of From - fetched in every way and compared by digest.

load lib/common
load lib/dovecot

setup_file() {
	make_tls
	start_dovecot
	MAIL=$BATS_FILE_TMPDIR/mail
	export MAIL
	python3 "$TESTS_DIR/lib/corpus.py" make "$MAIL" 1000 "${POPLAR_SEED:-1}"
	mailbox_digests "$MAIL" >"$BATS_FILE_TMPDIR/digests"
	dovecot_user ann maildir "$MAIL"
}

teardown_file() {
	stop_dovecot
}

setup() {
	common_setup
	dovecot_options ann
}

# What has arrived is what the server holds.
arrived() {
	sort >got
	run -0 diff "$BATS_FILE_TMPDIR/digests" got
}

@test "dovecot: the mailbox is as varied as it is said to be" {
	run -0 wc -l "$BATS_FILE_TMPDIR/digests"
	assert_output --partial '1000 '
	cat "$MAIL"/* >all
	for what in '\x00' '\r[^\n]' '^\.' '^From ' '[\x80-\xff]'; do
		LC_ALL=C grep -qaP "$what" all || fail "nothing with $what"
	done
	printf 'x%.0s' {1..100000} >line
	grep -qaxFf line all
	sizes=$(stat -c %s "$MAIL"/* | sort -n)
	assert_equal "$(head -n 1 <<<"$sizes")" 1
	(($(tail -n 1 <<<"$sizes") > 5000000))
}

@test "dovecot: fetch into a maildir, twice" {
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
	maildir_digests Mail | arrived
	assert_equal "$(find Mail/tmp -type f | wc -l)" 0
	assert_equal "$(find Mail/new -type f -not -perm 600 | wc -l)" 0
	find Mail/new -type f -printf '%f %s %T@\n' | sort >before
	run --separate-stderr -0 poplar fetch -v --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: ann@localhost: no new mail; 1000 on the server'
	find Mail/new -type f -printf '%f %s %T@\n' | sort >after
	run -0 cmp before after
}

@test "dovecot: fetch by STLS, in lock-step, into a maildir" {
	run --separate-stderr -0 poplar fetch --maildir Mail --pipelining=off \
		"${STARTTLS[@]}"
	assert_output ''
	said ''
	maildir_digests Mail | arrived
}

@test "dovecot: fetch into an mbox, twice" {
	run --separate-stderr -0 poplar fetch --mbox inbox "${TLS[@]}"
	assert_output ''
	said ''
	python3 "$TESTS_DIR/lib/mbox_digests.py" inbox | arrived
	assert_equal "$(stat -c %a inbox)" 600
	cp inbox before
	run --separate-stderr -0 poplar fetch --mbox inbox "${TLS[@]}"
	assert_output ''
	said ''
	run -0 cmp before inbox
}

@test "dovecot: fetch into a pipe, twice" {
	run --separate-stderr -0 poplar fetch --pipe 'sha256sum >>digests' "${TLS[@]}"
	assert_output ''
	said ''
	cut -c1-64 digests | arrived
	run --separate-stderr -0 poplar fetch --pipe 'echo again >&2' "${TLS[@]}"
	assert_output ''
	said ''
}

@test "dovecot: fetch to standard output as an mbox" {
	poplar fetch --mbox - "${TLS[@]}" >inbox
	python3 "$TESTS_DIR/lib/mbox_digests.py" inbox | arrived
	run --separate-stderr -0 poplar fetch --mbox - "${TLS[@]}"
	assert_output ''
}

@test "dovecot: the listings agree with what lies there" {
	run --separate-stderr -0 poplar stat "${TLS[@]}"
	octets=$(poplar list "${TLS[@]}" | tee list | awk '{ sum += $2 } END { print sum }')
	assert_output "1000 $octets"
	assert_equal "$(wc -l <list)" 1000
	poplar uidl "${TLS[@]}" | cut -d' ' -f2 | sort -u >uidls
	assert_equal "$(wc -l <uidls)" 1000
	poplar list --long "${TLS[@]}" >long
	assert_equal "$(cut -f1,2 long)" "$(tr ' ' '\t' <list)"
	assert_equal "$(cut -f3 long | sort -u)" new
}

@test "dovecot: delete 1-10 deletes just those" {
	dovecot_user cat maildir "$MAIL"
	poplar uidl "${TLS[@]}" >before
	run --separate-stderr -0 poplar delete 1-10 "${TLS[@]}"
	assert_output ''
	said ''
	poplar uidl "${TLS[@]}" >after
	run -0 diff <(sed 1,10d before | cut -d' ' -f2) <(cut -d' ' -f2 after)
	find "$DOVECOT_DIR/home/cat/Maildir/cur" -type f -exec sha256sum {} + |
		cut -c1-64 | sort >got
	(cd "$MAIL" && printf '%s\n' * | sed 1,10d | xargs sha256sum) |
		cut -c1-64 | sort >want
	run -0 diff want got
}

@test "dovecot: fetch --delete leaves the mailbox empty" {
	dovecot_user dan maildir "$MAIL"
	run --separate-stderr -0 poplar fetch -v --delete --maildir Mail "${TLS[@]}"
	assert_output ''
	[[ $stderr =~ ^'poplar: dan@localhost: 1000 messages ('[0-9.]+' MB) delivered, 1000 deleted; 0 on the server'$ ]]
	maildir_digests Mail | arrived
	run -0 poplar stat "${TLS[@]}"
	assert_output '0 0'
	run -0 find "$DOVECOT_DIR/home/dan/Maildir/cur" "$DOVECOT_DIR/home/dan/Maildir/new" -type f
	assert_output ''
}

@test "dovecot: wrong password, what it offers" {
	(umask 077 && echo wrong >wrong)
	run --separate-stderr -77 poplar stat "${TLS[@]}" --password-file wrong
	assert_output ''
	said 'poplar: ann@localhost: localhost refused the login: [AUTH] Authentication failed.'
	run --separate-stderr -0 poplar capa "${TLS[@]}"
	assert_line UIDL
	assert_line PIPELINING
	assert_line --partial 'SASL PLAIN LOGIN'
	said ''
}
