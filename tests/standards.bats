#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# poplar-standards(7): each row names tests, and those exist. What it says and
# nothing else shows is tested here.

load lib/common

setup() {
	common_setup
	PAGE=$TESTS_DIR/../man/poplar-standards.7
}

# without_test PAGE: the rows that name no test.
without_test() {
	awk '/^\.It / || /^\.El/ {
		if (row != "" && !named) print row
		row = $0; named = 0
		if (/^\.El/) row = ""
	}
	/^\[[a-z_]+\.(bats|c): / { named = 1 }' "$1"
}

# missing_tests PAGE: the tests it names that there are not.
missing_tests() {
	local file name line
	while IFS= read -r line; do
		line=${line#\[}
		line=${line%\]}
		file=${line%%: *} name=${line#*: }
		case $file in
		*.bats) grep -qsxF "@test \"$name\" {" "$TESTS_DIR/$file" ;;
		*) grep -qsF "TEST($name);" "$TESTS_DIR/unit/$file" ;;
		esac || echo "$line"
	done < <(grep -E '^\[[a-z_]+\.(bats|c): ' "$1")
}

@test "standards: each row names a test, and each test exists" {
	for rfc in 1939 2384 2449 2595 3206 5034 6856 7817 8314; do
		grep -q "^\.Sh RFC $rfc: " "$PAGE"
	done
	(($(grep -c '^\.It ' "$PAGE") > 100))
	run without_test "$PAGE"
	assert_output ''
	run missing_tests "$PAGE"
	assert_output ''
}

@test "standards: a row without a test, or with one that is not there, is noticed" {
	sed 's/^\[reply_test.c: bodies\]$/[reply_test.c: bodie]/
		s/^\[top.bats: top: cut here .*/[top.bats: top: uncut]/
		s/^\[url_test.c:/[no_test.c:/' "$PAGE" >changed
	run missing_tests changed
	assert_line 'reply_test.c: bodie'
	assert_line 'top.bats: top: uncut'
	assert_line 'no_test.c: good_urls_are_taken'
	sed '/^\[capa.bats: capa: each capability once\]$/d' "$PAGE" >changed
	run without_test changed
	assert_output '.It 6.9 MAY'
}

@test "login: PASS carries what is longer or not ASCII" {
	for secret in "$(printf '%0300d' 7)" 'schlüssel' $'schl\xfcssel'; do
		# shellcheck disable=SC2034
		SECRETS=("$secret")
		(umask 077 && printf '%s\n' "$secret" >secret)
		start_script <<-EOF2
		S: +OK
		C: CAPA
		S: -ERR
		C: USER jürgen
		S: +OK
		C: PASS $secret
		S: +OK
		C: STAT
		S: +OK 0 0
		C: QUIT
		S: +OK
		EOF2
		run --separate-stderr -0 poplar stat "${PLAIN[@]}" \
			--user jürgen --password-file secret
		assert_output '0 0'
		finish_script
	done
}

@test "greeting: CAPA does not wait for it behind TLS, and does in the clear" {
	make_tls
	rest="S: -ERR
C: USER $TEST_USER
S: +OK
C: PASS $TEST_PASSWORD
S: +OK
C: STAT
S: +OK 0 0
C: QUIT
S: +OK"
	start_script --cert "$CERT" --key "$KEY" \
		<<<$'TLS\nC: CAPA\nS: +OK\n'"$rest"
	run --separate-stderr -0 poplar stat "${TLS[@]}"
	finish_script
	# a server that waits for CAPA hears nothing
	start_script <<<$'C: CAPA\nS: +OK\n'"$rest"
	run --separate-stderr -75 poplar stat --timeout 1 "${PLAIN[@]}"
	[[ $stderr == *'did not answer the connection within 1 second'* ]]
}

@test "certificate: a URI is no name of a server" {
	make_tls
	make_certificate uri 'cn = "x"' 'uri = "pop3s://localhost"' \
		'dns_name = "pop.example.org"' tls_www_server \
		'expiration_days = 20'
	make_mailbox mail 1
	tls=$BATS_FILE_TMPDIR/tls
	start_server --mailbox mail --cert "$tls/uri.pem" --key "$tls/uri.key"
	run --separate-stderr -69 poplar stat "${TLS[@]}"
	[[ $stderr == *'the certificate of localhost is for '*', not for localhost'* ]]
	run ! grep -qE 'C: (USER|PASS|AUTH)' "$SERVER_LOG"
}

@test "check: TLS that is there and not used is worth a word" {
	make_mailbox mail 1
	start_server --mailbox mail
	# not one of the loopback addresses, but it leads to them
	run --separate-stderr poplar check "${PLAIN[@]}" --host 0.0.0.0
	assert_line 'note   everything goes over the net readable by others'
	assert_line '       Set tls = implicit, or tls = starttls.'
}

@test "clear: who has switched TLS off is told what that means, once" {
	make_mailbox mail 2
	start_server --mailbox mail
	said='poplar: tester@0.0.0.0: without TLS others can read the mail on its way, and the password, too'
	run --separate-stderr -0 poplar fetch --maildir box --repeat -v \
		"${PLAIN[@]}" --host 0.0.0.0
	assert_equal "$(grep -cF "$said" <<<"$stderr")" 1
	# not to cron, and not where the way is within this machine
	run --separate-stderr -0 poplar stat "${PLAIN[@]}" --host 0.0.0.0
	said ''
	run --separate-stderr -0 poplar stat "${PLAIN[@]}" -v
	said ''
}
