#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A sample of the sweeps over crashes, errors, signals and losses of power.

load lib/common

@test "a sample of the crash sweeps finds nothing" {
	run "$TESTS_DIR/torture/run" quick
	assert_success
	assert_line --regexp '^torture: [0-9]{3,} points, nothing lost,'
}
