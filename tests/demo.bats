#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The demo shows what it should, ends, and leaves nothing running.

load lib/common

@test "demo: a session over mail of many kinds" {
	mkdir -p build/tests
	ln -s "$POPLAR" build/poplar
	ln -s "$SERVER" build/tests/server
	POPLAR_BUILD=$PWD/build run -0 --separate-stderr "$TESTS_DIR/demo/run"
	assert_line '$ poplar capa'
	assert_line 'IMPLEMENTATION poplar-test-server'
	assert_line '34 965914'
	assert_line --regexp $'^2\t324\tnew\t.*\t李明\t会议改到周五$'
	assert_line 'Schöne Grüße, und bis bald.'
	assert_line --regexp '^Of 34 messages 34 lie in '
	assert_equal "$stderr" \
		'poplar: demo: 34 messages (941.5 kB) delivered; 34 on the server
poplar: demo: no new mail; 34 on the server'
	assert_equal "$(maildir_digests build/demo/home/Mail)" \
		"$(mailbox_digests build/demo/mailbox)"
	# What the sample mail holds for terminals has not reached this one.
	printf '%s\n' "$output" >shown
	run ! has_raw_octets shown
	# Its port is closed again.
	port=$(sed -n 's/^TLSPORT //p' build/demo/ports)
	run ! bash -c "exec 9<>/dev/tcp/127.0.0.1/$port"
}
