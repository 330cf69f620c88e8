#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A sample of the sweeps over crashes, errors, signals and losses of power, and
# of random histories.

load lib/common

@test "a sample of the crash sweeps finds nothing" {
	run "$TESTS_DIR/torture/run" quick
	assert_success
	assert_line --regexp '^torture: [0-9]{3,} points, nothing lost,'
}

@test "a program that does nothing is found out, with the shortest history" {
	POPLAR=/bin/true run "$TESTS_DIR/torture/soak" --seed sample --count 3
	assert_failure 1
	assert_line --regexp '^seed sample, history 1: false0: letter [0-9]+ is not'
	assert_line --regexp "^    shortest: .*/soak -v --play 'to=maildir end=[a-z]+; arrive [0-3]'"
}

@test "the small world: as many histories as ten seconds allow" {
	run "$POPLAR_BUILD/tests/small-world" -s 10 \
		-f "$TESTS_DIR/world/histories"
	assert_success
	assert_line --regexp '^world: [0-9]+ histories of up to 3 events, .* 0 findings'
	run -64 "$POPLAR_BUILD/tests/small-world" -p 'slot keep: arrive-a depart'
	assert_output 'small-world: no such event: depart'
}

@test "random histories: what was found once is right" {
	local history
	while read -r history; do
		[[ $history != '#'* ]] || continue
		run "$TESTS_DIR/torture/soak" --play "$history"
		assert_success
	done <"$TESTS_DIR/torture/histories"
}
