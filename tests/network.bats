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
