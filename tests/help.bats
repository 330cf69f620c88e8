#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# help, --help, --version; what is in them docs.bats compares.

load lib/common

@test "help: usage of poplar and of every command, on standard output" {
	run --separate-stderr -0 poplar help
	assert_line --index 0 'usage: poplar [options] COMMAND [options] [MESSAGE...]'
	said ''
	assert_equal "$(poplar --help)" "$output"
	commands=$(sed -n '/^Commands:/,/^Messages:/s/^  \([a-z]*\) .*/\1/p' <<<"$output")
	assert_regex "$(tr '\n' ' ' <<<"$commands")" '^stat list fetch top uidl delete capa '
	for command in $commands; do
		run --separate-stderr -0 poplar help "$command"
		assert_line --index 0 --partial "usage: poplar $command [options]"
		said ''
		assert_equal "$(poplar "$command" --help)" "$output"
		assert_equal "$(poplar -h "$command")" "$output"
	done
}

@test "help: a command's is one screen, with two examples; --all has every option" {
	for command in $(poplar help | sed -n '/^Commands:/,/^Messages:/s/^  \([a-z]*\) .*/\1/p'); do
		run --separate-stderr -0 poplar help "$command"
		((${#lines[@]} <= 24))
		(($(grep -c "^  .*poplar .*$command" <<<"$output") >= 2))
		assert_line --partial "poplar help --all $command"
		refute_output --partial 'GnuTLS priority string'
	done
	run --separate-stderr -0 poplar help --all fetch
	assert_line --partial '--tls-priority STRING     GnuTLS priority string'
	assert_line --partial '--maildir DIR'
}

@test "help: several commands; one there is not" {
	run --separate-stderr -0 poplar help stat list
	assert_line 'usage: poplar stat [options]'
	assert_line 'usage: poplar list [options] [MESSAGE...]'
	run --separate-stderr -64 poplar help frob
	assert_output ''
	said 'poplar: unknown command frob (see poplar help)'
}

@test "help: no command is a mistake, and told how" {
	poplar help >usage
	run --separate-stderr -64 poplar
	assert_output ''
	assert_equal "$stderr" "$(cat usage)"
}

@test "help: no line is wider than a terminal" {
	for command in '' $(poplar help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		# shellcheck disable=SC2086
		poplar help $command >out
		run grep -nE '.{81}' out
		assert_output ''
	done
}

@test "--version" {
	run --separate-stderr -0 poplar --version
	assert_output --regexp '^poplar [0-9]+\.[0-9]+\.[0-9]+$'
	said ''
}

@test "help: a full disk is noticed" {
	full() { "$POPLAR" help >/dev/full; }
	run --separate-stderr -74 full
	said 'poplar: standard output: No space left on device'
}
