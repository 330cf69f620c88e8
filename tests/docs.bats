#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# README, manual, help and completions against the program: what the tables of
# options hold is in all of them, and what they name exists. That the shells
# make use of it, completions.bats shows.

load lib/common

setup() {
	common_setup
	ROOT=$(cd "$TESTS_DIR/.." && pwd)
	TABLES=${POPLAR_BUILD:-$ROOT/build}/tests/tables
	"$TABLES" >tables
}

# A manual page as plain text.
page() {
	mandoc -T ascii "$ROOT/man/$1" | col -b
}

# absent DIR MANUAL TABLES: a line for each option of the tables that the
# completions in DIR or the text MANUAL lack.
absent() {
	local command name words file=$1/poplar.bash
	while IFS=$'\t' read -r _ command name _; do
		words=$(sed -n "s/^\t$command) echo '\(--.*\)' ;;\$/ \1 /p" "$file")
		[[ $words == *" --$name "* ]] || echo "bash: $command --$name"
		grep -qE -e "--$name('\[|=|})" "$1/_poplar" || echo "zsh: --$name"
		grep -qF -e " -l $name " "$1/poplar.fish" || echo "fish: --$name"
		grep -qE -e "(^|[^a-z-])--$name($|[^a-z-])" "$2" ||
			echo "manual: --$name"
	done < <(grep ^option "$3") | sort -u
}

@test "docs: README's map of the folders is true" {
	local path paths=0
	while read -r path; do
		paths=$((paths + 1))
		compgen -G "$ROOT/$path" >/dev/null || fail "no $path"
	done < <(sed -n '/^## The folders/,/^## /s/^    \([^ ]*\) .*/\1/p' \
		"$ROOT/README.md")
	((paths > 15))
	# and whole: no room of the source is missing from it
	for path in "$ROOT"/src/*/; do
		path=${path%/}
		grep -q "^    src/${path##*/}/ " "$ROOT/README.md"
	done
}

@test "docs: README's make goals exist" {
	# shellcheck disable=SC2016  # these backticks are Markdown
	local goal goals=0 code='`make[^`]*`|^    .*'
	while read -r goal; do
		goals=$((goals + 1))
		grep -qE "^$goal:|\b$goal\b.*: all$|^LONG .*\b$goal\b" "$ROOT/Makefile"
	done < <(grep -oE "$code" "$ROOT/README.md" |
		grep -oE '\bmake( [a-z-]+)+' |
		cut -d' ' -f2- | tr ' ' '\n' | sort -u)
	((goals > 4))
	grep -q 'make deps demo' "$ROOT/README.md"
	grep -q 'make deps check' "$ROOT/README.md"
}

@test "docs: every option is in the manual and the completions" {
	page poplar.1 >manual
	run -0 absent "$ROOT/completions" manual tables
	assert_output ''
}

@test "docs: every key of the configuration is in its manual page" {
	local name
	page poplar.conf.5 >manual
	while IFS=$'\t' read -r _ name _; do
		grep -qE -e "(^|[^a-z-])$name($|[^a-z-])" manual ||
			fail "poplar.conf(5) lacks $name"
	done < <(grep ^key tables)
}

@test "docs: an option of the tables alone would be noticed" {
	page poplar.1 >manual
	printf 'option\tfetch\tdummy\t-\t-\t0\tno such thing\n' >>tables
	run -0 absent "$ROOT/completions" manual tables
	assert_output 'bash: fetch --dummy
fish: --dummy
manual: --dummy
zsh: --dummy'
}

@test "docs: every option is in the command's help" {
	local command name
	while IFS=$'\t' read -r _ command name _; do
		[[ -e help.$command ]] || poplar help --all "$command" \
			>"help.$command"
		grep -qE -e "--$name($|[^a-z-])" "help.$command" ||
			fail "help $command lacks --$name"
	done < <(grep ^option tables)
}

@test "docs: every command is in the manual, help and completions" {
	local name file
	page poplar.1 >manual
	poplar help >usage
	while IFS=$'\t' read -r _ name _; do
		for file in manual usage "$ROOT/completions/_poplar" \
			"$ROOT/completions/poplar.bash" \
			"$ROOT/completions/poplar.fish"; do
			grep -qw -e "$name" "$file" || fail "$file lacks $name"
		done
	done < <(grep ^command tables)
}

@test "docs: the manual names no option that does not exist" {
	local name
	page poplar.1 | grep -oE -e '(^|[ ([])--[a-z0-9][a-z0-9-]+' |
		tr -d ' ([' | sort -u >named
	cut -f3 tables | sed 's/^/--/' | sort -u >known
	run comm -23 named known
	assert_output ''
}

@test "docs: manual pages are clean mdoc" {
	run -0 mandoc -T lint -W warning "$ROOT"/man/*.[0-9]
}

@test "docs: completions are what the tables say" {
	mkdir made
	"$ROOT/completions/generate" made <tables
	for file in poplar.bash _poplar poplar.fish; do
		run -0 diff "$ROOT/completions/$file" "made/$file"
	done
}

# too_wide PAGE: what a formatter complains of at 80 columns, and each wider line.
too_wide() {
	{
		LC_ALL=C MANWIDTH=80 man -l "$1" | col -b
		mandoc -T ascii -O width=78 "$1" | col -b
	} 2>wide | awk 'length($0) > 80'
	cat wide
}

@test "docs: every page fits into 80 columns, in man-db and in mandoc" {
	command -v man >/dev/null && man -V 2>/dev/null | grep -q '^man 2' ||
		skip 'man-db is not installed'
	for page in "$ROOT"/man/*.[0-9]; do
		run -0 too_wide "$page"
		assert_output ''
	done
	# The test sees what would be too wide.
	printf '%s\n' '.Dd 1 November 2026' '.Dt X 1' '.Os' '.Sh NAME' '.Nm x' \
		'.Nd y' '.Sh SYNOPSIS' '.Nm' ".Op Fl $(printf 'a%.0s' {1..80})" >x.1
	run -0 too_wide x.1
	assert_output --partial "can't break line"
	assert_output --partial aaaaaaaa
}

@test "docs: what poplar(1) and poplar.conf(5) say of filter agrees" {
	# header, not message; and a status other than 0 and 1
	for page in poplar.1 poplar.conf.5; do
		run -0 sed -n '/^\.It.* -*filter /,/^\.It Fl -repeat\|^\.It Ic repeat/p' \
			"$ROOT/man/$page"
		assert_output --partial header
		assert_output --partial 'before'
		assert_output --partial 'with 1 it is'
		refute_output --partial 'Deliver only'
	done
}
