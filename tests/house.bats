#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The house: its rooms, who may look into which, and the documents that say so.
# shellcheck disable=SC2016 # backquotes in sed and grep are text

load lib/common

setup() {
	common_setup
	SRC=${POPLAR_SRC:-$TESTS_DIR/..}
	DOCUMENTS=("$SRC/README.md" "$SRC/HACKING.md" "$SRC/SECURITY.md" "$SRC/NEWS.md")
}

# rooms: "ROOM MAY-INCLUDE..." a line, from the table in HACKING.md.
rooms() {
	sed -n 's/^| `src\/\([a-z0-9]*\)` |[^|]*| \(.*\) |$/\1 \2/p' "$SRC/HACKING.md" |
		tr -d ','
}

# uses DIR: "ROOM USED" for each room that a room's files include.
uses() {
	(cd "$1/src" && grep -oE '^#include "[a-z0-9]+/' -- */*.[ch]) |
		sed 's,^\([a-z0-9]*\)/[^"]*"\([a-z0-9]*\)/$,\1 \2,' | sort -u
}

# misplaced DIR: includes that the table does not allow.
misplaced() {
	local room may used
	while read -r room used; do
		may=$(rooms | sed -n "s/^$room //p")
		case $may in
		'everything below') [[ $used != cli ]] || [[ $room == cli ]] || echo "$room $used" ;;
		*) [[ $used == "$room" || " $may " == *" $used "* ]] || echo "$room $used" ;;
		esac
	done < <(uses "$1")
}

@test "house: every room is in HACKING.md, and none that there is not" {
	rooms | cut -d ' ' -f 1 | sort >named
	(cd "$SRC/src" && for dir in */; do
		[[ $dir == systemd/ ]] || echo "${dir%/}"
	done) | sort >there
	run -0 diff named there
	(($(wc -l <there) > 8))
}

@test "house: includes point down" {
	run misplaced "$SRC"
	assert_output ''
	# and one that points up would be seen
	mkdir copy
	cp -R "$SRC/src" copy/src
	echo '#include "cli/cli.h"' >>copy/src/state/file.c
	echo '#include "pop3/pop3.h"' >>copy/src/deliver/pipe.c
	run misplaced copy
	assert_output $'deliver pop3\nstate cli'
}

@test "house: private headers stay in their room" {
	local header count=0
	for header in state/record.h state/index.h \
		$(cd "$SRC/src" && echo */*_priv.h); do
		count=$((count + 1))
		[[ -e $SRC/src/$header ]] || fail "there is no $header"
		run -1 grep -rlF "#include \"$header\"" "$SRC/src" --include='*.[ch]' \
			--exclude-dir="${header%/*}"
	done
	((count >= 8))
}

# What stands in backquotes and looks like a file of ours.
files_named() {
	grep -hoE '`[A-Za-z0-9_./-]+`' "$@" | tr -d '`' |
		grep -E '^(src|tests|man|completions|packaging|\.ci)/|^[A-Z]+\.md$' | sort -u
}

@test "house: every file that the documents name is there" {
	local name count=0
	while read -r name; do
		[[ $name == tests/NAME.bats ]] && continue
		[[ -e $SRC/$name ]] || fail "there is no $name"
		count=$((count + 1))
	done < <(files_named "${DOCUMENTS[@]}")
	((count > 20))
	for name in HACKING.md SECURITY.md NEWS.md LICENSE; do
		[[ -e $SRC/$name ]] || fail "there is no $name"
	done
}

@test "house: goals of make that the documents name exist" {
	local goal
	while read -r goal; do
		grep -qE "^($goal|[a-z -]* $goal)( [a-z -]*)?:|foreach t,[a-z ]*\b$goal\b" \
			"$SRC/Makefile" || fail "make $goal: no such goal"
	done < <(grep -hoE '(`|^    )make [a-z-]+' "${DOCUMENTS[@]}" |
		sed 's/.* //' | sort -u)
}

@test "house: no comment cites a document that is not in the tree" {
	local name
	while read -r name; do
		[[ -e $SRC/$name ]] || fail "$name is cited, and not there"
	done < <(grep -rhoE '\b[A-Z]{3,}\.md\b' "$SRC/src" "$SRC/tests" "$SRC/man" \
		"$SRC/.ci" "$SRC/Makefile" --include='*' --exclude=house.bats | sort -u)
	# pages of the manual are ours, or the system's
	while read -r name; do
		[[ -e $SRC/man/${name%(*}.${name: -2:1} ]] || fail "$name is cited, and not there"
	done < <(grep -rhoE '\bpoplar(-[a-z]+|\.conf)?\([0-9]\)' "$SRC/src" "$SRC/tests" | sort -u)
}
