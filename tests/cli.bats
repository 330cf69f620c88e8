#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The command line, as all commands have it: options anywhere, accounts, levels of
# talk, the trace, and what is refused.

load lib/common

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 3
}

# serve, in those tests that talk to somebody.
serve() {
	start_server --mailbox "$BATS_FILE_TMPDIR/mail" --cert "$CERT" \
		--key "$KEY" "$@"
}

# The trace, without the seconds since the start before each line.
untimed() {
	printf '%s\n' "$stderr" | cut -d' ' -f2-
}

# refused STDERR WORD...: usage, before anything is done.
refused() {
	run --separate-stderr -64 poplar "${@:2}"
	assert_output ''
	said "poplar: $1"
}

@test "options: before and after the command, before and after operands" {
	serve
	want=$'2 138\n3 138'
	for how in 1 2 3 4 5; do
		case $how in
		1) words=("${TLS[@]}" list 2 3) ;;
		2) words=(list "${TLS[@]}" 2 3) ;;
		3) words=(list 2 3 "${TLS[@]}") ;;
		4) words=("${TLS[@]:0:4}" list 2 "${TLS[@]:4:4}" 3 "${TLS[@]:8}") ;;
		5) words=("${TLS[@]}" list -- 2 3) ;;
		esac
		run --separate-stderr -0 poplar "${words[@]}"
		assert_output "$want"
		said ''
	done
}

@test "options: every way to write them" {
	serve
	run --separate-stderr -0 poplar -Hlocalhost -p "$TLSPORT" -vu tester \
		--tls-ca-file="$CA" --password-file "$PASSWORD_FILE" top -n0 1
	assert_line --index 2 'Subject: message 1'
	said ''
	run --separate-stderr -0 poplar list -qvl 1 "${TLS[@]}"
	assert_output --partial $'1\t138\tnew\t'
}

@test "options: -- ends them, a minus is no message" {
	refused 'message set "-3": not a number, all, new, seen or uid:UIDL' list -- -3
	refused 'message set "--json": not a number, all, new, seen or uid:UIDL' \
		list -- --json
	refused 'unknown option -3 (see poplar help list)' list -3
}

@test "options: unknown ones, and shortened ones, are refused" {
	refused 'unknown option --frob (see poplar help)' --frob stat
	refused 'unknown option --frob (see poplar help stat)' stat --frob
	refused 'unknown option --frob (see poplar help stat)' stat --frob=3
	refused 'unknown option --jso; did you mean --json?' stat --jso
	refused 'unknown option --maildri; did you mean --maildir?' fetch --maildri x
	refused 'unknown option --acount; did you mean --account?' --acount x stat
	refused 'unknown command ftech; did you mean fetch?' ftech
	refused 'unknown command shel; did you mean shell?' help shel
	refused 'unknown option --maildir (see poplar help stat)' stat --maildir x
	refused 'unknown option --long (see poplar help uidl)' uidl --long
	refused 'unknown option -Z (see poplar help list)' list -lZ
	refused 'unknown option --every (see poplar help fetch)' fetch --every 5m
	refused 'unknown option --password (see poplar help stat)' stat --password x
	refused 'unknown command frob (see poplar help)' frob
	refused 'unknown command st (see poplar help)' st
}

@test "options: values that lack, are too much, or make no sense" {
	refused '--account needs a value: NAME|URL' list -a
	refused '--account: the value is empty' list -a ''
	refused '--debug-file: the value is empty' list --debug-file=
	refused '--config: the value is empty' list --config ''
	refused '--json takes no value' stat --json=1
	refused '--port: "0" is not a port from 1 to 65535 or a service name' \
		stat -H localhost -u x -p 0
	refused '--port: "70000" is not a port from 1 to 65535 or a service name' \
		stat -H localhost -u x -p 70000
	for option in tls=maybe timeout=soon timeout=-1 pipelining=x utf8=perhaps lang=de_DE \
		proxy=https://x tls-pin=abc; do
		run --separate-stderr -64 poplar stat -H localhost -u x "--$option"
		assert_output ''
		assert_regex "$stderr" "^poplar: --${option%%=*}: [^"$'\n'"]+$"
	done
	for option in limit=0x3 max-size=big delete-after=x sync=never max-bytes=-1; do
		run --separate-stderr -64 poplar fetch -H localhost -u x --stdout \
			"--$option"
		assert_output ''
		assert_regex "$stderr" "^poplar: --${option%%=*}: [^"$'\n'"]+$"
	done
}

@test "options: values that only a connection can judge are 78" {
	serve
	for option in port=no-such-port source-address=192.0.2.1 \
		tls-priority=abc tls-ca-file=none; do
		run --separate-stderr -78 poplar stat "${TLS[@]}" "--$option"
		assert_output ''
		assert_regex "$stderr" "^poplar: tester@localhost: [^"$'\n'"]*${option#*=}[^"$'\n'"]*$"
	done
	said 'poplar: tester@localhost: none: no certificates to trust: No such file or directory'
}

@test "options: a mechanism that there is not is 78, before any connection" {
	printf '[account a]\nhost = localhost\nport = 1\nuser = u\nauth = magic\n' >conf
	for where in '-H localhost -p 1 -u u --auth magic' '--config conf'; do
		# shellcheck disable=SC2086
		run --separate-stderr -78 poplar stat $where
		assert_output ''
		assert_regex "$stderr" '^poplar: (a: )?there is no --auth magic; use: auto user [a-z0-9 -]+$'
	done
	run -78 poplar check --config-only --config conf
	assert_output --partial 'there is no --auth magic'
}

@test "--debug: a number behind it is an error that says so" {
	refused '--debug 2: write --debug=2' stat --debug 2
	refused '--debug takes 1, 2 or 3, as in --debug=2' stat --debug=4
	refused '--debug takes 1, 2 or 3, as in --debug=2' stat -d4
	refused 'which account? Name one with --account NAME, a URL (pop3s://user@host), or --host and --user' stat -d2 --debug=0 -qd1
	refused '--debug takes 1, 2 or 3, as in --debug=2' stat --debug=
}

@test "--debug=1: a line a command, secrets and names as stars" {
	serve
	run --separate-stderr -0 poplar list 2 --debug --auth user "${TLS[@]}"
	assert_output '2 138'
	assert_equal "$(untimed)" '= connected to localhost
= TLS with localhost
> CAPA
login: user
> USER ****
> PASS ****
> LIST 2
> QUIT'
}

@test "--debug=2: both sides; 3: messages too; --debug-file" {
	serve --no-capa
	run --separate-stderr -0 poplar list 2 --debug=2 "${PLAIN[@]}"
	assert_output '2 138'
	assert_equal "$(untimed)" '= connected to 127.0.0.1
< +OK poplar test server ready
> CAPA
< -ERR Unknown command.
login: user
> USER ****
< +OK
> PASS ****
< +OK Logged in.
> LIST 2
< +OK 2 138
> QUIT
< +OK Logging out.'
	run --separate-stderr -0 poplar top 1 --debug=2 "${PLAIN[@]}"
	refute_regex "$stderr" 'Subject:'
	run --separate-stderr -0 poplar top 1 --debug=3 "${PLAIN[@]}"
	assert_regex "$stderr" '< Subject: message 1'
	run --separate-stderr -0 poplar stat --debug=2 --debug-file trace "${PLAIN[@]}"
	assert_output '3 414'
	said ''
	assert_equal "$(stat -c %a trace)" 600
	run grep -c '> STAT' trace
	assert_output 1
}

@test "--debug=3: no secret by any way in" {
	serve --apop
	for auth in user plain apop; do
		poplar stat --debug=3 --auth "$auth" "${TLS[@]}" 2>trace
		run ! grep -aiE "$TEST_USER|$TEST_PASSWORD|c4c9334bac560ecc" trace
	done
}

@test "-q, -v: who says how much" {
	serve
	run --separate-stderr -0 poplar fetch -v --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: 3 messages (396 B) delivered; 3 on the server'
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	said ''
	run --separate-stderr -0 poplar fetch -v -q --maildir Mail "${TLS[@]}"
	said ''
	stop_server
	run --separate-stderr -75 poplar stat -q "${TLS[@]}"
	assert_regex "$stderr" '^poplar: tester@localhost: cannot connect '
	run --separate-stderr -75 poplar stat -qq "${TLS[@]}"
	said ''
	run --separate-stderr -78 poplar stat -qq --config /dev/null -a x
	said 'poplar: no [account x] in /dev/null'
}

@test "accounts: a URL, an operand that is one, --account" {
	serve
	url=pop3s://tester@localhost:$TLSPORT
	for words in "stat $url" "-a $url stat" "stat --account=$url"; do
		# shellcheck disable=SC2086
		run --separate-stderr -0 poplar $words --tls-ca-file "$CA" \
			--password-file "$PASSWORD_FILE"
		assert_output '3 414'
		said ''
	done
	run --separate-stderr -0 poplar list 2 "pop3://tester@localhost:$PORT" \
		--tls-ca-file "$CA" --password-file "$PASSWORD_FILE"
	assert_output '2 138'
	refused 'a password in the URL, where others can see it: use --password-command or --password-file (a colon in a user name is %3A)' \
		stat pop3s://tester:secret@localhost
	refused '--proxy: a password in the URL, where others can see it: put proxy into the configuration' \
		stat "$url" --proxy socks5h://me:secret@localhost
	refused 'which account? Name one with --account NAME, a URL (pop3s://user@host), or --host and --user' \
		stat
	run --separate-stderr -64 poplar stat "$url" pop3s://other@localhost
	assert_output ''
}

@test "passwords: from a file, a descriptor, a command, netrc" {
	serve
	where=("${TLS[@]:0:10}")
	run --separate-stderr -0 poplar stat "${where[@]}" --password-command \
		"sed 1q $PASSWORD_FILE"
	assert_output '3 414'
	said ''
	by_descriptor() { "$POPLAR" stat "${where[@]}" --password-fd 5 5<"$PASSWORD_FILE"; }
	run --separate-stderr -0 by_descriptor
	assert_output '3 414'
	(umask 077 && echo "machine localhost login tester password $TEST_PASSWORD" >.netrc)
	run --separate-stderr -0 poplar stat "${where[@]}" --netrc
	assert_output '3 414'
	said ''
}

@test "passwords: asked for at a terminal, and not shown" {
	serve
	run -0 python3 "$TESTS_DIR/lib/type_password.py" "$TEST_PASSWORD" \
		"$POPLAR" stat "${TLS[@]:0:10}"
	assert_output --partial 'Password for tester@localhost: '
	assert_output --partial '3 414'
	refute_output --partial "$TEST_PASSWORD"
}

@test "operands: the name of an account is told from a message" {
	mkdir -p "$HOME/.config/poplar"
	printf '[account work]\nhost = localhost\nuser = joe\n' >"$HOME/.config/poplar/config"
	for command in fetch list uidl top delete 'state mark-seen'; do
		# shellcheck disable=SC2086 # two words
		run --separate-stderr -64 poplar $command work
		assert_equal "${stderr##*poplar: }" 'work is an account, not a message: write -a work'
		# shellcheck disable=SC2086
		run --separate-stderr -64 poplar $command home
		assert_equal "${stderr##*poplar: }" 'message set "home": not a number, all, new, seen or uid:UIDL'
	done
}
