#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# fetch: what is delivered, where, and what is done on the server.

load lib/common

setup_file() {
	make_tls
}

setup() {
	common_setup
	MAIL=$BATS_TEST_TMPDIR/mail
	make_mailbox "$MAIL" 3
}

serve() {
	start_server --mailbox "$MAIL" --uidl name --cert "$CERT" --key "$KEY" "$@"
}

left() {
	(cd "$MAIL" && echo *)
}

# The subjects of the messages in a maildir.
subjects() {
	find "$1/new" -type f -exec sed -n 's/^Subject: //p' {} + | sort | paste -sd,
}

@test "fetch --maildir: made, filled, with digests as on the server; twice" {
	serve
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests "$MAIL")"
	assert_equal "$(ls Mail)" $'cur\nnew\ntmp'
	assert_equal "$(stat -c %a Mail Mail/new | sort -u)" 700
	run -0 find Mail/tmp Mail/cur -type f
	assert_output ''
	for name in Mail/new/*; do
		assert_regex "$name" '/[0-9]+\.p[0-9a-f]{24}\.[^/]+,S=132$'
	done
	run --separate-stderr -0 poplar fetch -v --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: no new mail; 3 on the server'
	make_mailbox "$MAIL" 5
	run --separate-stderr -0 poplar fetch -v --maildir Mail "${TLS[@]}"
	said 'poplar: tester@localhost: 2 messages (264 B) delivered; 5 on the server'
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests "$MAIL")"
}

@test "fetch --maildir: a message that a reader moved does not come again" {
	serve
	poplar fetch --maildir Mail "${TLS[@]}"
	for name in Mail/new/*; do
		mv "$name" "Mail/cur/${name##*/}:2,S"
	done
	rm "$(find Mail/cur -type f | head -n 1)"
	poplar fetch --maildir Mail "${TLS[@]}"
	run -0 find Mail/new -type f
	assert_output ''
}

@test "fetch --mbox: appended, quoted, made 0600" {
	printf 'Return-Path: <me@example.org>\n\nFrom me\n>From you\nend' >"$MAIL/004"
	serve
	poplar fetch --mbox inbox 4 "${TLS[@]}"
	assert_equal "$(stat -c %a inbox)" 600
	assert_equal "$(sed '1s/ [A-Z].*//' inbox)" 'From me@example.org
Return-Path: <me@example.org>

>From me
>>From you
end'
	run --separate-stderr -0 poplar fetch --mbox inbox "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(python3 "$TESTS_DIR/lib/mbox_digests.py" inbox | sort)" \
		"$(mailbox_digests "$MAIL")"
	run -0 ls
	assert_output inbox
}

@test "fetch --stdout: one message as it is, not recorded when named" {
	serve
	run --separate-stderr -0 poplar fetch --stdout 3 "${TLS[@]}"
	assert_output "$(cat "$MAIL/003")"
	said ''
	run --separate-stderr -64 poplar fetch --stdout 2 3 "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: --stdout takes one message and 2 are chosen; several go to --mbox -'
	run -0 poplar list new "${TLS[@]}"
	assert_equal "${#lines[@]}" 3
}

@test "fetch --stdout: as a script would use it" {
	serve
	poplar fetch --stdout 3 "${TLS[@]}" | grep -q '^Subject: message 3$'
	cat >rc <<-EOT
	MAILDIR=$HOME
	DEFAULT=$HOME/box/
	EOT
	mkdir box
	poplar fetch --stdout 3 "${TLS[@]}" | procmail -m "$HOME/rc"
	run -0 subjects box
	assert_output 'message 3'
}

@test "fetch --mbox -: all that is new, recorded once it is written" {
	serve
	full() { "$POPLAR" fetch --mbox - "${TLS[@]}" >/dev/full; }
	run --separate-stderr -74 full
	said 'poplar: tester@localhost: standard output: No space left on device'
	poplar fetch --mbox - "${TLS[@]}" >out
	assert_equal "$(python3 "$TESTS_DIR/lib/mbox_digests.py" out | sort)" \
		"$(mailbox_digests "$MAIL")"
	run --separate-stderr -0 poplar fetch --mbox - "${TLS[@]}"
	assert_output ''
	said ''
}

@test "fetch --pipe: procmail sorts" {
	serve
	mkdir box
	cat >rc <<-EOT
	MAILDIR=$HOME/box
	DEFAULT=$HOME/box/inbox/
	:0
	* ^Subject: message 2
	two/
	EOT
	run --separate-stderr -0 poplar fetch --pipe "procmail -m $HOME/rc" "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(subjects box/inbox)" 'message 1,message 3'
	assert_equal "$(subjects box/two)" 'message 2'
}

@test "fetch --pipe: maildrop sorts" {
	serve
	mkdir -p box/{inbox,two}/{tmp,new,cur}
	cat >filter <<-EOT
	if (/^Subject: message 2/)
	  to $HOME/box/two
	to $HOME/box/inbox
	EOT
	chmod 600 filter
	run --separate-stderr -0 poplar fetch --pipe "maildrop $HOME/filter" "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(subjects box/inbox)" 'message 1,message 3'
	assert_equal "$(subjects box/two)" 'message 2'
}

@test "fetch --pipe: whole messages, environment, output on standard error" {
	serve
	# shellcheck disable=SC2016
	run --separate-stderr -0 poplar fetch 2 "${TLS[@]}" --pipe \
		'cat >got; echo "$POPLAR_ACCOUNT $POPLAR_UIDL $POPLAR_OCTETS"'
	assert_output ''
	said 'tester@localhost 002 132'
	run -0 cmp got "$MAIL/002"
	run --separate-stderr -0 poplar fetch --pipe true "${TLS[@]}"
	said ''
}

@test "fetch --pipe: 75 is later, another status is 73, the rest goes on" {
	serve
	run --separate-stderr -75 poplar fetch --pipe \
		'grep -q "message [13]$" || exit 75' "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: message 2: grep -q "message [13]$" || exit 75: exit status 75'
	run -0 poplar list new "${TLS[@]}"
	assert_output '2 138'
	run --separate-stderr -75 poplar fetch -qq --pipe 'exit 75' "${TLS[@]}"
	said ''
	run --separate-stderr -73 poplar fetch --pipe 'exit 3' --delete "${TLS[@]}"
	said 'poplar: tester@localhost: message 2: exit 3: exit status 3'
	assert_equal "$(left)" '001 002 003'
	# shellcheck disable=SC2016
	run --separate-stderr -73 poplar fetch --pipe 'kill -9 $$' "${TLS[@]}"
	said 'poplar: tester@localhost: message 2: kill -9 $$: killed by signal 9'
}

@test "fetch --delete: only what was delivered; --keep is the default" {
	serve
	poplar fetch --maildir Mail "${TLS[@]}"
	assert_equal "$(left)" '001 002 003'
	make_mailbox "$MAIL" 5
	run --separate-stderr -0 poplar fetch -v --delete --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: 2 messages (264 B) delivered, 2 deleted; 3 on the server'
	assert_equal "$(left)" '001 002 003'
	assert_equal "$(subjects Mail)" 'message 1,message 2,message 3,message 4,message 5'
}

@test "fetch --delete: a lost QUIT is made up for, in this run or the next" {
	serve --close-at QUIT:1 --fault-connections 1
	run --separate-stderr -0 poplar fetch --delete --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(left)" '*'
	stop_server
	make_mailbox "$MAIL" 5
	serve --close-at QUIT:1
	run --separate-stderr -75 poplar fetch --delete --maildir Mail \
		--identity box "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: localhost closed the connection without ending TLS, in answer to QUIT'
	assert_equal "$(left)" '001 002 003 004 005'
	stop_server
	serve
	run --separate-stderr -0 poplar fetch -v --delete --maildir Mail \
		--identity box "${TLS[@]}"
	said 'poplar: tester@localhost: 5 deleted; 0 on the server'
	assert_equal "$(left)" '*'
	assert_equal "$(find Mail/new -type f | wc -l)" 8
}

@test "fetch: numbers bring again, sets and limits choose" {
	serve
	poplar fetch --maildir Mail 2 2 "${TLS[@]}"
	assert_equal "$(subjects Mail)" 'message 2'
	poplar fetch --maildir Mail --limit 1 "${TLS[@]}"
	assert_equal "$(subjects Mail)" 'message 1,message 2'
	poplar fetch --maildir Mail uid:002 "${TLS[@]}"
	assert_equal "$(subjects Mail)" 'message 1,message 2,message 2'
	poplar fetch --maildir Other all --newest-first --max-bytes 300 "${TLS[@]}"
	assert_equal "$(subjects Other)" 'message 2,message 3'
	poplar fetch --maildir Other new --max-size 100 "${TLS[@]}"
	poplar fetch --maildir Other 3- --min-size 1k "${TLS[@]}"
	assert_equal "$(subjects Other)" 'message 2,message 3'
}

@test "fetch --dry-run: says what, changes nothing" {
	serve
	poplar fetch --maildir Mail 1 "${TLS[@]}"
	run --separate-stderr -0 poplar fetch --dry-run --maildir Mail "${TLS[@]}"
	assert_output $'fetch 2 138\nfetch 3 138'
	said ''
	assert_equal "$(subjects Mail)" 'message 1'
	run -0 grep -c RETR "$SERVER_LOG"
	assert_output 1
}

@test "fetch --json, read by jq" {
	serve --err-at RETR:2
	run poplar fetch --maildir Mail --json "${TLS[@]}"
	assert_equal "$status" 69
	printf '%s\n' "$output" | grep '^{' >out
	run -0 jq -rc 'select(.num) | [.num, .uidl, .outcome, .octets, .status]' out
	# those that arrived are told of when their batch is safe
	assert_output '[2,"002","failed",138,69]
[1,"001","delivered",138,0]
[3,"003","delivered",138,0]'
	run -0 jq -rc 'select(.summary) | [.delivered, .octets, .failed, .on_server, .status]' out
	assert_output '[2,264,1,3,69]'
	assert_file_exists "Mail/new/$(jq -r 'select(.num == 1) | .name' out)"
	run -0 jq -r 'select(.num == 2) | .error' out
	assert_output --partial 'refused RETR 2: refused by the test'
}

@test "fetch: a refused message does not stop the others" {
	serve --err-at RETR:2 --fault-connections 1
	run --separate-stderr -69 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: message 2: localhost refused RETR 2: refused by the test'
	assert_equal "$(subjects Mail)" 'message 1,message 3'
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	assert_equal "$(subjects Mail)" 'message 1,message 2,message 3'
}

@test "fetch: a lost connection is made up for in the same run" {
	serve --cut-after 700 --fault-connections 1
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests "$MAIL")"
}

@test "fetch: without UIDL nothing comes twice" {
	serve --no-uidl
	poplar fetch --maildir Mail "${TLS[@]}"
	run --separate-stderr -0 poplar fetch -v --maildir Mail "${TLS[@]}"
	said 'poplar: tester@localhost: 3 known before; 3 on the server'
	assert_equal "$(subjects Mail)" 'message 1,message 2,message 3'
}

@test "fetch: cron's way, nothing is printed when nothing is to be done" {
	serve
	poplar fetch --maildir Mail "${TLS[@]}"
	run --separate-stderr -0 setsid env -i "$POPLAR" fetch --maildir "$HOME/Mail" \
		--state "$(poplar state path "${TLS[@]}")" "${TLS[@]}" </dev/null
	assert_output ''
	said ''
	poplar delete all "${TLS[@]}"
	run --separate-stderr -0 setsid env -i "$POPLAR" fetch --maildir "$HOME/Mail" \
		--state "$(poplar state path "${TLS[@]}")" "${TLS[@]}" </dev/null
	assert_output ''
	said ''
}

@test "fetch --fail-empty: 1 says that there was nothing" {
	serve
	run --separate-stderr -0 poplar fetch --fail-empty --maildir Mail "${TLS[@]}"
	run --separate-stderr -1 poplar fetch --fail-empty --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
}

@test "fetch: usage" {
	serve
	run --separate-stderr -64 poplar fetch "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: deliver to where? Name one of --maildir DIR, --mbox FILE, --pipe CMD, --lmtp ADDRESS or --stdout'
	run --separate-stderr -64 poplar fetch --maildir a --mbox b "${TLS[@]}"
	said 'poplar: --mbox: a second destination: there is maildir already'
	run --separate-stderr -69 poplar fetch --maildir Mail 4-9 "${TLS[@]}"
	said 'poplar: warning: tester@localhost: there are no messages 4-9 on the server, which has 3'
	run --separate-stderr -69 poplar fetch --maildir Mail 1 uid:none "${TLS[@]}"
	said 'poplar: warning: tester@localhost: there is no message uid:none on the server'
	run -0 grep -h ^Subject: -r Mail
	assert_output 'Subject: message 1'
}

@test "fetch: what was done is said before what went wrong" {
	serve --err-at QUIT:1
	run --separate-stderr -69 poplar fetch -v --maildir Mail "${TLS[@]}"
	assert_output ''
	said 'poplar: tester@localhost: 3 messages (396 B) delivered; 3 on the server
poplar: tester@localhost: localhost refused QUIT: refused by the test'
}

@test "fetch --stdout: nothing raw reaches a terminal" {
	local command
	rm "$MAIL"/*
	printf 'Subject: \033]0;title\007\n\nb\033[2Jody \xff\xe2\x82\xac\n' >"$MAIL/1"
	printf '\xe2\x82\xac%.0s' {1..6000} >>"$MAIL/1" # over the ends of pieces
	printf '\nend\xe2\n' >>"$MAIL/1"
	serve
	for how in '--stdout 1' '--mbox - 1'; do
		# shellcheck disable=SC2086
		command="$(printf '%q ' "$POPLAR" fetch $how "${TLS[@]}")"
		script -qec "$command" /dev/null </dev/null >out
		run tr -d '\r' <out
		assert_line 'Subject:  ]0;title '
		assert_line $'b [2Jody \xef\xbf\xbd\xe2\x82\xac'
		assert_line "$(printf '\xe2\x82\xac%.0s' {1..6000})"
		assert_line $'end\xef\xbf\xbd'
	done
	poplar fetch --stdout 1 "${TLS[@]}" >out
	run -0 cmp "$MAIL/1" out
}

@test "fetch: what is passed over or fails is told once, with more sessions too" {
	make_mailbox mail 8
	printf 'large: %0500d\n' 1 >>mail/004
	printf 'large: %0500d\n' 1 >>mail/007
	start_server --mailbox mail --fault-connections 2 --close-at RETR:3
	# shellcheck disable=SC2016 # for the filter's shell
	run --separate-stderr -73 poplar fetch --json --maildir box --max-size 400 \
		--filter 'case $(cat) in *message?1*) exit 3 ;; *message?2*) exit 1 ;; esac' \
		"${PLAIN[@]}"
	assert_equal "$(grep -c 'C: PASS\|C: AUTH' "$SERVER_LOG")" 3
	run -0 jq -r 'select(.num) | "\(.num) \(.outcome)"' <<<"$output"
	assert_equal "$(sort <<<"$output")" "1 failed
2 skipped
3 delivered
4 skipped
5 delivered
6 delivered
7 skipped
8 delivered"
	assert_equal "$stderr" \
		'poplar: tester@127.0.0.1: message 1: the filter ended with status 3'
}

@test "fetch: one is passed over, not its namesake" {
	make_mailbox mail 2
	printf 'many more words\n%.0s' {1..20} >>mail/001
	printf '%s same\n' 001 002 >map
	start_server --mailbox mail --fault-connections 1 --close-at RETR:1 \
		--uidl-map map
	run --separate-stderr -0 poplar fetch --json --max-size 300 \
		--maildir Mail "${PLAIN[@]}"
	run -0 jq -c 'select(.summary) | [.delivered, .skipped]' <<<"$output"
	assert_output '[1,1]'
}

@test "fetch: a message that a later session delivers was not passed over" {
	make_mailbox mail 5
	start_server --mailbox mail
	run --separate-stderr -0 poplar fetch --json --maildir box \
		--max-bytes 300 --repeat "${PLAIN[@]}"
	run -0 jq -c 'select(.summary) | [.delivered, .skipped]' <<<"$output"
	assert_output '[2,3]'
}

@test "fetch: numbers and ids are relearned after a lost connection" {
	make_mailbox mail 7
	# what the lost QUIT has deleted is not missed
	start_server --mailbox mail --fault-connections 1 --drop-at QUIT:1
	run --separate-stderr -0 poplar fetch --maildir a --delete 5-7 "${PLAIN[@]}"
	assert_output ''
	said ''
	run -0 ls mail
	assert_output $'001\n002\n003\n004'
	stop_server
	start_server --mailbox mail --fault-connections 1 --drop-at QUIT:1 --uidl name
	run --separate-stderr -0 poplar fetch --maildir b --delete uid:003 \
		"${PLAIN[@]}" -v
	assert_regex "$stderr" '1 message \(132 B\) delivered; 3 on the server$'
	stop_server
	# somebody else deletes meanwhile: the rest has other numbers
	make_mailbox mail 7
	start_server --mailbox mail --fault-connections 1 --close-at RETR:2 \
		--no-pipelining
	run --separate-stderr -0 poplar fetch 5-7 "${PLAIN[@]}" \
		--pipe "rm -f $PWD/mail/00[123]; grep Subject >>$PWD/got"
	run -0 cat got
	assert_output $'Subject: message 5\nSubject: message 6\nSubject: message 7'
}

# From the greeting to UIDL, without CAPA, of a mailbox with two messages.
until_uidl() {
	cat <<-END
		S: +OK
		C: CAPA
		S: -ERR
		C~ USER .*
		S: +OK
		C~ PASS .*
		S: +OK
		C: CAPA
		S: -ERR
		C: STAT
		S: +OK 2 10
		C: UIDL
	END
}

# again UIDL LIST: what a second session answers to these, after one that listed
# two messages and was lost.
again() {
	start_script <<-END
		$(until_uidl)
		S-raw: +OK\\r\\n1 first\\r\\n2 second\\r\\n.\\r\\n
		C: LIST
		S-raw: +OK\\r\\n1 5\\r\\n2 5\\r\\n.\\r\\n
		C: RETR 2
		CLOSE
		NEXT
		$(until_uidl)
		S-raw: $1
		C: LIST
		S-raw: $2
		$(cat)
		C: QUIT
		S: +OK
	END
}

@test "fetch: what is not found after a lost connection is no success" {
	# somebody else deletes meanwhile
	make_mailbox mail 7
	start_server --mailbox mail --fault-connections 1 --close-at RETR:2 \
		--no-pipelining
	run --separate-stderr -69 poplar fetch 5-7 "${PLAIN[@]}" \
		--pipe "rm -f $PWD/mail/006; grep Subject >>$PWD/got"
	said 'poplar: warning: tester@127.0.0.1: message 6 was asked for, and is not found after the lost connection'
	run -0 cat got
	assert_output $'Subject: message 5\nSubject: message 7'
	stop_server
	# two that cannot be told apart are both there
	make_mailbox same 3
	printf '%s same\n' 001 002 003 >map
	start_server --mailbox same --fault-connections 1 --close-at RETR:2 \
		--no-pipelining --uidl-map map
	run --separate-stderr -0 poplar fetch 1-3 --maildir same-box "${PLAIN[@]}"
	said ''
	assert_equal "$(subjects same-box)" 'message 1,message 2,message 3'
	stop_server
	# UIDL is not served any more: it may be there, and it may be another
	again '-ERR\r\n' '+OK\r\n1 5\r\n2 5\r\n.\r\n' </dev/null
	run --separate-stderr -75 poplar fetch 2 --maildir Mail "${PLAIN[@]}"
	said 'poplar: warning: tester@127.0.0.1: message 2 was asked for, and is not found after the lost connection'
	finish_script
}

@test "fetch: what has the UIDL of what was delivered is not deleted for it" {
	make_mailbox mail 3
	printf '%s same\n' 001 002 003 >map
	start_server --mailbox mail --fault-connections 1 --drop-at QUIT:1 \
		--err-at RETR:1 --err-at RETR:3 --uidl-map map
	run --separate-stderr -69 poplar fetch 1-3 --delete --maildir Mail \
		"${PLAIN[@]}"
	assert_equal "$(subjects Mail)" 'message 2'
	run -0 ls mail
	assert_output $'001\n003'
}

@test "fetch: a size that changes hides no message after a lost connection" {
	again '+OK\r\n1 second\r\n2 third\r\n.\r\n' \
		'+OK\r\n1 4\r\n2 5\r\n.\r\n' <<-'END'
			C: RETR 1
			S-raw: +OK\r\nab\r\n.\r\n
		END
	run --separate-stderr -0 poplar fetch 2 --maildir Mail "${PLAIN[@]}"
	said ''
	finish_script
	assert_equal "$(cat Mail/new/*)" ab
}

@test "fetch: 4- may mean none, 4-5 may not" {
	make_mailbox mail 3
	start_server --mailbox mail
	run --separate-stderr -0 poplar fetch --maildir box 4- "${PLAIN[@]}"
	said ''
	run --separate-stderr -69 poplar fetch --maildir box 4-5 "${PLAIN[@]}"
	said 'poplar: warning: tester@127.0.0.1: there are no messages 4-5 on the server, which has 3'
	run --separate-stderr -0 poplar fetch --maildir box 3- "${PLAIN[@]}"
	run -0 cat box/new/*
	assert_line "Subject: message 3"
}

@test "fetch: messages come in while others are synced" {
	make_mailbox mail 80
	start_server --mailbox mail
	export GATE_DIR=$HOME/Mail/tmp GATE_FROM=64 GATE_TO=80
	for sync in auto files; do
		rm -rf "$HOME/Mail" "$HOME/state"
		run --separate-stderr -0 preloaded lib/gate poplar fetch \
			--sync="$sync" --state "$HOME/state" \
			--maildir "$HOME/Mail" "${PLAIN[@]}"
		said ''
		assert_equal "$(maildir_digests "$HOME/Mail")" \
			"$(mailbox_digests mail)"
	done
}

@test "fetch: a wrong sentinel is seen though others are synced meanwhile" {
	make_mailbox mail 300
	# the second batch's, before the server falls silent
	start_server --mailbox mail --fault-connections 1 --stall-at RETR:258 \
		--replace 'UIDL:3=+OK 99 wrong\r\n'
	run --separate-stderr -0 preloaded bench/slowsync poplar fetch \
		--timeout 3 --maildir "$HOME/Mail" "${PLAIN[@]}"
	said ''
	# from there on each has its own
	run -0 grep -c '2 C: UIDL [0-9]' "$SERVER_LOG"
	assert_output 236
	assert_equal "$(find "$HOME/Mail/new" -type f | wc -l)" 300
}
