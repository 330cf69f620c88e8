#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# delete: what is named and only that, checked at QUIT; policies only what was
# delivered.

load lib/common

setup() {
	common_setup
	MAIL=$BATS_TEST_TMPDIR/mail
	make_mailbox "$MAIL" 6
}

serve() {
	start_server --mailbox "$MAIL" --uidl name "$@"
}

# What the server still has.
left() {
	(cd "$MAIL" && echo *)
}

@test "delete: numbers, ranges, uid:" {
	serve
	run --separate-stderr -0 poplar delete 1-2 uid:005 "${PLAIN[@]}"
	assert_output ''
	said ''
	assert_equal "$(left)" '003 004 006'
	run --separate-stderr -0 poplar -v delete 3 "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 1 deleted; 2 on the server'
	assert_equal "$(left)" '003 004'
}

@test "delete --dry-run: lists as list does, deletes nothing" {
	serve
	run --separate-stderr -0 poplar delete --dry-run 2 4- "${PLAIN[@]}"
	assert_output $'2 138\n4 138\n5 138\n6 138'
	said ''
	assert_equal "$(left)" '001 002 003 004 005 006'
	run -1 grep DELE "$SERVER_LOG"
}

@test "delete: all and new ask before what was never delivered goes" {
	serve
	for set in all new; do
		run --separate-stderr -64 poplar delete "$set" "${PLAIN[@]}"
		assert_output ''
		said 'poplar: tester@127.0.0.1: 6 of these messages have never been delivered; --force deletes them all the same'
	done
	assert_equal "$(left)" '001 002 003 004 005 006'
	poplar fetch --maildir Mail 1-4 "${PLAIN[@]}"
	run --separate-stderr -64 poplar delete all "${PLAIN[@]}"
	said 'poplar: tester@127.0.0.1: 2 of these messages have never been delivered; --force deletes them all the same'
	run --separate-stderr -0 poplar delete new --force "${PLAIN[@]}"
	said ''
	assert_equal "$(left)" '001 002 003 004'
	run --separate-stderr -0 poplar delete all "${PLAIN[@]}"
	assert_output ''
	said ''
	assert_equal "$(left)" '*'
}

@test "delete: a terminal is asked, and yes is needed" {
	serve
	command="$(printf '%q ' "$POPLAR" delete all "${PLAIN[@]}")"
	echo no | script -qec "$command" /dev/null >out || status=$?
	run tr -d '\r' <out
	assert_line --partial '6 of these were never delivered. Delete all the same? (yes/no)'
	assert_equal "$(left)" '001 002 003 004 005 006'
	echo yes | script -qec "$command" /dev/null >out
	assert_equal "$(left)" '*'
}

@test "delete seen: what was delivered, not what was marked" {
	serve
	poplar fetch --maildir Mail 1-2 "${PLAIN[@]}"
	poplar state mark-seen 3 "${PLAIN[@]}"
	run --separate-stderr -0 poplar delete seen "${PLAIN[@]}"
	assert_output ''
	said ''
	assert_equal "$(left)" '003 004 005 006'
	run --separate-stderr -0 poplar delete --older-than 1h "${PLAIN[@]}"
	assert_equal "$(left)" '003 004 005 006'
}

@test "delete --json, read by jq" {
	serve
	poplar delete 2-3 --json "${PLAIN[@]}" >out
	run -0 jq -rc '[.num, .uidl, .outcome, .octets, .status]' <(head -n 2 out)
	assert_output $'[2,"002","deleted",138,0]\n[3,"003","deleted",138,0]'
	run -0 jq -rc 'select(.summary) | [.deleted, .on_server, .failed, .status, .error]' out
	assert_output '[2,4,0,0,null]'
}

@test "delete: a message that is not there is 69, the others go" {
	serve
	run --separate-stderr -69 poplar delete 1 7 "${PLAIN[@]}"
	assert_output ''
	said 'poplar: warning: tester@127.0.0.1: there is no message 7 on the server, which has 6'
	run --separate-stderr -69 poplar delete uid:002 'uid:x\sy' "${PLAIN[@]}"
	assert_output ''
	said 'poplar: warning: tester@127.0.0.1: there is no message uid:x\sy on the server'
	assert_equal "$(left)" '003 004 005 006'
}

@test "delete: a refused DELE is 69, the others go" {
	serve --err-at DELE:2
	run --separate-stderr -69 poplar delete 1-3 "${PLAIN[@]}"
	assert_output ''
	said 'poplar: warning: tester@127.0.0.1: 127.0.0.1 refused DELE 2: refused by the test'
	assert_equal "$(left)" '002 004 005 006'
}

@test "delete: only QUIT deletes; without its answer it is not done" {
	serve --err-at QUIT:1
	run --separate-stderr -69 poplar delete 1 "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 refused QUIT: refused by the test'
	assert_equal "$(left)" '001 002 003 004 005 006'
	stop_server
	serve --close-at QUIT:1
	run --separate-stderr -75 poplar delete 1 "${PLAIN[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 closed the connection in answer to QUIT'
	assert_equal "$(left)" '001 002 003 004 005 006'
}

@test "delete: usage" {
	run --separate-stderr -64 poplar delete
	said 'poplar: delete: which messages? (see poplar help delete)'
	run --separate-stderr -64 poplar delete --older-than never
	said 'poplar: --older-than takes an age such as 12h, 30d or 2w'
	run --separate-stderr -64 poplar delete 3x
	said 'poplar: message set "3x": something follows the number'
}

@test "delete: an age means only what was delivered, whatever else is named" {
	make_mailbox mail 3
	start_server --mailbox mail
	run --separate-stderr -0 poplar fetch --maildir box 1-2 "${PLAIN[@]}"
	list=(poplar delete --dry-run "${PLAIN[@]}")
	run --separate-stderr -0 "${list[@]}" --older-than 0d
	assert_output $'1 138\n2 138'
	run --separate-stderr -0 "${list[@]}" --older-than 0d 2-3
	assert_output '2 138'
	run --separate-stderr -0 "${list[@]}" --delete-after 0d 2-3
	assert_output '2 138'
	for option in older-than delete-after; do
		run --separate-stderr -0 "${list[@]}" "--$option" 1h all
		assert_output ''
	done
	# of the configuration it is for fetch
	mkdir -p .config/poplar
	printf '%s\n' '[defaults]' 'delete-after = 1h' >.config/poplar/config
	run --separate-stderr -0 "${list[@]}" 3
	assert_output '3 138'
	# nobody has to be asked, as nothing undelivered is meant
	run --separate-stderr -0 poplar delete --older-than 0d all "${PLAIN[@]}"
	said ''
	run -0 ls mail
	assert_output 003
	run --separate-stderr -0 poplar delete 2- "${PLAIN[@]}"
	said ''
	run -0 ls mail
	assert_output 003
}
