#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# state: what is remembered about a mailbox, seen, changed, and taken over.

load lib/common

JOE=pop3s://joe@pop.example.org
FILE=.local/state/poplar/joe@pop.example.org

@test "state path: says where, makes nothing" {
	run --separate-stderr -0 poplar state path "$JOE"
	assert_output "$HOME/$FILE"
	assert_equal "$stderr" ""
	assert_not_exists .local
	XDG_STATE_HOME=/x run -0 poplar state path "$JOE" --json
	assert_output '{"path":"/x/poplar/joe@pop.example.org"}'
}

@test "state: what is not there is empty, and stays so" {
	run --separate-stderr -0 poplar state list "$JOE"
	assert_output ""
	run --separate-stderr -0 poplar state check "$JOE"
	assert_output ""
	assert_equal "$stderr" ""
	# but a file that is named, and no account, is meant to be there
	for action in list export check 'check --repair' 'forget uid:a'; do
		# shellcheck disable=SC2086
		run --separate-stderr -65 poplar state $action --state none
		assert_output ""
		assert_equal "$stderr" "poplar: there is no state none"
	done
	run -0 poplar state path --state none
	assert_output none
	assert_not_exists .local
	assert_not_exists none
	assert_not_exists none.lock
}

@test "state mark-seen uid: and forget: from the journal alone" {
	run --separate-stderr -0 poplar state mark-seen "$JOE" uid:one 'uid:t\swo'
	assert_output ""
	assert_equal "$stderr" ""
	run -0 stat -c %a "$FILE" "$FILE.lock" .local/state/poplar
	assert_output $'600\n600\n700'
	run -0 poplar state export "$JOE"
	assert_line --index 0 --regexp $'^one\tmarked\t0\t0\t\t0\t[0-9]+\t0$'
	assert_line --index 1 --regexp $'^t\\\\swo\tmarked\t0\t0\t\t0\t[0-9]+\t0$'
	run --separate-stderr -0 poplar state mark-seen "$JOE" uid:one -v
	assert_equal "$stderr" "poplar: 0 marked as seen, 1 were already"
	run --separate-stderr -69 poplar state forget "$JOE" uid:one uid:three
	assert_equal "$stderr" "poplar: uid:three is not in the state"
	run -0 poplar state list "$JOE"
	assert_equal "${#lines[@]}" 1
	assert_output --regexp $'^marked\t0\t[-0-9T:+]+\tt\\\\swo$'
	run -0 poplar state list --state "$FILE" --json
	assert_output --regexp '^\{"uidl":"t wo","state":\["marked"\],'
}

@test "state mark-seen all: asks the server, and nothing is new then" {
	make_mailbox "$BATS_TEST_TMPDIR/box" 3
	start_server --mailbox "$BATS_TEST_TMPDIR/box"
	run --separate-stderr -0 poplar state mark-seen 2- "${PLAIN[@]}" -v
	assert_equal "$stderr" "poplar: 2 marked as seen, 0 were already"
	run --separate-stderr -0 poplar state mark-seen all "${PLAIN[@]}" -v
	assert_equal "$stderr" "poplar: 1 marked as seen, 2 were already"
	run -0 poplar state list "${PLAIN[@]}"
	assert_equal "${#lines[@]}" 3
	run -0 poplar uidl new "${PLAIN[@]}"
	assert_output ""
}

@test "state: nothing is left of a fetch that came to no login" {
	make_mailbox "$BATS_TEST_TMPDIR/box" 1
	start_server --mailbox "$BATS_TEST_TMPDIR/box"
	(umask 077 && echo wrong >wrong)
	run -77 poplar fetch --maildir Mail "${PLAIN[@]}" --password-file wrong
	run find .local/state/poplar -type f
	assert_output ''
	stop_server
	run -75 poplar fetch --maildir Mail "${PLAIN[@]}"
	run -68 poplar fetch --maildir Mail --user u --host nosuch.invalid \
		--password-file "$PASSWORD_FILE"
	run -75 poplar fetch --maildir Mail "${PLAIN[@]}" --state here
	run find . -path '*/poplar/*' -type f -o -name 'here*'
	assert_output ''

	# What says something stays: that a complete listing was empty, or what
	# the server asked for.
	rm "$BATS_TEST_TMPDIR"/box/*
	start_server --mailbox "$BATS_TEST_TMPDIR/box"
	poplar fetch --maildir Mail "${PLAIN[@]}" --state empty
	assert_exist empty
	assert_exist empty.lock
	stop_server
	cp empty before
	run -75 poplar fetch --maildir Mail "${PLAIN[@]}" --state empty
	run -0 cmp empty before
	start_server --mailbox "$BATS_TEST_TMPDIR/box" --caps USER,UIDL \
		--replace 'PASS:1=-ERR [LOGIN-DELAY] wait\r\n'
	run -75 poplar fetch --maildir Mail "${PLAIN[@]}" --state delayed
	assert_exist delayed
}

@test "state: one at a time" {
	poplar state mark-seen "$JOE" uid:one
	exec {lock}<>"$FILE.lock"
	flock -n "$lock"
	run --separate-stderr -75 poplar state mark-seen "$JOE" uid:two
	assert_output ""
	assert_equal "$stderr" \
		"poplar: another poplar is using the state $HOME/$FILE"
	run -0 poplar state list "$JOE"
	assert_equal "${#lines[@]}" 1
	exec {lock}>&-
	run -0 poplar state mark-seen "$JOE" uid:two
}

@test "state import: from mpop, once" {
	printf ' 2 pop.example.org joe\na 5\nb 6\n 1 other ann\nc 7\n' >old
	run --separate-stderr -0 poplar state import --from mpop old "$JOE" -v
	assert_output ""
	assert_equal "$stderr" "poplar: 2 imported, 0 were known"
	run --separate-stderr -0 poplar state import --from mpop old "$JOE" --json
	assert_output '{"imported":0,"known":2}'
	run -0 poplar state import --from mpop --entry ann@other old "$JOE"
	run -0 poplar state export "$JOE"
	assert_output $'a\tmarked\t0\t0\t\t0\t5\t0\nb\tmarked\t0\t0\t\t0\t6\t0\nc\tmarked\t0\t0\t\t0\t7\t0'
}

@test "state import: from fetchmail, getmail and fdm" {
	printf 'joe@pop.example.org a\nann@other b\n' >ids
	printf 'c\0005\n' >oldmail
	printf '1 d\n' >cache
	poplar state import --from fetchmail ids "$JOE"
	poplar state import --from getmail oldmail "$JOE"
	poplar state import --from fdm cache "$JOE"
	run -0 bash -c "grep ^S $FILE | cut -f3"
	assert_output $'a\nc\nd'
}

@test "state import: what is wrong, and nothing taken" {
	printf ' 1 other ann\nc 7\n' >old
	run --separate-stderr -64 poplar state import --from mpop old "$JOE"
	assert_equal "$stderr" \
		"poplar: old holds ann@other: say which with --entry"
	printf ' 2 pop.example.org joe\nc 7\n' >old
	run --separate-stderr -65 poplar state import --from mpop old "$JOE"
	assert_equal "$stderr" \
		"poplar: old:2: fewer UIDLs than its block announces"
	run --separate-stderr -64 poplar state import --from mutt old "$JOE"
	assert_equal "$stderr" \
		"poplar: mutt is not one of mpop, fetchmail, getmail, fdm"
	run -64 poplar state import old "$JOE"
	run -0 poplar state list "$JOE"
	assert_output ""
}

@test "state check: names the line, repairs, keeps the old file" {
	poplar state mark-seen "$JOE" uid:one uid:two
	sed -i '2s/one/uno/' "$FILE"
	cp "$FILE" broken
	run --separate-stderr -65 poplar state check "$JOE"
	assert_output "line 2: wrong checksum"
	assert_equal "$stderr" "poplar: $HOME/$FILE is damaged: poplar state \
check --repair keeps what is valid"
	run --separate-stderr -0 poplar state check --repair "$JOE" --json
	assert_output '{"finding":"line 2: wrong checksum"}'
	run -0 cmp broken "$FILE.damaged"
	run -0 poplar state check "$JOE"
	assert_output ""
	run -0 poplar state list "$JOE"
	assert_equal "${#lines[@]}" 1
}

@test "state: a damaged journal is refused, not cut" {
	# shellcheck disable=SC2046  # many operands are meant
	poplar state mark-seen "$JOE" $(printf 'uid:%s ' {1..400})
	sed -i '3s/1/2/' "$FILE"
	cp "$FILE" broken
	run --separate-stderr -65 poplar state list "$JOE"
	assert_equal "$stderr" "poplar: the state $HOME/$FILE is damaged at \
line 3 (wrong checksum): see poplar state check --repair"
	run -65 poplar state mark-seen "$JOE" uid:x
	run -0 cmp broken "$FILE"
}

# Each has about 30 lines, which is less than one append may have.
@test "state: one bad octet in a short journal is refused by all who read it" {
	make_mailbox mail 12
	start_server --mailbox mail
	mkdir -p "${FILE%/*}"
	for how in "--maildir box" "--mbox box" "--pipe true"; do
		rm -rf "$FILE"* box
		# shellcheck disable=SC2086  # two words
		poplar fetch "${PLAIN[@]}" --state "$FILE" $how
		cp "$FILE" good
		for line in 2 7 12; do
			sed "${line}s/[0-9]/x/" good >"$FILE"
			cp "$FILE" broken
			# shellcheck disable=SC2086
			run --separate-stderr -65 poplar fetch "${PLAIN[@]}" \
				--state "$FILE" $how
			assert_equal "$stderr" "poplar: tester@127.0.0.1: the \
state $FILE is damaged at line $line (wrong checksum): see poplar state check \
--repair"
			# shellcheck disable=SC2086
			run -65 poplar fetch --dry-run "${PLAIN[@]}" \
				--state "$FILE" $how
			# shellcheck disable=SC2086
			run -65 poplar check "${PLAIN[@]}" \
				--state "$FILE" $how
			assert_line --partial "the state file $FILE is damaged"
			run -65 poplar list new "${PLAIN[@]}" \
				--state "$FILE"
			run -0 cmp "$FILE" broken
			assert_equal "$(echo "$FILE".*)" "$FILE.lock"
		done
		run -0 poplar state check --repair --state "$FILE"
		run -0 cmp "$FILE.damaged" broken
		# in the same second it would come by the same name
		rm -rf box
		# shellcheck disable=SC2086
		poplar fetch "${PLAIN[@]}" --state "$FILE" $how -v
	done
}

@test "state: usage" {
	run --separate-stderr -64 poplar state "$JOE"
	assert_equal "$stderr" "poplar: state does what? path, list, check, \
forget, mark-seen, export or import"
	run --separate-stderr -64 poplar state mend "$JOE"
	assert_equal "$stderr" "poplar: state mend is not one of path, list, \
check, forget, mark-seen, export, import"
	run --separate-stderr -64 poplar state list "$JOE" 3
	assert_equal "$stderr" "poplar: state list takes no operand 3"
	run --separate-stderr -64 poplar state forget "$JOE" all
	assert_equal "$stderr" "poplar: state forget takes uid:UIDL only, as \
state list shows them"
	run --separate-stderr -64 poplar state mark-seen "$JOE"
	assert_equal "$stderr" "poplar: which messages?"
	run --separate-stderr -64 poplar state list --repair "$JOE"
	assert_equal "$stderr" "poplar: --repair goes with state check only"
	run --separate-stderr -64 poplar state list --no-state "$JOE"
	assert_equal "$stderr" "poplar: joe@pop.example.org: nothing is \
remembered with --no-state"
}
