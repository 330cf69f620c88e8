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
	for rfc in 1928 1929 2033 2047 2231 4155 4422 4616 4648 5246 5322 5802 \
		7628 7677 8446 9266 9525; do
		grep -qE "^\.Sh RFC .*\b$rfc\b" "$PAGE"
	done
	(($(grep -c '^\.It ' "$PAGE") > 150))
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
	sed '/^\[stat.bats: stat: more than 32 bits, words after the numbers\]$/d' \
		"$PAGE" >changed
	run without_test changed
	assert_output '.It 5 SHOULD'
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

@test "login: PLAIN carries what is not UTF-8" {
	secret=$'schl\xfcssel'
	(umask 077 && printf '%s\n' "$secret" >secret)
	start_script <<-EOF2
	S: +OK
	C: CAPA
	S: +OK
	S: SASL PLAIN
	S: .
	C: AUTH PLAIN $(printf '\0%s\0%s' "$TEST_USER" "$secret" | base64)
	S: +OK
	C: STAT
	S: +OK 0 0
	C: QUIT
	S: +OK
	EOF2
	run --separate-stderr -0 poplar stat "${PLAIN[@]}" --password-file secret
	assert_output '0 0'
	finish_script
}

@test "greeting: where it is Gmail's, QUIT waits for the delivery" {
	make_mailbox mail 2
	for ready in Gpop Pop; do
		start_server --mailbox mail --replace "GREETING:1=+OK $ready ready\r\n"
		run --separate-stderr -73 poplar fetch --pipe 'exit 1' "${PLAIN[@]}"
		assert_equal "$(grep -c 'C: RETR' "$SERVER_LOG")" 2
		assert_equal "$ready$(grep -c 'C: QUIT' "$SERVER_LOG")" \
			"$([[ $ready == Gpop ]] && echo Gpop0 || echo Pop1)"
		stop_server
		rm -r "$SERVER_LOG" .local
	done
}

@test "utf8: a header in UTF-8 is delivered as it is, with the mode and without" {
	make_mailbox mail 1
	printf 'Subject: Gr\303\274\303\237e\r\n\r\nx\r\n' >mail/002
	start_server --mailbox mail --raw --utf8
	for mode in on off; do
		rm -rf box .local
		run --separate-stderr -0 poplar fetch --maildir box --utf8 "$mode" \
			"${PLAIN[@]}"
		assert_equal "$(cat box/new/* | grep -c $'^Subject: Gr\303\274\303\237e$')" 1
	done
	assert_equal "$(grep -c 'C: UTF8' "$SERVER_LOG")" 1
}

@test "utf8: a message that needs the mode does not stop the others" {
	make_mailbox mail 3
	start_server --mailbox mail --err-at 'RETR:2=-ERR [UTF8] in UTF8 mode only\r\n'
	run --separate-stderr -69 poplar fetch --maildir box --utf8=off "${PLAIN[@]}"
	[[ $stderr == *'refused RETR 2: [UTF8] in UTF8 mode only' ]]
	assert_equal "$(maildir_digests box | wc -l)" 2
}

# OpenSSL tells a connection that is cut off from one that is closed.
@test "end: TLS is closed, not cut off" {
	make_tls
	cat >server.py <<-'END'
	import socket, ssl, sys
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(sys.argv[1], sys.argv[2])
	server = socket.create_server(("127.0.0.1", 0))
	print(server.getsockname()[1], flush=True)
	line = context.wrap_socket(server.accept()[0], server_side=True,
	    suppress_ragged_eofs=False)
	line.sendall(b"+OK\r\n")
	answers = {b"CAPA": b"-ERR\r\n", b"STAT": b"+OK 0 0\r\n"}
	text = b""
	while True:
	    while b"\n" not in text:
	        some = line.recv(4096)
	        if some == b"":
	            print("closed", flush=True)
	            sys.exit(0)
	        text += some
	    command, text = text.split(b"\n", 1)
	    line.sendall(answers.get(command[:4], b"+OK\r\n"))
	END
	exec {fd}< <(exec timeout 60 python3 server.py "$CERT" "$KEY" 2>&1 3>&-)
	read -r -t 60 -u "$fd" port
	run --separate-stderr -0 poplar stat --host localhost --port "$port" \
		--tls-ca-file "$CA" --user "$TEST_USER" \
		--password-file "$PASSWORD_FILE"
	assert_output '0 0'
	read -r -t 60 -u "$fd" said
	assert_equal "$said" closed
}
