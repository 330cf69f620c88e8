#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Memory: a large body takes no more of it than a small one, many messages little
# more than few, and nothing leaks.

load lib/common

setup_file() {
	make_tls
	cd "$BATS_FILE_TMPDIR" || return
	mkdir large small
	printf 'Subject: small\n\nx\n' >small/1
	{
		printf 'Subject: large\n\n'
		# a line of 16 MiB, then many of 60 octets
		head -c 16777216 /dev/zero | tr '\0' x
		echo
		head -c 51000000 /dev/zero | tr '\0' y | fold -w 60
		echo
	} >large/1
	sha256sum <large/1 | cut -c1-64 >digest
}

setup() {
	common_setup
	# The address sanitizer keeps what was freed, 256 MiB of it.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
}

serve() {
	[[ -z ${SERVER_PID:-} ]] || stop_server
	start_server --mailbox "$BATS_FILE_TMPDIR/$1" --cert "$CERT" --key "$KEY"
}

# The greatest resident size, in KiB, of the program run so; its output goes to the
# file out.
size_of() {
	python3 - "$POPLAR" "$@" <<-'EOT'
	import resource, subprocess, sys
	with open("out", "wb") as out:
	    status = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=out)
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	sys.exit(status)
	EOT
}

# flat OPTION...: fetch so takes as much memory for 64 MiB as for one line.
flat() {
	serve small
	small=$(size_of fetch 1 "$@" "${TLS[@]}")
	serve large
	large=$(size_of fetch 1 "$@" "${TLS[@]}")
	echo "$*: $small KiB for a small message, $large KiB for a large one"
	((large < small + 4096))
}

@test "memory: 64 MiB into a maildir" {
	flat --maildir Mail
	find Mail/new -type f -size +1M -exec sha256sum {} + | cut -c1-64 >got
	run -0 diff "$BATS_FILE_TMPDIR/digest" got
}

@test "memory: 64 MiB into an mbox" {
	flat --mbox inbox
	python3 "$TESTS_DIR/lib/mbox_digests.py" inbox | tail -n 1 >got
	run -0 diff "$BATS_FILE_TMPDIR/digest" got
}

@test "memory: 64 MiB into a pipe" {
	flat --pipe 'sha256sum >digest'
	run -0 diff "$BATS_FILE_TMPDIR/digest" <(cut -c1-64 digest)
}

@test "memory: 64 MiB to standard output" {
	flat --stdout
	run -0 diff "$BATS_FILE_TMPDIR/digest" <(sha256sum <out | cut -c1-64)
}

@test "memory: a line of 16 MiB through top" {
	serve small
	small=$(size_of top -n 1 1 "${TLS[@]}")
	serve large
	large=$(size_of top -n 1 1 "${TLS[@]}")
	((large < small + 4096))
	run -0 cmp out <(head -n 3 "$BATS_FILE_TMPDIR/large/1")
}

@test "memory: 3000 messages take little more than one" {
	mkdir "$BATS_FILE_TMPDIR/many"
	(cd "$BATS_FILE_TMPDIR/many" && make_mailbox . 3000)
	serve small
	one=$(size_of fetch --maildir One "${TLS[@]}")
	serve many
	many=$(size_of fetch --maildir Mail "${TLS[@]}")
	assert_equal "$(find Mail/new -type f | wc -l)" 3000
	echo "$one KiB for one message, $many KiB for 3000"
	((many < one + 8192))
}

@test "memory: nothing leaks" {
	make_mailbox mail 5
	start_server --mailbox mail --cert "$CERT" --key "$KEY" --err-at RETR:3
	# What the C library keeps of a search for another locale is its own.
	unset LOCPATH
	export LC_ALL=C
	# The sanitizers look for leaks themselves, and valgrind cannot run them.
	kinds=definite,indirect,possible
	checked=(valgrind -q --leak-check=full --error-exitcode=99
		"--show-leak-kinds=$kinds" "--errors-for-leak-kinds=$kinds")
	[[ ${POPLAR_SANITIZED:-} != 1 ]] || checked=()
	for where in '--maildir Mail' '--mbox inbox' '--pipe true' '--mbox -'; do
		# shellcheck disable=SC2086
		run --separate-stderr -69 "${checked[@]}" "$POPLAR" fetch $where \
			--delete --state state "${TLS[@]}"
		assert_regex "$stderr" '^poplar: tester@localhost: message [0-9]: localhost refused RETR [0-9]: refused by the test$'
		make_mailbox mail 5
		rm state
	done
	for command in stat 'list --long' 'uidl --json' 'top 1-2' 'capa -v' \
		'delete 1' 'list uid:x new' 'frob' 'stat --tls-ca-file none'; do
		# shellcheck disable=SC2086
		run --separate-stderr "${checked[@]}" "$POPLAR" $command "${TLS[@]}"
		((status < 99))
		refute_regex "$stderr" '=='
	done
}
