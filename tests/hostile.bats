#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Servers that send too much, nonsense, other messages' bodies, or what a terminal
# would obey. Each is met with 96 MiB of address space and 30 seconds; common.bash
# watches for raw octets. Each ends with a sentence and a status, and with no mail
# lost or delivered as another.
# shellcheck disable=SC2016,SC2028  # what servers say is not for the shell
# shellcheck disable=SC2030,SC2031,SC2034  # what runs in the background has its own

load lib/common

setup() {
	common_setup
	local limit="prlimit --as=$((96 << 20))"
	# whose shadow memory is larger than any limit
	[[ -z ${POPLAR_SANITIZED:-} ]] || limit=
	printf '#!/bin/sh\nexec %s timeout -k 5 30 "%s" "$@"\n' "$limit" \
		"$POPLAR" >limited
	chmod +x limited
	POPLAR=$PWD/limited
}

# What comes before a command in a transcript: a login without capabilities.
LOGIN="S: +OK
C: CAPA
S: -ERR
C: USER $TEST_USER
S: +OK
C: PASS $TEST_PASSWORD
S: +OK"

# The same, then what fetch asks for, with one message.
LISTED="$LOGIN
C: CAPA
S: -ERR
C: STAT
S: +OK 1 100
C: UIDL
S: +OK
S: 1 one
S: .
C: LIST
S: +OK
S: 1 100
S: ."

# says STATUS SENTENCE COMMAND...: play the transcript on standard input (escapes
# undone by the server only); poplar must end so, having printed nothing.
says() {
	start_script
	run --separate-stderr "-$1" poplar "${@:3}" "${PLAIN[@]}"
	assert_output ''
	assert_equal "$stderr" "poplar: tester@127.0.0.1: $2"
	kill "$SERVER_PID" 2>/dev/null || true
}

# answers COMMAND REPLY: a transcript in which this is the answer, escapes undone.
answers() {
	printf '%s\nC: %s\nS-raw: %s\nC: QUIT\nS: +OK\n' "$LOGIN" "$1" "$2"
}

@test "endless: greeting, status lines and CAPA" {
	while IFS='|' read -r command where said; do
		says 76 "127.0.0.1 answered $where" "$command" < <(printf '%b' "$said")
	done <<-'EOF2'
	stat|the connection with an endless status line|S-endless: A\n
	stat|the connection with an endless status line|S-raw: +OK \nS-endless: A\n
	stat|CAPA with an endless status line|S: +OK\nC: CAPA\nS-endless: +OK \n
	capa|CAPA with an endless listing|S: +OK\nC: CAPA\nS: +OK\nS-endless: X%\\r\\n\n
	capa|CAPA with an endless listing|S: +OK\nC: CAPA\nS: +OK\nS-endless: \\r\\n\n
	capa|CAPA with an endless line|S: +OK\nC: CAPA\nS: +OK\nS-endless: X\n
	stat|USER with an endless status line|S: +OK\nC: CAPA\nS: -ERR\nC: USER tester\nS-endless: +OK \n
	EOF2
}

@test "endless: the challenges of a login" {
	says 76 '127.0.0.1 answered AUTH with an endless status line' stat \
		--auth cram-md5 <<-'EOF2'
	S: +OK
	C: CAPA
	S: -ERR
	C: AUTH CRAM-MD5
	S-endless: + aaaa
	EOF2
	says 76 "127.0.0.1: LOGIN: the server's challenge makes no sense" stat \
		--auth login < <(
		printf '%s\n' 'S: +OK' 'C: CAPA' 'S: -ERR' 'C: AUTH LOGIN'
		for _ in {1..20}; do printf '%s\n' 'S: + ' 'C~ .*'; done)
}

@test "endless: STAT, LIST and UIDL" {
	while IFS='|' read -r command what said; do
		says 76 "127.0.0.1 answered ${command^^} with an endless $what" \
			"$command" < <(printf '%s\nC: %s\n%b' "$LOGIN" \
			"${command^^}" "$said")
	done <<-'EOF2'
	stat|status line|S-endless: +OK 1 \n
	list|listing|S: +OK\nS-endless: % 100\\r\\n\n
	list|line|S: +OK\nS-endless: 1 \n
	uidl|listing|S: +OK\nS-endless: % 0123456789012345678901234567890123456789012345678901234567890123456789\\r\\n\n
	uidl|listing|S: +OK\nS-endless: % %\\r\\n\n
	uidl|line|S: +OK\nS-endless: 1 \n
	EOF2
}

@test "endless: what TOP sends" {
	for text in 'no header at all' 'X-A: header\r\n' 'no line end'; do
		start_script < <(printf '%s\nC: TOP 1 3\nS: +OK\nS-endless: %s\n' \
			"$LOGIN" "$text")
		status=0
		"$POPLAR" top -n 3 1 "${PLAIN[@]}" >/dev/null 2>said || status=$?
		assert_equal "$status" 76
		assert_equal "$(<said)" "poplar: tester@127.0.0.1: 127.0.0.1 \
answered TOP 1 3 with an endless message"
		kill "$SERVER_PID" 2>/dev/null || true
	done
}

@test "numbers: STAT out of range, negative, none" {
	for said in '-1 5' '1 -5' '1' '' 'x y' '0x1 5' '1.5 2' '+1 2' \
		'4294967296 1' '9223372036854775808 1' '1 9223372036854775808' \
		'18446744073709551617 1' '1 99999999999999999999999999999'; do
		says 76 "127.0.0.1 answered STAT with \"$said\"" stat \
			< <(answers STAT "+OK $said\\r\\n")
	done
	start_script < <(answers STAT '+OK 4294967295 9223372036854775807\r\n')
	run -0 poplar stat "${PLAIN[@]}"
	assert_output '4294967295 9223372036854775807'
}

@test "numbers: LIST and UIDL out of range, negative, repeated" {
	for said in '0 5' '-1 5' '4294967296 5' '18446744073709551617 5' 'x 5' \
		'+1 5' '1x 5'; do
		says 76 "127.0.0.1 answered LIST with \"$said\"" list \
			< <(answers LIST "+OK\\r\\n$said\\r\\n.\\r\\n")
	done
	for said in '' '1' '1 ' '1 -5' '1 x' '1 9223372036854775808' \
		'1 99999999999999999999999'; do
		start_script < <(answers LIST "+OK\\r\\n$said\\r\\n.\\r\\n")
		run -0 poplar list "${PLAIN[@]}"
		refute_output --regexp '^[0-9]'
		finish_script
	done
	for said in '0 a' '-1 a' '4294967296 a' 'x a' '1x a'; do
		says 76 "127.0.0.1 answered UIDL with \"$said\"" uidl \
			< <(answers UIDL "+OK\\r\\n$said\\r\\n.\\r\\n")
	done
	for command in list uidl; do
		says 76 '127.0.0.1 listed message 1 twice' \
			$command < <(answers ${command^^} \
			'+OK\r\n1 5\r\n2 5\r\n1 5\r\n.\r\n')
		says 76 '127.0.0.1 listed message 4 when asked for 3' \
			$command 3 < <(answers "${command^^} 3" '+OK 4 5\r\n')
	done
}

@test "numbers: a listing may have any order" {
	for command in list uidl; do
		start_script < <(answers ${command^^} \
			'+OK\r\n2 7\r\n3 5\r\n1 6\r\n.\r\n')
		run --separate-stderr -0 poplar $command "${PLAIN[@]}"
		assert_equal "$(sort <<<"$output")" $'1 6\n2 7\n3 5'
		finish_script
	done
}

# Text with everything that must not reach a terminal, and what is shown of it.
RAW='a\x1b[31mb\x1b]0;x\x07c\xc2\x9bd\xe2\x80\xaee\xff\xfef\x08\x7f\xe2\x81\xa6g'
SAFE='a\^[[31mb\^[]0;x\ac\M-B\M^[d\M-b\M^@\M-.e\M^?\M-~f\b\^?\M-b\M^A\M-&g'

@test "text: a refusal is shown escaped, whatever it refuses" {
	says 69 "127.0.0.1 refused the connection: $SAFE" stat \
		<<<"S-raw: -ERR $RAW\\r\\n"
	says 77 "127.0.0.1 refused the login: $SAFE" stat < <(
		head -n -1 <<<"$LOGIN"
		echo "S-raw: -ERR $RAW\\r\\n")
	says 69 "127.0.0.1 refused STAT: $SAFE" stat \
		< <(answers STAT "-ERR $RAW\\r\\n")
	says 76 "127.0.0.1 answered STAT with something that is not a POP3 reply: $SAFE" \
		stat < <(answers STAT "$RAW\\r\\n")
	says 76 "127.0.0.1 answered LIST with \"$SAFE\"" list \
		< <(answers LIST "+OK\\r\\n$RAW\\r\\n.\\r\\n")
	# what follows a NUL is not shown
	says 69 '127.0.0.1 refused STAT: x' stat \
		< <(answers STAT '-ERR x\0\x1b[2J\r\n')
}

@test "text: words in another language can be read where they can be shown" {
	german='-ERR Das Postfach ist gerade gesperrt, sp\xc3\xa4ter\x1b[2J\xe2\x80\xae\r\n'
	says 69 '127.0.0.1 refused STAT: Das Postfach ist gerade gesperrt, '\
'später\^[[2J\M-b\M^@\M-.' stat < <(answers STAT "$german")
	LC_ALL=C says 69 '127.0.0.1 refused STAT: Das Postfach ist gerade '\
'gesperrt, sp\M-C\M-$ter\^[[2J\M-b\M^@\M-.' stat < <(answers STAT "$german")
	# the trace keeps to ASCII anywhere
	start_script < <(answers STAT "$german")
	run --separate-stderr -69 poplar stat --debug=2 --debug-file trace "${PLAIN[@]}"
	run -0 grep -F 'sp\M-C\M-$ter\^[[2J\M-b\M^@\M-.' trace
}

@test "text: greeting, capabilities and UIDLs are shown escaped" {
	start_script <<-EOF2
	S-raw: +OK $RAW\\r\\n
	C: CAPA
	S: +OK
	S-raw: X-$RAW\\r\\n
	S-raw: SASL $RAW\\r\\n
	S: .
	C: USER tester
	S: +OK
	C: PASS $TEST_PASSWORD
	S: +OK
	C: CAPA
	S: -ERR
	C: QUIT
	S: +OK
	EOF2
	run --separate-stderr -0 poplar capa -v "${PLAIN[@]}"
	assert_line "greeting: $SAFE"
	assert_line "X-$SAFE"
	finish_script
	start_script < <(answers UIDL "+OK\\r\\n1 $RAW\\r\\n.\\r\\n")
	run --separate-stderr -0 poplar uidl "${PLAIN[@]}"
	assert_output "1 $SAFE"
	for json in '' --json; do
		start_script < <(answers UIDL "+OK\\r\\n1 $RAW\\r\\n.\\r\\n")
		# shellcheck disable=SC2086
		run --separate-stderr -0 poplar uidl --debug=3 $json "${PLAIN[@]}"
	done
}

@test "text: headers are shown without what a terminal obeys" {
	encoded=$(printf 'a\033[31m\u009b\u202eb' | base64)
	message="From: $RAW <x@y>\\r\\nSubject: =?UTF-8?B?$encoded?= $RAW\\r\\n\
Date: $RAW\\r\\n\\r\\n"
	for json in '' --json; do
		start_script < <(printf '%s\n' "$LOGIN" 'C: CAPA' 'S: -ERR' \
			'C~ (LIST|UIDL|STAT)' 'S: +OK' 'S: 1 5' 'S: .' \
			'C~ (LIST|UIDL|TOP 1 0)' 'S: +OK' 'S: 1 5' 'S: .' \
			'C: TOP 1 0' 'S: +OK' "S-raw: $message.\\r\\n" \
			'C: QUIT' 'S: +OK')
		# shellcheck disable=SC2086
		run --separate-stderr poplar list --long $json "${PLAIN[@]}"
		kill "$SERVER_PID" 2>/dev/null || true
	done
}

# attempt NAME STATUS SENTENCE [OPTION...]: in the background, for the pauses before
# poplar tries again, a fetch from a transcript's server. It must end so and deliver
# nothing; settle waits for all and looks.
attempt() {
	local dir=$BATS_TEST_TMPDIR/$1
	mkdir "$dir"
	printf '%s\n%s' "$2" "$3" >"$dir/expected"
	cat >"$dir/script"
	(
		BATS_TEST_TMPDIR=$dir HOME=$dir status=0
		cd "$dir" || exit
		start_server --script script
		poplar fetch --maildir box --identity here "${PLAIN[@]}" \
			"${@:4}" >stdout 2>stderr || status=$?
		echo "$status" >status
		kill "$SERVER_PID" 2>/dev/null
	) 3>&- &
	ATTEMPTS+=("$1")
}

settle() {
	local name dir sound
	wait
	mkdir "$BATS_TEST_TMPDIR/sound"
	printf 'Subject: one\n\nThe first.\n' >"$BATS_TEST_TMPDIR/sound/one"
	start_server --mailbox "$BATS_TEST_TMPDIR/sound" --uidl name
	sound=$(mailbox_digests "$BATS_TEST_TMPDIR/sound")
	for name in "${ATTEMPTS[@]}"; do
		dir=$BATS_TEST_TMPDIR/$name
		echo "# $name: $(<"$dir/stderr")"
		{ read -r want; read -r sentence; } <"$dir/expected" || true
		assert_equal "$name $(<"$dir/status")" "$name $want"
		assert_equal "$(<"$dir/stderr")" \
			"poplar: tester@127.0.0.1: $sentence"
		assert_equal "$(<"$dir/stdout")" ''
		assert_not_exists "$dir/violations"
		assert_equal "$(find "$dir/box" -type f | wc -l)" 0
		# a sound server then finds nothing spoilt
		HOME=$dir run --separate-stderr -0 "$POPLAR" fetch \
			--maildir "$dir/box" --identity here "${PLAIN[@]}"
		assert_equal "$(maildir_digests "$dir/box")" "$sound"
	done
}

@test "fetch: endless listings and messages, and numbers that cannot be" {
	ATTEMPTS=()
	uidl="$LOGIN
C: CAPA
S: -ERR
C: STAT
S: +OK 1 100
C: UIDL"
	list="$uidl
S: -ERR
C: LIST"
	retr="$LISTED
C: RETR 1"
	while IFS='|' read -r name place sentence said; do
		sentence="127.0.0.1 $sentence"
		[[ $place != retr ]] || sentence="message 1: $sentence"
		attempt "$name" 76 "$sentence" < <(
			printf '%s\n%bNEXT\n' "${!place}" "$said" \
				"${!place}" "$said"
			if [[ $place == retr ]]; then
				# given up; the next session has nothing to do
				printf '%s\nC: QUIT\nS: +OK\n' "$LISTED"
			else
				printf '%s\n%bNEXT\n' "${!place}" "$said" \
					"${!place}" "$said"
			fi)
	done <<-'EOF2'
	uidl-lines|uidl|answered UIDL with an endless listing|S: +OK\nS-endless: % 0123456789012345678901234567890123456789012345678901234567890123456789\\r\\n\n
	uidl-line|uidl|answered UIDL with an endless line|S: +OK\nS-endless: 1 \n
	uidl-far|uidl|listed message 1048577, which is out of range|S: +OK\nS-raw: 1048577 x\\r\\n.\\r\\n\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: +OK\n
	uidl-zero|uidl|answered UIDL with "0 x"|S: +OK\nS-raw: 0 x\\r\\n.\\r\\n\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: +OK\n
	uidl-big|uidl|answered UIDL with "4294967297 x"|S: +OK\nS-raw: 4294967297 x\\r\\n.\\r\\n\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: +OK\n
	uidl-twice|uidl|listed message 1 twice|S: +OK\nS-raw: 1 x\\r\\n1 y\\r\\n.\\r\\n\nC: LIST\nS: +OK\nS: .\nC: QUIT\nS: +OK\n
	list-lines|list|answered LIST with an endless listing|S: +OK\nS-endless: % 5\\r\\n\n
	list-twice|list|listed message 1 twice|S: +OK\nS-raw: 1 5\\r\\n1 6\\r\\n.\\r\\n\nC: QUIT\nS: +OK\n
	list-zero|list|answered LIST with "0 5"|S: +OK\nS-raw: 0 5\\r\\n.\\r\\n\nC: QUIT\nS: +OK\n
	body|retr|answered RETR 1 with an endless message|S: +OK\nS-endless: 0123456789012345678901234567890123456789012345678901234567890123456789\\r\\n\n
	body-line|retr|answered RETR 1 with an endless message|S: +OK\nS-endless: 0123456789012345678901234567890123456789012345678901234567890123456789\n
	status|retr|answered RETR 1 with an endless status line|S-endless: +OK \n
	nonsense|retr|answered RETR 1 with something that is not a POP3 reply: <html>|S: <html>\n
	EOF2
	settle
}

# correct BOX MAIL: each record that fetch --json printed on standard input as
# delivered names a file that holds the message of its own UIDL (the name of MAIL's).
check_records() {
	python3 -c '
import json, os, sys
box, mail = sys.argv[1:]
for line in sys.stdin:
    record = json.loads(line)
    if record.get("outcome") != "delivered":
        continue
    with open(os.path.join(box, "new", record["name"]), "rb") as f:
        got = f.read()
    with open(os.path.join(mail, record["uidl"]), "rb") as f:
        want = f.read()
    if got != want:
        sys.exit("%s holds another message" % record["uidl"])
' "$1" "$2"
}

# confused OPTION...: in the background, fetch from a server with these faults; none
# of it may be delivered as another's. Then from a sound one: all, and each once.
confused() {
	local dir=$BATS_TEST_TMPDIR/confused.${#ATTEMPTS[@]}
	mkdir "$dir"
	echo "$*" >"$dir/options"
	(
		BATS_TEST_TMPDIR=$dir HOME=$dir
		cd "$dir" || exit
		start_server --mailbox ../home/mail --uidl name --keep-deleted "$@"
		fetch=(fetch --maildir box --json --timeout 1 --identity here)
		status=0
		poplar "${fetch[@]}" "${PLAIN[@]}" >first || status=$?
		stop_server
		start_server --mailbox ../home/mail --uidl name
		# there is nothing to watch what a sound server says for
		"$POPLAR" "${fetch[@]}" "${PLAIN[@]}" >second
		"$POPLAR" "${fetch[@]}" "${PLAIN[@]}" >third
		stop_server
		echo "$status" >status
	) 3>&- >"$dir/said" 2>&1 &
	ATTEMPTS+=("$dir")
}

settle_confused() {
	local dir mail
	wait
	mail=$(mailbox_digests mail)
	for dir in "${ATTEMPTS[@]}"; do
		echo "# $(cat "$dir/options" "$dir/said")"
		assert_file_exist "$dir/status"
		[[ $(<"$dir/status") =~ ^(0|69|75|76)$ ]]
		assert_not_exists "$dir/violations"
		check_records "$dir/box" mail < <(cat "$dir/first" "$dir/second")
		grep -q '"summary":true,"delivered":0,.*"status":0' "$dir/third"
		assert_equal "$(maildir_digests "$dir/box")" "$mail"
	done
}

# Nine messages, three of the same length, one that holds a reply.
confusing_mail() {
	make_mailbox mail 8
	printf 'Subject: 9\n\n+OK 22 octets\nSubject: within\n\n.\n' >mail/009
	cp mail/002 mail/003
	sed -i 's/message 2/message 3/' mail/003
}

@test "confused: a reply swallowed, doubled, or one too many" {
	ATTEMPTS=()
	confusing_mail
	double='+OK\r\nSubject: 0\r\n\r\nNobody asked for this.\r\n.\r\n'
	lone='+OK\r\nSubject: a\r\n\r\none\r\n.\r\ntwo\r\n.\r\n'
	for pipelining in '' --no-pipelining; do
		for fault in '--before RETR:4=+OK extra\r\n' \
			"--before RETR:4=$double" "--after RETR:4=$double" \
			'--after RETR:9=+OK extra\r\n' \
			'--after UIDL:1=+OK extra\r\n' \
			'--before STAT:1=+OK 9 9\r\n' \
			'--replace RETR:4=-ERR no\r\n-ERR no\r\n' \
			'--replace RETR:4=what?\r\n' \
			"--replace RETR:4=$lone" \
			'--replace RETR:4='; do
			# shellcheck disable=SC2086
			confused ${fault%% *} "${fault#* }" $pipelining
		done
	done
	confused --replace 'UIDL:2=' --fault-connections 1
	confused --replace 'RETR:4=' --fault-connections 1
	settle_confused
}

@test "unasked: a reply that nobody asked for ends the session" {
	start_script <<<$'S-raw: +OK\\r\\n+OK again\\r\\n\nC~ .*'
	run --separate-stderr -76 poplar stat "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 sent a reply \
that nobody asked for: +OK again"
	kill "$SERVER_PID" 2>/dev/null || true
	says 76 '127.0.0.1 sent a reply that nobody asked for: +OK again' stat \
		< <(answers STAT '+OK 1 1\r\n+OK again\r\n')
	# what a server says before it hangs up is news of that
	says 75 '127.0.0.1 ended the session: -ERR idle for too long' stat \
		< <(answers STAT '+OK 1 1\r\n-ERR idle for too long\r\n')
}

# As many messages as there may be, listed so that all of it is kept.
@test "large: a full mailbox fits the memory, again after a lost connection" {
	# lines TEXT: a listing of 2^20 lines, "%d" and what follows
	lines() {
		printf '+OK\r\n'
		awk -v text="$1\\r\\n" 'BEGIN {
			for (i = 1; i <= 1048576; i++) printf text, i, i }'
		printf '.\r\n'
	}
	lines '%d 1000' >list
	lines '%d ABCDEFGHIJKLMNO%06d' >uidl
	asked="$LOGIN
C: CAPA
S: -ERR
C: STAT
S: +OK 1048576 1048576000
C: UIDL"
	full="$asked
S-file: $PWD/uidl
C: LIST
S-file: $PWD/list"
	# the listings make sense, so the first lost connection is not the last
	says 69 '127.0.0.1 refused the connection: enough' fetch --maildir box \
		< <(printf '%s\nC: RETR 1\nNEXT\n%s\nC: RETR 1\nNEXT\nS: -ERR enough\n' \
		"$full" "$full")
	# no listing at all, only a count
	says 69 '127.0.0.1 refused the connection: enough' fetch --maildir box \
		< <(printf '%s\nS: -ERR\nC: LIST\nS: -ERR\nC: RETR 1\nNEXT\nS: -ERR enough\n' \
		"$asked")
	for command in 'delete all --force --dry-run' 'list new'; do
		start_script < <(
			echo "$full"
			printf 'C: QUIT\nS: +OK\n')
		# shellcheck disable=SC2086
		"$POPLAR" $command "${PLAIN[@]}" >out
		assert_equal "$(wc -l <out) $(tail -n 1 out)" '1048576 1048576 1000'
		finish_script
	done
}

@test "refused: each command" {
	make_mailbox mail 3
	while read -r command fetch stat; do
		start_server --mailbox mail --keep-deleted \
			--err-at "$command:0=-ERR no\\r\\n"
		rm -rf box "$HOME/.local"
		run --separate-stderr "-$fetch" poplar fetch --delete \
			--maildir box "${PLAIN[@]}"
		if ((fetch == 0)); then
			assert_equal "$stderr" ''
		elif [[ $command == RETR ]]; then
			assert_equal "${stderr##*$'\n'}" "poplar: tester@127.0.0.1: \
message 3: 127.0.0.1 refused RETR 3: no"
		else
			[[ $stderr == *"127.0.0.1 refused "*": no" ]]
		fi
		case $command in
		GREETING | AUTH | STAT | RETR)
			[[ ! -e box ]] || assert_equal \
				"$(find box -type f | wc -l)" 0
			;;
		*)
			assert_equal "$(maildir_digests box)" \
				"$(mailbox_digests mail)"
			;;
		esac
		run --separate-stderr "-$stat" poplar stat "${PLAIN[@]}"
		stop_server
	done <<-'EOF2'
	GREETING 69 69
	CAPA 0 0
	AUTH 69 69
	STAT 69 69
	UIDL 0 0
	LIST 0 0
	RETR 69 0
	DELE 69 0
	QUIT 69 69
	EOF2
}

@test "refused: QUIT, and the mail is deleted later, not fetched again" {
	make_mailbox mail 3
	start_server --mailbox mail --replace 'QUIT:1=-ERR not all deleted\r\n' \
		--fault-connections 1
	run --separate-stderr -69 poplar fetch --delete --maildir box "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 refused \
QUIT: not all deleted"
	assert_equal "$(maildir_digests box)" "$(mailbox_digests mail)"
	run --separate-stderr -0 poplar fetch --delete --maildir box "${PLAIN[@]}"
	assert_equal "$(maildir_digests box | wc -l)" 3
	assert_equal "$(find mail -type f | wc -l)" 0
}

@test "closed: without a word, at each command" {
	make_mailbox mail 2
	for how in close rst; do
		for command in GREETING CAPA AUTH STAT QUIT; do
			start_server --mailbox mail "--$how-at" "$command:0"
			run --separate-stderr poplar stat "${PLAIN[@]}"
			# CAPA can be left out; a QUIT unanswered does no harm
			if [[ $command == CAPA || $command == QUIT ]]; then
				assert_equal "$status $stderr" '0 '
			else
				assert_equal "$status" 75
				[[ $stderr == 'poplar: tester@127.0.0.1: '* ]]
			fi
			stop_server
		done
		for command in CAPA UIDL RETR DELE QUIT; do
			rm -rf box "$HOME/.local"
			start_server --mailbox mail --fault-connections 1 \
				"--$how-at" "$command:1" --keep-deleted
			run --separate-stderr poplar fetch --delete --maildir box \
				--identity here "${PLAIN[@]}"
			[[ $status == 0 || $status == 75 ]]
			run --separate-stderr -0 poplar fetch --delete \
				--maildir box --identity here "${PLAIN[@]}"
			assert_equal "$(maildir_digests box)" \
				"$(mailbox_digests mail)"
			stop_server
		done
	done
}

@test "silent: the time for an answer is bounded" {
	make_mailbox mail 1
	for command in GREETING STAT; do
		start_server --mailbox mail --stall-at "$command:1"
		run --separate-stderr -75 poplar stat --timeout 1 "${PLAIN[@]}"
		[[ $stderr == *"127.0.0.1 did not answer "*" within 1 second"* ]]
		stop_server
	done
}

# The drip, 64 octets a second over a minute: tests/unit/rate_test.c.

@test "uidl: whatever it says becomes no file name, and is told apart" {
	make_mailbox mail 7
	long=$(printf '%01000d' 0)
	{
		printf '%s\n' '001 ../../../../tmp/x' '002 /etc/passwd' \
			'003 .' "004 $long$long$long$long$long$long$long$long$long$long" \
			'005 $(touch\x20pwned)`touch\x20pwned`;touch\x20pwned' \
			'006 -rf' '007 a\xff\xe2\x80\xae\x1b[2Jb'
	} >map
	start_server --mailbox mail --uidl-map map
	run --separate-stderr poplar fetch --maildir box "${PLAIN[@]}"
	assert_equal "$stderr" ''
	assert_equal "$(maildir_digests box)" "$(mailbox_digests mail)"
	run find box -type f ! -regex 'box/new/[0-9]+\.p[0-9a-f]+\.[^/]*'
	assert_output ''
	# nothing grew elsewhere
	run find "$HOME" -type f ! -path '*/mail/*' ! -path '*/box/new/*' \
		! -path '*/.local/state/poplar/*' ! -name map ! -name limited
	assert_output ''
	run find .local/state/poplar -mindepth 1 ! -name 'tester@127.0.0.1*'
	assert_output ''
	for _ in 1 2; do
		run --separate-stderr -0 poplar fetch --maildir box -v "${PLAIN[@]}"
		assert_equal "$(maildir_digests box | wc -l)" 7
	done
	run --separate-stderr -0 poplar state list "${PLAIN[@]}"
	assert_equal "${#lines[@]}" 7
	run --separate-stderr -0 poplar uidl "${PLAIN[@]}"
	assert_line '1 ../../../../tmp/x'
	# and each can be named again as it was printed
	while read -r number uidl; do
		run -0 poplar uidl "uid:$uidl" "${PLAIN[@]}"
		assert_output "$number $uidl"
	done < <("$POPLAR" uidl "${PLAIN[@]}")
}

@test "uidl: empty or the same twice is no reason to lose mail" {
	make_mailbox mail 4
	printf '%s\n' '001 same' '002 same' '003 ' '004 other' >map
	start_server --mailbox mail --uidl-map map
	run --separate-stderr poplar fetch --maildir box "${PLAIN[@]}"
	assert_equal "$(maildir_digests box)" "$(mailbox_digests mail)"
	run --separate-stderr poplar fetch --maildir box "${PLAIN[@]}"
	assert_equal "$(maildir_digests box)" "$(mailbox_digests mail)"
}
