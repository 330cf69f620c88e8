#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Servers as they are: what real ones do at the edges of a session, and mail is
# fetched and deleted all the same.

load lib/common

setup() {
	common_setup
	make_mailbox mail 6
}

delivered() { find "${1:-Mail}/new" -type f 2>/dev/null | wc -l; }
left() { find mail -type f | wc -l; }
heard() { grep -c "C: $1" "$SERVER_LOG" || :; }
again() {
	stop_server
	rm -f "$SERVER_LOG"
	start_server --mailbox mail "$@"
}

@test "servers: sizes that are estimates are learned" {
	start_server --mailbox mail --size-lie 400
	run --separate-stderr -75 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	make_mailbox mail 9
	again --size-lie 400
	run --separate-stderr -0 poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	said ''
	assert_equal "$(delivered) $(heard RETR)" '9 3'
	# what came before is kept, and what came now is gone
	assert_equal "$(left)" 6
}

@test "servers: sizes that are all too small are estimates, too" {
	start_server --mailbox mail --size-lie -20
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	again --size-lie 30
	make_mailbox mail 7
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	said ''
	assert_equal "$(delivered)" 7
}

@test "servers: a STAT that is nonsense is not used" {
	start_server --mailbox mail --stat 'six messages'
	run --separate-stderr -0 poplar fetch --maildir Mail "${PLAIN[@]}"
	said 'poplar: warning: tester@127.0.0.1: 127.0.0.1 answered STAT with nonsense; what it says of sizes or counts is not used'
	assert_equal "$(delivered)" 6
}

@test "servers: one DELE that ends the session keeps only its message" {
	for how in --close-at --rst-at; do
		rm -rf Mail mail
		make_mailbox mail 6
		# the third DELE of each session is message 3, until it is alone
		start_server --mailbox mail "$how" DELE:3 --fault-connections 1
		run --separate-stderr poplar fetch --delete --maildir Mail \
			--identity "$how" "${PLAIN[@]}"
		assert_equal "$(delivered) $(left)" '6 0'
		stop_server
	done
}

@test "servers: a DELE that is refused for ever is given up after three" {
	start_server --mailbox mail --err-at 'DELE:3'
	run --separate-stderr -69 poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(left)" 1
	for _ in 1 2 3; do
		again --err-at 'DELE:0'
		run --separate-stderr poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
		last=$stderr
	done
	assert_equal "$last" 'poplar: warning: tester@127.0.0.1: message 1 is still there after 3 deletions; it will not be tried again'
	again --err-at 'DELE:0'
	run --separate-stderr -0 poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	said ''
	assert_equal "$(heard DELE)" 0
}

@test "servers: QUIT that is not answered matters only after deletions" {
	for how in --close-at --rst-at; do
		start_server --mailbox mail "$how" QUIT:0
		run --separate-stderr -0 poplar stat "${PLAIN[@]}"
		run --separate-stderr -0 poplar list "${PLAIN[@]}"
		: >"$SERVER_LOG"
		run --separate-stderr -0 poplar fetch --maildir "Mail$how" --identity "$how" "${PLAIN[@]}"
		assert_equal "$(heard 'AUTH\|PASS')" 1
		stop_server
	done
	# done, but not answered: the next session sees it
	start_server --mailbox mail --drop-at QUIT:1 --fault-connections 1
	run --separate-stderr -0 poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(delivered) $(left)" '6 0'
	stop_server
	make_mailbox mail 6
	start_server --mailbox mail --close-at QUIT:1 --fault-connections 1
	run --separate-stderr -0 poplar fetch --delete --maildir More --identity you "${PLAIN[@]}"
	assert_equal "$(left)" 0
}

@test "servers: sessions that end after some messages, without PIPELINING" {
	start_server --mailbox mail --no-pipelining --close-at RETR:3
	run --separate-stderr -0 poplar fetch --maildir Mail "${PLAIN[@]}"
	said ''
	assert_equal "$(delivered)" 6
	# two a session after the first one, and one more that is lost
	(($(heard RETR) <= 12))
}

@test "servers: pipelining that is offered and not borne" {
	start_server --mailbox mail --close-at RETR:2
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(delivered)" 6
	again
	make_mailbox mail 8
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(delivered)" 8
}

@test "servers: a message that never comes is said after three runs" {
	local how run want
	rm -r mail
	make_mailbox mail 1
	for how in '--close-at RETR:0' '--stall-at RETR:0'; do
		for run in 1 2 3 4; do
			rm -f "$SERVER_LOG"
			# shellcheck disable=SC2086 # two words
			start_server --mailbox mail $how
			want=$((run < 3 ? 75 : 69))
			run --separate-stderr "-$want" poplar fetch -qq --timeout 1 \
				--maildir Mail --identity "$how" "${PLAIN[@]}"
			if ((run < 3)); then
				said ''
			else
				[[ $stderr == "poplar: tester@127.0.0.1: message 1: it could \
not be retrieved in $run runs: 127.0.0.1 "* ]]
			fi
			(($(heard RETR) < 6))
			stop_server
		done
		# once it has come that is forgotten
		start_server --mailbox mail
		run --separate-stderr -0 poplar fetch --maildir Mail --identity "$how" "${PLAIN[@]}"
		stop_server
		# shellcheck disable=SC2086
		start_server --mailbox mail $how
		run --separate-stderr -75 poplar fetch all -qq --timeout 1 \
			--maildir Mail --identity "$how" "${PLAIN[@]}"
		said ''
		stop_server
	done
}

@test "servers: --pipelining N goes by what CAPA offers" {
	start_server --mailbox mail --no-pipelining
	run --separate-stderr -0 poplar fetch --pipelining 8 --maildir Mail --debug=1 "${PLAIN[@]}"
	assert_equal "$(delivered)" 6
}

@test "servers: a pause asked for between sessions of --repeat ends it well" {
	start_script <<-'END'
		S: +OK
		C: CAPA
		S: -ERR
		C: USER tester
		S: +OK
		C: PASS open-sesame-7
		S: +OK
		C: CAPA
		S: -ERR
		C: STAT
		S: +OK 1 30
		C: UIDL
		S: +OK
		S: 1 a
		S: .
		C: LIST
		S: +OK
		S: 1 14
		S: .
		C: RETR 1
		S: +OK
		S: Subject: x
		S: 
		S: .
		C: QUIT
		S: +OK
		NEXT
		S: +OK
		C: CAPA
		S: -ERR
		C: USER tester
		S: +OK
		C: PASS open-sesame-7
		S: -ERR [LOGIN-DELAY] wait
		C: QUIT
		S: +OK
	END
	run --separate-stderr -0 poplar fetch --repeat --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(delivered)" 1
	run --separate-stderr -75 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
}

@test "servers: that mail expires is said once" {
	start_server --mailbox mail --caps UIDL,TOP,USER,PIPELINING,'EXPIRE 3'
	run --separate-stderr -0 poplar fetch --limit 3 --maildir Mail --identity me "${PLAIN[@]}"
	said 'poplar: warning: tester@127.0.0.1: the server deletes mail 3 days after it was retrieved'
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	said ''
}

@test "servers: a message of any UIDL, and one that looks like a reply" {
	printf '+OK this is how it begins\n\nhello\n' >mail/007
	: >uids
	for n in 1 2 3 4 5 6 7; do
		printf '00%d %s%d\n' "$n" "$(printf '%9000s' '' | tr ' ' x)" "$n" >>uids
	done
	for lie in 0 -3; do
		start_server --mailbox mail --uidl-map uids --size-lie $lie
		run --separate-stderr -0 poplar fetch --maildir "Mail$lie" --identity "me$lie" "${PLAIN[@]}"
		said ''
		assert_equal "$(maildir_digests "Mail$lie")" "$(mailbox_digests mail)"
		stop_server
	done
}

@test "servers: one that looks like a reply, under an id that was another's" {
	rm mail/*
	printf 'Subject: one\n\nfirst\n' >mail/001
	start_server --mailbox mail
	run --separate-stderr -0 poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	printf -- '-ERR so it begins\n\nsecond\n' >mail/001
	again
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	said ''
	assert_equal "$(delivered)" 2
}

@test "servers: a signal leaves whole messages delivered, a large one behind them" {
	head -c 3000000 /dev/zero | tr '\0' x | fold -w 70 >mail/007
	start_server --mailbox mail --cut-raw-after 200000 --cut stall
	"$POPLAR" fetch -v --maildir Mail "${PLAIN[@]}" 2>said &
	pid=$!
	until [[ $(delivered) == 6 ]]; do :; done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status $(delivered)" '143 6'
	run -0 grep -c 'interrupted: delivering what has come' said
}

@test "servers: a warning is said once a run, however many sessions it takes" {
	for odd in '9 9999' 'x y'; do
		start_server --mailbox mail --stat "$odd" --no-pipelining \
			--close-at RETR:3 --fault-connections 2
		run --separate-stderr poplar fetch --maildir "Mail $odd" --identity "$odd" "${PLAIN[@]}"
		assert_equal "$(delivered "Mail $odd")" 6
		(($(heard AUTH) >= 3))
		assert_equal "${#stderr_lines[@]}" 1
		[[ $stderr == 'poplar: warning: '* ]]
		stop_server
	done
}
