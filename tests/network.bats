#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Servers that go away, refuse, answer wrongly or lie: nothing is lost or doubled.

load lib/common

@test "a sample of the network sweep finds nothing" {
	TMPDIR=$BATS_TEST_TMPDIR run "$TESTS_DIR/torture/network" --quick
	assert_success
	assert_output --partial ' 0 lost, 0 doubled, 0 damaged, 0 undeleted,'
}

@test "a message that is announced too long is deleted when it proved whole" {
	make_mailbox mail 2
	start_server --mailbox mail --size-lie 100
	run --separate-stderr -75 poplar fetch --no-config "${PLAIN[@]}" \
		--maildir in --delete
	assert_output ''
	assert_equal "$(mailbox_digests mail)" "$(maildir_digests in)"
	run --separate-stderr -0 poplar fetch --no-config "${PLAIN[@]}" \
		--maildir in --delete
	assert_output ''
	assert_equal "$stderr" ''
	assert_equal "$(ls mail)" ''
	assert_equal "$(maildir_digests in | wc -l)" 2
}

@test "a server that hangs up at every RETR is not asked for ever" {
	make_mailbox mail 12
	start_server --mailbox mail --close-at RETR:1
	run --separate-stderr -75 poplar fetch --no-config "${PLAIN[@]}" \
		--maildir in --delete
	assert_output ''
	assert_equal "$(grep -c 'RETR' "$SERVER_LOG")" 10
	assert_equal "$(maildir_digests in)" ''
}

# A name server that is silent: who waits for it, and how long.
@test "names: --timeout and --deadline hold in the look-up" {
	for options in '--timeout 1' '--timeout 60 --deadline 1' \
		'--timeout 1 --proxy socks5h://slow.example.org:1080' \
		'--timeout 1 --proxy socks5://127.0.0.1:1080'; do
		SECONDS=0
		# shellcheck disable=SC2086
		run --separate-stderr -75 names 'slow.example.org=' "$POPLAR" stat \
			--no-config --host slow.example.org --user ann $options \
			--password-file "$PASSWORD_FILE"
		[[ $stderr == *'cannot look up slow.example.org: timed out' ]]
		((SECONDS < 10))
	done
}

@test "names: a signal ends the look-up" {
	mkfifo asked
	exec {asked}<>asked
	SECONDS=0
	names 'other=127.0.0.1' true # the library is made
	for signal in TERM HUP; do
		NAMES_ASKED=asked NAMES='slow.example.org=' \
			ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
			LD_PRELOAD=$PWD/names.so "$POPLAR" stat --no-config \
			--host slow.example.org --user ann \
			--password-file "$PASSWORD_FILE" 2>err 3>&- &
		pid=$!
		read -r -t 60 -u "$asked"
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		assert_equal "$status" $((128 + $(kill -l "$signal")))
		assert_equal "$(<err)" 'poplar: ann@slow.example.org: cannot look up slow.example.org: interrupted'
	done
	exec {asked}>&-
	((SECONDS < 20))
}

@test "names: none of the family that is wanted" {
	names='four.example.org=127.0.0.1 six.example.org=::1'
	refused() {
		run --separate-stderr -68 names "$names" "$POPLAR" stat --no-config \
			--user ann --password-file "$PASSWORD_FILE" "${@:2}"
		said "poplar: ann@${3#*@}: $1"
	}
	refused 'four.example.org has no IPv6 address, and no other is allowed (-6, ipv6)' \
		--host four.example.org -6
	refused 'six.example.org has no IPv4 address, and no other is allowed (-4, ipv4)' \
		--host six.example.org -4
	refused '127.0.0.1 is not an IPv6 address' --host 127.0.0.1 -6
	refused '::1 is not an IPv4 address' --host ::1 -4
	refused 'there is no host named none.invalid' --host none.invalid -4
}

@test "addresses: a silent one costs a quarter of a second" {
	make_mailbox mail 1
	start_server --mailbox mail
	exec {silent}< <(exec python3 "$TESTS_DIR/lib/silent.py" ::1 "$PORT")
	STARTED+=($!)
	read -r -t 60 -u "$silent"
	SECONDS=0
	run --separate-stderr -0 names 'pop.example.org=::1,127.0.0.1' \
		"$POPLAR" stat --no-config "${PLAIN[@]}" --host pop.example.org \
		--timeout 40
	assert_output '1 138'
	((SECONDS < 10))
	exec {silent}<&-
}
