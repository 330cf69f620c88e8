#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The completions, tried in the shells themselves; and the proof that docs.bats
# notices an option that is in the tables of the program alone.

load lib/common

# A line that is typed, and what a TAB makes of it; of fish: what it offers.
# shellcheck disable=SC2034  # used by reference
CASES=(
	'poplar fet' fetch
	'poplar -a home --tls none li' list
	'poplar fetch --maild' --maildir
	'poplar stat --maild' ''
	'poplar stat --js' --json
	'poplar check --pri' --print
	'poplar fetch --tls i' implicit
	'poplar fetch --tls=i' --tls=implicit
	'poplar stat --auth scram-sha-256-p' scram-sha-256-plus
	'poplar -a w' work
	'poplar stat --account=h' --account=home
	'poplar --config other -a o' only-there
	'poplar --config=other stat --account o' only-there
	'poplar top ne' new
	'poplar list 1 se' seen
	'poplar stat ne' ''
	'poplar state mark' mark-seen
	'poplar state list ne' ''
	'poplar state mark-seen se' seen
	'poplar state import --from mp' mpop
	'poplar state import cac' cache.file
	'poplar --tls-ca-file he' here.pem
	'poplar fetch --maildir Ma' Maildir/
	'poplar fetch --mbox Mab' Mabox
	'poplar help che' check
)

setup() {
	common_setup
	ROOT=$(cd "$TESTS_DIR/.." && pwd)
	mkdir -p .config/poplar Maildir
	printf '[account work]\nhost = x\n[account home]\n' >.config/poplar/config
	echo '[account only-there]' >other
	touch here.pem cache.file Mabox
	for ((i = 0; i < ${#CASES[@]}; i += 2)); do
		lines+=("${CASES[i]}")
	done
}

# Standard input: what became of the lines. What is not offered stays as typed;
# shells may put = behind an option that takes a value.
compare() {
	local i line word
	for ((i = 0; i < ${#CASES[@]}; i += 2)); do
		read -r line
		word=${line##* }
		[[ $word != --*[a-z]= ]] || word=${word%=}
		assert_equal "${CASES[i]} -> $word" \
			"${CASES[i]} -> ${CASES[i + 1]:-${CASES[i]##* }}"
	done
}

@test "completions: bash, at its prompt" {
	run -0 timeout 60 python3 "$TESTS_DIR/lib/complete_bash.py" \
		"$ROOT/completions" "${lines[@]}"
	compare <<<"$output"
}

@test "completions: zsh, at its prompt" {
	run -0 timeout 60 zsh -f "$TESTS_DIR/lib/complete.zsh" \
		"$ROOT/completions" "${lines[@]}"
	compare <<<"$output"
}

@test "completions: fish offers the same" {
	local i
	# shellcheck disable=SC2016  # fish's own
	run -0 timeout 60 fish --no-config -c 'source $argv[1]
		for line in $argv[2..-1]
			set -l offered (complete -C $line | cut -f 1)
			echo $line "->" $offered
		end' "$ROOT/completions/poplar.fish" "${lines[@]}"
	for ((i = 0; i < ${#CASES[@]}; i += 2)); do
		echo "${CASES[i]} -> ${CASES[i + 1]}"
	done >expected
	run -0 diff -Z expected - <<<"$output"
}

@test "completions: every mechanism and setting of the tables is offered" {
	"${POPLAR_BUILD:-$ROOT/build}/tests/tables" >tables
	# shellcheck disable=SC1091
	source "$ROOT/completions/poplar.bash"
	run -0 _poplar_kind --auth
	assert_output "$(sed -n 's/^mechanism\t//p' tables | tr '\n' ' ' |
		sed 's/ $//')"
	sed -n 's/^option\tfetch\t\([^\t]*\)\t.*/poplar fetch --\1/p' tables >typed
	mapfile -t lines <typed
	run -0 timeout 100 python3 "$TESTS_DIR/lib/complete_bash.py" \
		"$ROOT/completions" "${lines[@]}"
	run -0 diff typed <(echo "$output")
}

@test "completions: docs.bats fails when only the table has an option" {
	local copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy" "$BATS_TEST_TMPDIR/build"
	(cd "$ROOT" && cp -R Makefile configure src completions man README.md "$copy")
	mkdir "$copy/tests"
	cp -R "$TESTS_DIR"/{lib,docs.bats,tables.c} "$copy/tests"
	sed -i '/^static const struct option_def fetch_options_table/a\
	{ "dummy", 0, NULL, "an option nobody wrote about", FETCH_DRY_RUN },' \
		"$copy/src/cli/fetch.c"
	cd "$BATS_TEST_TMPDIR/build"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES BUILD CFLAGS T
	"$copy/configure" -q CFLAGS=-O0
	make -s BUILD="$PWD/built" "$PWD/built/poplar" "$PWD/built/tests/tables"

	run env -i PATH="${PATH#"$BATS_LIBEXEC:"}" HOME="$HOME" LC_ALL="$LC_ALL" \
		${BATS_LIB_PATH:+BATS_LIB_PATH="$BATS_LIB_PATH"} \
		POPLAR="$PWD/built/poplar" POPLAR_BUILD="$PWD/built" \
		"$BATS_ROOT/bin/bats" --tap -f 'every option|what the tables say' \
		"$copy/tests/docs.bats"
	((status == 1))
	assert_line 'not ok 1 docs: every option is in the manual and the completions'
	for place in 'bash: fetch' fish: manual: zsh:; do
		assert_output --partial "$place --dummy"
	done
	# Help is made of the tables, so it has the option.
	assert_line "ok 2 docs: every option is in the command's help"
	assert_line 'not ok 3 docs: completions are what the tables say'
}
