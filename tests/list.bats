#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# list: NUM OCTETS, the message sets, --long and --json.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 12
}

serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" --uidl name "$@"
}

# numbers SET...: what list lists, on one line.
numbers() {
	poplar list "${TLS[@]}" "$@" | cut -d' ' -f1 | paste -sd' '
}

@test "list: all, over TLS, by STLS, in the clear" {
	serve
	run --separate-stderr -0 poplar list "${TLS[@]}"
	assert_output "$(printf '%d 138\n' {1..9})
10 141
11 141
12 141"
	said ''
	all=$output
	run --separate-stderr -0 poplar list "${STARTTLS[@]}"
	assert_output "$all"
	run --separate-stderr -0 poplar list all "${PLAIN[@]}"
	assert_output "$all"
}

@test "list: message sets" {
	serve
	assert_equal "$(numbers 3)" 3
	assert_equal "$(numbers 3-5)" '3 4 5'
	assert_equal "$(numbers 10-)" '10 11 12'
	assert_equal "$(numbers 11-99)" '11 12'
	assert_equal "$(numbers 13-)" ''
	assert_equal "$(numbers 9 2,4 3 2-4)" '2 3 4 9'
	assert_equal "$(numbers uid:007 12)" '7 12'
	assert_equal "$(numbers new)" '1 2 3 4 5 6 7 8 9 10 11 12'
	assert_equal "$(numbers seen)" ''
	poplar state mark-seen 1-10 "${TLS[@]}"
	assert_equal "$(numbers new)" '11 12'
	assert_equal "$(numbers seen)" '1 2 3 4 5 6 7 8 9 10'
	assert_equal "$(numbers new 2 seen)" '1 2 3 4 5 6 7 8 9 10 11 12'
	assert_equal "$(numbers new --no-state)" '1 2 3 4 5 6 7 8 9 10 11 12'
}

@test "list: what a message set is not" {
	refused() {
		run --separate-stderr -64 poplar list "$1"
		assert_output ''
		said "poplar: message set \"$1\": $2"
	}
	words='not a number, all, new, seen or uid:UIDL'
	refused 0 'messages are numbered from 1'
	refused 0-3 'messages are numbered from 1'
	refused 7-3 'the range runs backwards'
	refused 99999999999 'the number is too large'
	refused uid: 'the UIDL is empty'
	refused some "$words"
	refused ALL "$words"
	refused 0x3 'something follows the number'
	refused ' 3' "$words"
	run --separate-stderr -64 poplar list -- -3
	said "poplar: message set \"-3\": $words"
}

@test "list: a message that is not there is 69, the others are listed" {
	serve
	run --separate-stderr -69 poplar list 2 14 20-30 uid:x uid:001 "${TLS[@]}"
	assert_output $'1 138\n2 138'
	said "poplar: tester@localhost: there is no message 14 on the server, which has 12
poplar: tester@localhost: there are no messages 20-30 on the server, which has 12
poplar: tester@localhost: there is no message uid:x on the server"
	run --separate-stderr -69 poplar list 13 "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: localhost refused LIST 13: There's no message 13."
}

@test "list --long: separated by tabs where no terminal is" {
	serve
	poplar state mark-seen 2 "${TLS[@]}"
	run --separate-stderr -0 poplar list --long 1-2 10 "${TLS[@]}"
	assert_output $'1\t138\tnew\t2026-11-02T10:00:01+00:00\tAnn\tmessage 1
2\t138\tseen\t2026-11-02T10:00:02+00:00\tAnn\tmessage 2
10\t141\tnew\t2026-11-02T10:00:00+00:00\tAnn\tmessage 10'
	said ''
}

@test "list --long: headers of every kind" {
	mkdir mail
	printf 'From: =?ISO-8859-1?Q?J=F6rg?= <j@example.org>\nSubject: =?UTF-8?B?w6TDtg==?=\n  two\tlines\nDate: 1 Jan 70 00:00 GMT\n\n' >mail/1
	printf 'From: \033[31mred\nSubject: tab\there\tand \xff\nDate: never\n\n' >mail/2
	printf 'x' >mail/3
	printf '\nSubject: in the body\n' >mail/4
	start_server --mailbox mail
	run --separate-stderr -0 poplar list --long "${PLAIN[@]}"
	assert_output $'1\t119\tnew\t1970-01-01T00:00:00+00:00\tJörg\täö  two lines
2\t56\tnew\t-\t [31mred\ttab here and \xef\xbf\xbd
3\t3\tnew\t-\t-\t-
4\t24\tnew\t-\t-\t-'
	said ''
}

# at_terminal COLUMNS TERM: list --long 9-10 as it is seen there.
at_terminal() {
	local command
	command="$(printf '%q ' "$POPLAR" list --long 9-10 "${TLS[@]}")"
	TERM=$2 NO_COLOR=${NO_COLOR-1} script -qec "stty cols $1; $command" \
		/dev/null </dev/null >out
	run tr -d '\r' <out
}

@test "list --long: in columns on a terminal" {
	serve
	at_terminal 72 xterm
	assert_output ' 9 138 new  2026-11-02 10:00 Ann            message 9
10 141 new  2026-11-02 10:00 Ann            message 10'
	# Columns need no cursor; colour does.
	at_terminal 72 dumb
	assert_line --index 0 ' 9 138 new  2026-11-02 10:00 Ann            message 9'
	NO_COLOR='' at_terminal 72 dumb
	assert_line --index 0 ' 9 138 new  2026-11-02 10:00 Ann            message 9'
	NO_COLOR='' at_terminal 72 xterm
	assert_line --index 0 --partial $'138 \e[1mnew \e[0m 2026'
}

@test "list --long: what goes where a terminal is narrow" {
	serve
	at_terminal 60 xterm
	assert_output ' 9 138 new  2026-11-02 10:00 Ann        message 9
10 141 new  2026-11-02 10:00 Ann        message 10'
	at_terminal 59 xterm
	assert_output ' 9 138 new  2026-11-02 Ann         message 9
10 141 new  2026-11-02 Ann         message 10'
	at_terminal 43 xterm
	assert_output ' 9 138 new  Ann        message 9
10 141 new  Ann        message 10'
	at_terminal 24 xterm
	assert_output ' 9 138 new  Ann   mess…
10 141 new  Ann   mess…'
	at_terminal 19 xterm
	assert_output ' 9 138 new
10 141 new'
}

@test "list --json, read by jq" {
	serve
	poplar list --json 2-3 "${TLS[@]}" >out
	run -0 jq -r '"\(.account) \(.num) \(.octets) \(keys | length)"' out
	assert_output $'tester@localhost 2 138 3\ntester@localhost 3 138 3'
	poplar list --json --long 12 "${TLS[@]}" >out
	run -0 jq -r '.num, .octets, .state, .date, .from, .subject' out
	assert_output $'12\n141\nnew\n2026-11-02T10:00:02+00:00\nAnn\nmessage 12'
}

@test "list --long: goes on without TOP and UIDL" {
	serve --no-top --no-uidl
	run --separate-stderr -0 poplar list --long 1 11- "${TLS[@]}"
	assert_output $'1\t138\tnew\t-\t-\t-\n11\t141\tnew\t-\t-\t-\n12\t141\tnew\t-\t-\t-'
	said ''
	# once something was delivered, only the octets can tell
	poplar fetch 1-2 --maildir Mail "${TLS[@]}"
	run --separate-stderr -0 poplar list --long 1 11- "${TLS[@]}"
	assert_output $'1\t138\t-\t-\t-\t-\n11\t141\t-\t-\t-\t-\n12\t141\t-\t-\t-\t-'
}

@test "list: broken listings are 76" {
	for bad in '0 5' 'x' '4294967296 1'; do
		serve --replace "LIST:1=+OK\r\n1 138\r\n$bad\r\n.\r\n"
		run --separate-stderr -76 poplar list "${PLAIN[@]}"
		assert_output ''
		said "poplar: tester@127.0.0.1: 127.0.0.1 answered LIST with \"$bad\""
		stop_server
	done
}

@test "list: sizes that are no numbers are not told" {
	for odd in '2 x' '2' ' 2 -1' '2 99999999999999999999'; do
		serve --replace "LIST:1=+OK\r\n1 138\r\n\r\n$odd\r\n 3 140\r\n.\r\n"
		run --separate-stderr -0 poplar list "${PLAIN[@]}"
		assert_output $'1 138\n3 140'
		said 'poplar: warning: tester@127.0.0.1: 127.0.0.1 answered LIST with sizes that are no numbers'
		stop_server
	done
}
