#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# poplar shell: a session by hand, from a pipe and from a terminal.

load lib/common
load lib/dovecot

teardown() {
	[[ -z ${DOVECOT_PID:-} ]] || stop_dovecot
	common_teardown
}

# shell LINE...: a session with the server.
shell() {
	printf '%s\n' "$@" | poplar shell "${PLAIN[@]}"
}

# after_login <<EOF: a transcript that begins behind the login.
after_login() {
	{
		printf '%s\n' 'S: +OK ready' 'C: CAPA' 'S: -ERR no' \
			"C: USER $TEST_USER" 'S: +OK' "C: PASS $TEST_PASSWORD" \
			'S: +OK'
		cat
	} >transcript
	start_script <transcript
}

# terminal LINE...: the same session typed at a terminal; what is seen there.
terminal() {
	printf '%s\n' "$@" | TERM=${TERM:-dumb} timeout 60 python3 \
		"$TESTS_DIR/lib/terminal.py" 'poplar> ' "$POPLAR" shell \
		"${PLAIN[@]}" 3>&-
}

@test "shell: replies are shown as the server gives them" {
	make_mailbox mail 3
	start_server --mailbox mail --uidl name
	run --separate-stderr -0 shell stat list 'list 2' LIST uidl 'uidl 3' noop \
		rset '' '# a comment' '  noop  '
	assert_output '+OK 3 414
+OK 3 messages:
1 138
2 138
3 138
+OK 2 138
+OK 3 messages:
1 138
2 138
3 138
+OK
1 001
2 002
3 003
+OK 3 003
+OK
+OK
+OK
+OK Logging out.'
	assert_equal "$stderr" ''
}

@test "shell: rset, noop and rpop travel as they are" {
	after_login <<-'END'
	C: RSET
	S: +OK reset
	C: NOOP
	S: +OK
	C: RPOP tester
	S: -ERR no RPOP
	C: RPOP bob
	S: +OK who
	C: QUIT
	S: +OK bye
	END
	run --separate-stderr -0 shell rset noop -rpop 'rpop bob'
	assert_output '+OK reset
+OK
+OK who
+OK bye'
	assert_equal "$stderr" 'poplar: 127.0.0.1 refused RPOP: no RPOP'
	finish_script
}

@test "shell: a message goes to standard output octet for octet" {
	mkdir mail
	printf 'A: b\r\n\r\n\033[31mred\\\r\n.dot\r\n..\r\nnul\0 \377\r\n' >mail/1
	start_server --mailbox mail --raw
	shell 'retr 1' quit >out
	{
		tr -d '\r' <mail/1
		echo '+OK Logging out.'
	} >wanted
	run -0 cmp out wanted
	run --separate-stderr -0 shell 'top 1 1' 'TOP 1 0'
	assert_output $'A: b\n\n\033[31mred\\\nA: b\n\n+OK Logging out.'
}

@test "shell: > writes a file of the user's own, with LF line ends" {
	make_mailbox mail 2
	start_server --mailbox mail
	mask=$(umask)
	umask 0
	run --separate-stderr -0 shell 'retr 2 > a file' '-top 1 0>b>c ' 'list >l' \
		'retr 1 > ~/d'
	umask "$mask"
	assert_output '+OK Logging out.'
	assert_equal "$stderr" 'poplar: 0>b>c is not a number'
	run -0 cmp 'a file' mail/002
	run -0 cmp d mail/001
	run -0 cat l
	assert_output $'+OK 2 messages:\n1 138\n2 138'
	run -0 stat -c %a 'a file'
	assert_output 600
}

@test "shell: a refusal leaves the file that is there alone" {
	make_mailbox mail 1
	start_server --mailbox mail
	echo precious >file
	run --separate-stderr -0 shell '-retr 9 > file' 'noop'
	assert_output $'+OK\n+OK Logging out.'
	assert_equal "$stderr" "poplar: 127.0.0.1 refused RETR 9: There's no message 9."
	assert_equal "$(cat file)" precious
	run --separate-stderr -0 shell '- retr 1 > no/such/file' noop
	assert_output $'+OK\n+OK Logging out.'
	assert_equal "$stderr" 'poplar: no/such/file: No such file or directory'
	run --separate-stderr -74 shell 'retr 1 > /dev/full' noop
	assert_output ''
	assert_equal "$stderr" 'poplar: /dev/full: No space left on device'
}

@test "shell: quit says what was deleted, and rset takes it back" {
	make_mailbox mail 4
	start_server --mailbox mail
	run --separate-stderr -0 shell 'dele 1' rset 'dele 2' 'raw DELE 3' quit noop
	assert_output '+OK Marked to be deleted.
+OK
+OK Marked to be deleted.
+OK Marked to be deleted.
+OK Logging out.
2 messages deleted'
	assert_equal "$(echo mail/*)" 'mail/001 mail/004'
	run --separate-stderr -0 shell 'dele 1'
	assert_line '1 message deleted'
	run --separate-stderr -0 shell 'dele 1' 'raw quit'
	assert_line '1 message deleted'
	assert_equal "$(echo mail/*)" 'mail/*'
}

@test "shell: a QUIT that is refused or lost is told" {
	make_mailbox mail 2
	start_server --mailbox mail --err-at QUIT:1
	run --separate-stderr -69 shell 'dele 1'
	assert_output '+OK Marked to be deleted.'
	assert_equal "$stderr" 'poplar: 127.0.0.1 refused QUIT: refused by the test
poplar: 1 message may not have been deleted'
	stop_server
	start_server --mailbox mail --close-at QUIT:1
	run --separate-stderr -75 shell 'dele 1' 'dele 2'
	assert_regex "$stderr" 'closed the connection in answer to QUIT
poplar: 2 messages may not have been deleted$'
	stop_server
	start_server --mailbox mail --close-at NOOP:1
	run --separate-stderr -75 shell noop stat
	assert_output ''
	assert_regex "$stderr" '^poplar: [^
]*closed the connection[^
]*$'
}

@test "shell: capa, raw lines and last" {
	after_login <<-'END'
	C: CAPA
	S: +OK list
	S: X-THING a b
	S: ..dots
	S: .
	C: X-THING 1 2
	S: +OK yes
	C: X-MANY
	S: +OK
	S: one
	S: two
	S: .
	C: TOP 1 0
	S: +OK 3
	S: A: b
	S: .
	C: AUTH
	S: + go on
	C: *
	S: -ERR enough
	C: QUIT
	S: +OK
	END
	run --separate-stderr -0 shell capa 'raw X-THING 1 2' 'raw+ X-MANY' \
		'raw+ TOP 1 0' 'raw AUTH' '-raw *' 'last 3' last
	assert_output '+OK list
X-THING a b
.dots
+OK yes
+OK
one
two
A: b
+ go on
+OK 3
+ go on
-ERR enough
-ERR enough
+OK'
	assert_equal "$stderr" 'poplar: 127.0.0.1 refused AUTH: enough'
	finish_script
}

# What follows a challenge is a secret, whatever the server makes of it.
@test "shell: an answer to a challenge is shown nowhere" {
	response=$(printf '\0ann\0zeze-sesame' | base64)
	printf '%s\n' 'raw AUTH PLAIN' "-raw $response" -noop >lines
	for words in "-ERR what is $response?" '-ERR zeze-sesame is wrong' \
		"+OK $response" "$response"; do
		after_login <<-END
		C: AUTH PLAIN
		S: +
		C: $response
		S: $words
		C: NOOP
		S: -ERR $response zeze-sesame
		C: QUIT
		S: +OK
		END
		run --separate-stderr poplar shell "${PLAIN[@]}" --debug=3 <lines
		refute_regex "$stderr" "$response|zeze-sesame"
		assert_regex "$stderr" '> \*\*\*\*'
		[[ $words != -ERR* ]] ||
			assert_regex "$stderr" 'poplar: 127.0.0.1 refused AUTH: '
		kill "$SERVER_PID" 2>/dev/null || true
	done
}

@test "shell: a challenge is answered or given up, and by raw alone" {
	response=$(printf '\0ann\0zeze-sesame' | base64)
	after_login <<-'END'
	C: AUTH LOGIN
	S: + VXNlcm5hbWU6
	C: *
	S: -ERR enough
	C: QUIT
	S: +OK bye
	END
	run --separate-stderr -0 shell 'raw AUTH LOGIN' "-$response" '-stat' \
		'-raw+ X' help quit
	assert_line '+ VXNlcm5hbWU6'
	assert_line '+OK bye'
	said "$(for _ in 1 2 3; do
		echo 'poplar: the server waits for the answer to its challenge: send it with raw, or give up with raw *'
	done)"
	finish_script
	after_login <<-'END'
	C: AUTH LOGIN
	S: + VXNlcm5hbWU6
	C: YW5u
	S: + UGFzc3dvcmQ6
	C: eA==
	S: +OK in
	C: STAT
	S: +OK 0 0
	C: QUIT
	S: +OK
	END
	run --separate-stderr -0 shell 'raw AUTH LOGIN' 'raw YW5u' 'raw eA==' stat
	assert_output $'+ VXNlcm5hbWU6\n+ UGFzc3dvcmQ6\n+OK in\n+OK 0 0\n+OK'
	finish_script
	# the end of the input is quit, and no response
	after_login <<-'END'
	C: AUTH LOGIN
	S: + VXNlcm5hbWU6
	C: *
	S: -ERR
	C: QUIT
	S: +OK
	END
	run --separate-stderr -0 shell 'raw AUTH LOGIN'
	finish_script
	make_mailbox mail 1
	start_server --mailbox mail
	run --separate-stderr -64 shell 'raw+ AUTH PLAIN'
	said 'poplar: its reply is one line, or a challenge: use raw'
}

@test "shell: raw refuses what would put the session out of step" {
	make_mailbox mail 1
	start_server --mailbox mail
	run --separate-stderr -0 shell '-raw LIST' '-raw retr 1' '-raw STLS' \
		'raw LIST 1' "-raw $(printf 'x%.0s' {1..300})"
	assert_output $'+OK 1 138\n+OK Logging out.'
	assert_equal "$stderr" 'poplar: its reply has many lines: use raw+
poplar: its reply has many lines: use raw+
poplar: TLS cannot begin here: use --tls=starttls
poplar: a command may not be longer than 255 octets'
}

@test "shell: from a pipe a failure ends it, and nothing is deleted" {
	make_mailbox mail 2
	start_server --mailbox mail
	run --separate-stderr -74 shell 'dele 1' 'retr 2 > /dev/full' 'dele 2' quit
	assert_output '+OK Marked to be deleted.'
	assert_equal "$stderr" 'poplar: /dev/full: No space left on device
poplar: stopped before QUIT: nothing is deleted'
	assert_equal "$(echo mail/*)" 'mail/001 mail/002'
	run -1 grep QUIT "$SERVER_LOG"
	run --separate-stderr -69 shell 'retr 9' noop
	assert_output ''
	assert_equal "$stderr" "poplar: 127.0.0.1 refused RETR 9: There's no message 9."
	run --separate-stderr -64 shell noop bogus noop
	assert_output +OK
	# One that may fail does not; but it cannot hide that the session is lost.
	run --separate-stderr -0 shell '-retr 9' '-bogus' ' - dele 1' quit
	assert_line '1 message deleted'
	stop_server
	start_server --mailbox mail --close-at NOOP:1
	run --separate-stderr -75 shell -noop stat
	assert_output ''
}

@test "shell: mistakes are told" {
	make_mailbox mail 1
	start_server --mailbox mail
	run --separate-stderr -0 shell '-xyzzy 1' -retr '-retr 0' '-retr x' \
		'-list 1 2' '-retr 1 >' '-retr 1 >> f' '-retr 4294967296' \
		$'-b\033[31m' - noop
	assert_output $'+OK\n+OK Logging out.'
	assert_equal "$stderr" 'poplar: unknown command xyzzy (try help)
poplar: usage: retr N
poplar: 0 is not a number
poplar: x is not a number
poplar: usage: list [N]
poplar: > takes a file to be written
poplar: > takes a file to be written
poplar: 4294967296 is not a number
poplar: unknown command b\^[[31m (try help)'
	run --separate-stderr -64 poplar shell "${PLAIN[@]}" 1
	assert_equal "$stderr" 'poplar: shell takes no operands (see poplar help shell)'
}

@test "shell: help lists every command" {
	make_mailbox mail 1
	start_server --mailbox mail
	run --separate-stderr -0 shell help
	for name in stat list uidl retr top dele rset noop rpop capa last raw raw+ \
		quit help; do
		grep -q "^$name " <<<"$output" || fail "no $name"
	done
}

@test "shell: a login that fails is told as by any command" {
	make_mailbox mail 1
	start_server --mailbox mail --user someone:else
	run --separate-stderr -77 shell noop
	assert_output ''
	assert_regex "$stderr" 'refused the login'
}

@test "shell: at a terminal there is a prompt, and mail is harmless" {
	mkdir mail
	printf 'A: b\r\n\r\n\033]0;title\007x\r\n' >mail/1
	start_server --mailbox mail --raw
	run -0 terminal noop 'retr 1' bogus 'dele 1' rset
	assert_line --partial 'poplar> noop'
	assert_line '+OK'
	assert_line --regexp '^ ?\]0;title.?x$'
	assert_line 'poplar: unknown command bogus (try help)'
	assert_line 'nothing deleted'
	refute_output --partial $'\033]0;'
}

@test "shell: at a terminal a word is completed, and an arrow recalls" {
	make_mailbox mail 1
	start_server --mailbox mail
	TERM=vt100 run -0 terminal $'sta\t' $'n\t' $'2:r\t' $'\033[A'
	assert_line '+OK 1 138'
	assert_line '+OK'
	# r is not one word alone: all are offered
	assert_line --regexp '^retr +rset +rpop +raw +raw\+ *$'
	# the terminal itself echoes nothing: keys are read raw, ^D too
	refute_output --partial '^[[A'
}

@test "shell: ^C leaves without QUIT, so that nothing is deleted" {
	make_mailbox mail 1
	start_server --mailbox mail
	mkfifo in
	poplar shell "${PLAIN[@]}" <in >out 2>err &
	exec 8>in
	echo 'dele 1' >&8
	until grep -qs Marked "$BATS_TEST_TMPDIR"/out.*; do sleep 0.02; done
	kill -INT "$(pgrep -P $!)"
	status=0
	wait $! || status=$?
	exec 8>&-
	assert_equal "$status" 130
	assert_equal "$(cat err)" 'poplar: interrupted before QUIT: nothing is deleted'
	assert_equal "$(echo mail/*)" mail/001
}

@test "shell: with Dovecot" {
	make_tls
	start_dovecot
	make_mailbox mail 2
	dovecot_user ann maildir mail
	printf '%s\n' stat 'top 2 0' noop rset -rpop 'dele 1' >lines
	run --separate-stderr -0 poplar shell "${TLS[@]}" <lines
	assert_line --index 0 --regexp '^\+OK 2 [0-9]+$'
	assert_line 'Subject: message 2'
	assert_line --index -1 '1 message deleted'
	assert_regex "$stderr" 'refused RPOP: Unknown command'
	run -0 poplar stat "${STARTTLS[@]}"
	assert_output --regexp '^1 [0-9]+$'
}
