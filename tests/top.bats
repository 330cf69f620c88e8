#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# top: headers and the first lines, cut here whatever the server sends.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 2
	{
		printf 'Subject: long\n\n'
		printf '%d\n' {1..9}
		printf '.dot\nFrom me\n12\n'
	} >"$BATS_FILE_TMPDIR/mail/003"
}

serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" --uidl name "$@"
}

@test "top: one message, ten lines or as many as wanted" {
	serve
	run --separate-stderr -0 poplar top 3 "${TLS[@]}"
	assert_output "$(sed 12q "$BATS_FILE_TMPDIR/mail/003")"
	said ''
	for n in 0 1 9 11 12 4000000000; do
		poplar top uid:003 --lines "$n" "${STARTTLS[@]}" >out
		{
			printf 'Subject: long\n\n'
			sed 1,2d "$BATS_FILE_TMPDIR/mail/003" | head -n "$n"
		} >want
		run -0 cmp want out
	done
}

@test "top: several are an mboxrd" {
	serve
	poplar top -n 11 2- "${PLAIN[@]}" >out
	sed 's/^\(From MAILER-DAEMON\) .*/\1/' out >got
	{
		echo 'From MAILER-DAEMON'
		cat "$BATS_FILE_TMPDIR/mail/002"
		printf '\nFrom MAILER-DAEMON\n'
		sed -e '13s/^/>/;$d' "$BATS_FILE_TMPDIR/mail/003"
		echo
	} >want
	run -0 diff want got
}

@test "top: cut here when the server sends more" {
	serve --replace 'TOP:1=+OK\r\nSubject: x\r\n\r\n1\r\n..2\r\n3\r\n4\r\n.\r\n'
	run --separate-stderr -0 poplar top -n 2 1 "${PLAIN[@]}"
	assert_output $'Subject: x\n\n1\n.2'
	said ''
}

@test "top: a refusal does not stop the others" {
	serve --err-at TOP:2
	run --separate-stderr -69 poplar top -n 0 1-3 "${PLAIN[@]}"
	assert_equal "$(grep -c '^From MAILER' <<<"$output")" 2
	assert_line 'Subject: message 1'
	assert_line 'Subject: long'
	said 'poplar: tester@127.0.0.1: 127.0.0.1 refused TOP 2 0: refused by the test'
}

@test "top: nothing raw reaches a terminal" {
	mkdir mail
	printf 'Subject: \033]0;title\007\n\nb\033[2Jody \xff\n' >mail/1
	start_server --mailbox mail
	command="$(printf '%q ' "$POPLAR" top 1 "${PLAIN[@]}")"
	script -qec "$command" /dev/null </dev/null >out
	run tr -d '\r' <out
	assert_output $'Subject:  ]0;title \n\nb [2Jody \xef\xbf\xbd'
	poplar top 1 "${PLAIN[@]}" >out
	run -0 cmp mail/1 out
}

# A command at a terminal of 8 bits; what the terminal gets.
at_8_bits() {
	local command
	command="$(printf '%q ' "$POPLAR" "$@" "${PLAIN[@]}")"
	# what the C library keeps of LOCPATH is its own
	LC_ALL=de_DE ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
		script -qec "$command" /dev/null | tr -d '\r' >out
}

@test "top, list, shell, fetch, JSON: no control reaches a terminal of 8 bits" {
	command -v localedef >/dev/null || skip 'there is no localedef'
	mkdir mail locale
	# The second octets of U+04DB and U+201B are a control sequence's beginning
	# there; CP1252 has a quotation mark at 9b, too.
	printf 'From: "a\xd3\x9b\xe2\x80\x9b\xe2\x80\xba" <a@example.org>\nSubject: J\xc3\xb6rg \xd3\x9b2J \xe2\x80\xba2J \x9b2J\n\nJ\xc3\xb6rg \xd3\x9b2J \xe2\x80\xba2J \x9b2J\n' >mail/1
	start_server --mailbox mail
	export LOCPATH=$PWD/locale
	for charset in ISO-8859-1 CP1252; do
		localedef -i de_DE -f "$charset" "$PWD/locale/de_DE" 2>made ||
			[[ -d locale/de_DE ]]
		for command in 'top 1' 'fetch --stdout 1' 'list --long' 'list --long --json' \
			shell; do
			# shellcheck disable=SC2086
			at_8_bits $command --no-state <<<$'retr 1\nquit'
			LC_ALL=C run -1 grep -anP '[\x80-\x9f\x00-\x08\x0b-\x1f\x7f]' out
			run -0 iconv -f "$charset" -t UTF-8 out
			case $command in
			*--json) assert_output --partial 'J\u00f6rg \u04db2J' ;;
			*) assert_output --partial 'Jörg ?2J ?2J' ;;
			esac
		done
	done
}

@test "top: a line without end takes no room on its way to a terminal" {
	mkdir mail
	{
		printf 'Subject: long\n\n'
		head -c $((12 << 20)) /dev/zero | tr '\0' x
		printf '\nthe end\n'
	} >mail/1
	start_server --mailbox mail
	limit="prlimit --as=$((32 << 20))"
	# whose shadow memory is larger than any limit
	[[ -z ${POPLAR_SANITIZED:-} ]] || limit=
	command="$limit $(printf '%q ' "$POPLAR" top 1 "${PLAIN[@]}")"
	script -qec "$command" /dev/null </dev/null >out
	run -0 tail -n 1 out
	assert_output $'the end\r'
	assert_equal "$(tr -cd x <out | wc -c)" $((12 << 20))
}

@test "top: usage" {
	run --separate-stderr -64 poplar top
	assert_output ''
	said 'poplar: top: which messages? (see poplar help top)'
	for n in x -1 1x '' 4294967296; do
		run --separate-stderr -64 poplar top --lines="$n" 1
		assert_output ''
		said 'poplar: --lines takes a number, 0 or more'
	done
	run --separate-stderr -64 poplar top --json 1
	said 'poplar: unknown option --json (see poplar help top)'
}
