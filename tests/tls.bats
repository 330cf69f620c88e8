#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# TLS end to end: what is believed of a certificate, what is said of one that is
# not, and what happens where TLS is on the wrong port or ends too soon.

load lib/common

setup_file() {
	make_tls
	local www=(tls_www_server 'expiration_days = 20')
	make_certificate other 'cn = "other"' 'dns_name = "pop.example.org"' \
		'dns_name = "mail.example.org"' "${www[@]}"
	make_certificate cn 'cn = "localhost"' "${www[@]}"
	make_certificate expired 'cn = "localhost"' 'dns_name = "localhost"' \
		tls_www_server 'activation_date = "2020-01-01 00:00:00"' \
		'expiration_date = "2020-02-03 00:00:00"'
	make_certificate early 'cn = "localhost"' 'dns_name = "localhost"' \
		tls_www_server 'activation_date = "2099-01-02 00:00:00"' \
		'expiration_date = "2099-02-01 00:00:00"'
	make_certificate staple 'cn = "localhost"' 'dns_name = "localhost"' \
		'tls_feature = 5' "${www[@]}"
	make_certificate client 'cn = "localhost"' 'dns_name = "localhost"' \
		tls_www_client 'expiration_days = 20'
	make_certificate wild 'cn = "x"' 'dns_name = "*"' "${www[@]}"
	make_certificate ann 'cn = "ann"' tls_www_client 'expiration_days = 20'
	make_certificate escape "cn = \"$(printf 'a\033[31mb')\"" "${www[@]}"
	cd "$BATS_FILE_TMPDIR/tls" || return
	printf '%s\n' 'cn = "localhost"' 'dns_name = "localhost"' "${www[@]}" \
		>self.template
	make_key self.key
	certtool --generate-self-signed --load-privkey self.key \
		--template self.template --outfile self.pem 2>/dev/null
	make_key otherca.key
	sed 's/Test CA/Another CA/' ca.template >otherca.template
	certtool --generate-self-signed --load-privkey otherca.key \
		--template otherca.template --outfile otherca.pem 2>/dev/null
	make_key unknown.key
	certtool --generate-certificate --load-privkey unknown.key \
		--load-ca-certificate otherca.pem --load-ca-privkey otherca.key \
		--template localhost.template --outfile unknown.pem 2>/dev/null
	printf '%s\n' 'crl_next_update = 30' 'crl_number = 1' >crl.template
	certtool --generate-crl --load-ca-privkey ca.key \
		--load-ca-certificate ca.pem --load-certificate localhost.pem \
		--template crl.template --outfile crl.pem 2>/dev/null
	make_mailbox "$BATS_FILE_TMPDIR/mail" 1
}

setup() {
	common_setup
	make_tls
	tls=$BATS_FILE_TMPDIR/tls
	mail=$BATS_FILE_TMPDIR/mail
}

# serve NAME OPTION...: a server with this certificate.
serve() {
	start_server --mailbox "$mail" --cert "$tls/$1.pem" --key "$tls/$1.key" \
		"${@:2}"
	# with the system's authorities, of which none knows ours
	NO_CA=(--host localhost --port "$TLSPORT" --user "$TEST_USER"
		--password-file "$PASSWORD_FILE")
}

key_pin() {
	certtool -i --infile "$tls/$1.pem" --outder |
		openssl x509 -inform DER -pubkey -noout 2>/dev/null |
		openssl pkey -pubin -outform DER | sha256sum | cut -c1-64
}

certificate_pin() {
	openssl x509 -in "$tls/$1.pem" -outform DER | sha256sum | cut -c1-64
}

# The certificate NAME is not believed: 69, this sentence, and no login.
assert_refused() {
	rm -f "$BATS_TEST_TMPDIR/server.log"
	serve "$1"
	for options in TLS STARTTLS; do
		declare -n line=$options
		run --separate-stderr -69 poplar stat "${line[@]}" "${@:3}"
		assert_output ''
		assert_equal "$stderr" "poplar: tester@localhost: the certificate of \
localhost $2 (its key: --tls-pin=sha256:$(key_pin "$1"))"
	done
	stop_server
	run ! grep -qE 'C: (USER|PASS|AUTH)' "$SERVER_LOG"
}

@test "certificate: the right one, and nothing is said" {
	serve localhost
	for options in TLS STARTTLS; do
		declare -n line=$options
		run --separate-stderr -0 poplar stat "${line[@]}"
		assert_output '1 138'
		assert_equal "$stderr" ''
	done
}

@test "certificate: for another name" {
	assert_refused other 'is for pop.example.org, mail.example.org, not for localhost'
	assert_refused wild 'is for *, not for localhost'
}

@test "certificate: the name only as CN" {
	assert_refused cn 'names localhost only as its common name (CN), not as a subjectAltName'
	assert_refused escape 'is for a\^[[31mb, not for localhost'
}

@test "certificate: expired, or not valid yet" {
	assert_refused expired 'expired on 2020-02-03'
	assert_refused early 'is not valid until 2099-01-02'
}

@test "certificate: self-signed, or of an unknown authority" {
	assert_refused self 'is self-signed'
	assert_refused unknown 'was issued by an unknown authority (CN=Another CA)'
}

@test "certificate: not for a server" {
	assert_refused client 'is not for a server'
}

@test "certificate: revoked" {
	assert_refused localhost 'was revoked' --tls-crl-file "$tls/crl.pem"
	serve staple
	run --separate-stderr -78 poplar stat "${TLS[@]}" \
		--tls-crl-file "$PASSWORD_FILE"
}

@test "certificate: must be stapled and is not" {
	assert_refused staple 'must come with a status (OCSP must-staple) and did not'
}

# start_openssl NAME SAYS OPTION...: OpenSSL's server, which says SAYS.
start_openssl() {
	local fd in line=
	rm -f in
	mkfifo in
	exec {in}<>in
	echo "$2" >&"$in"
	exec {fd}< <(exec openssl s_server -accept 127.0.0.1:0 \
		-key "$tls/$1.key" -cert "$tls/$1.pem" "${@:3}" <&"$in" 2>&1 3>&-)
	SERVER_PID=$!
	STARTED+=("$SERVER_PID")
	until [[ $line == ACCEPT* ]]; do
		read -r -t 60 -u "$fd" line || return
	done
	PORT=${line##*:}
	exec {in}>&-
}

@test "handshake: a certificate in many records, from OpenSSL" {
	mapfile -t names < <(printf 'dns_name = "%0250d.example.org"\n' {1..120})
	make_certificate large 'cn = "localhost"' 'dns_name = "localhost"' \
		"${names[@]}" tls_www_server 'expiration_days = 20'
	for name in localhost large; do
		for version in -tls1_2 -tls1_3; do
			for size in 512 700 16384; do
				start_openssl "$name" '-ERR [SYS/TEMP] well shaken' \
					"$version" -max_send_frag "$size"
				run --separate-stderr -75 poplar stat --host localhost \
					--port "$PORT" --user tester --timeout 9 -4 \
					--tls-ca-file "$CA" --password-file "$PASSWORD_FILE"
				[[ $stderr == *'well shaken'* ]]
				stop_server || true
			done
		done
	done
}

# A bundle of other authorities, ours in the middle, and text between them.
make_bundle() {
	local i
	for i in 1 2; do
		printf '\n# Issuer: CN=Another CA\n# Serial: %d\n' "$i"
		cat "$tls/otherca.pem"
		[[ $i == 2 ]] || { echo "Our own" && cat "$CA"; }
	done >bundle.pem
}

@test "authorities: ours among others, with text between them" {
	make_bundle
	sed 's/$/\r/' bundle.pem >crlf.pem
	serve localhost
	for options in TLS STARTTLS; do
		declare -n line=$options
		for file in bundle.pem crlf.pem; do
			run --separate-stderr -0 poplar stat "${line[@]}" \
				--tls-ca-file "$file"
			assert_output '1 138'
			said ''
		done
	done
	stop_server
	assert_refused unknown 'was issued by an unknown authority (CN=Another CA)'
	assert_refused self 'is self-signed' --tls-ca-file bundle.pem
	assert_refused expired 'expired on 2020-02-03' --tls-ca-file crlf.pem
	assert_refused localhost 'was revoked' --tls-ca-file bundle.pem \
		--tls-crl-file "$tls/crl.pem"
}

@test "authorities: all are loaded for a chain that some do not settle" {
	make_bundle
	serve localhost
	run --separate-stderr -0 store /ca bundle.pem poplar stat "${TLS[@]}" --tls-ca-file /ca
	assert_output '1 138'
	assert_equal "$(<opened)" open
	stop_server
	serve self
	run --separate-stderr -69 store /ca bundle.pem poplar stat "${TLS[@]}" --tls-ca-file /ca
	[[ $stderr == *'is self-signed'* ]]
	assert_equal "$(<opened)" $'open\nfopen'
}

@test "authorities: the system's" {
	file=$(sed -n 's/.*POPLAR_CA_FILE=\\"\([^\\]*\).*/\1/p' "$POPLAR_BUILD/flags")
	[[ -n $file ]] || skip "GnuTLS takes the system's authorities from no file"
	make_bundle
	serve localhost
	run --separate-stderr -0 store "$file" bundle.pem poplar stat "${NO_CA[@]}"
	assert_output '1 138'
	assert_equal "$(<opened)" open
	# it is the file that GnuTLS reads
	printf '%s\n' '-----BEGIN CERTIFICATE' >>bundle.pem
	run --separate-stderr -78 store "$file" bundle.pem poplar stat "${NO_CA[@]}"
	assert_equal "$(<opened)" $'open\nfopen'
	said "poplar: tester@localhost: this system has no trusted certificates \
(install ca-certificates, or name a file with tls-ca-file)"
}

@test "authorities: from a FIFO, not from a directory" {
	serve localhost
	run --separate-stderr -0 poplar stat "${TLS[@]}" --tls-ca-file <(cat "$CA")
	assert_output '1 138'
	run --separate-stderr -78 poplar stat "${TLS[@]}" --tls-ca-file "$tls"
	[[ $stderr == "poplar: tester@localhost: $tls: no certificates to trust: "* ]]
}

@test "authorities: from p11-kit" {
	local file=/etc/ssl/certs/ca-certificates.crt
	grep -qsF "$file" /usr/lib*/pkcs11/p11-kit-trust.so \
		/usr/lib*/*/pkcs11/p11-kit-trust.so ||
		skip "p11-kit's trust module is not installed, or has other files"
	make_bundle
	serve localhost
	run --separate-stderr -0 store "$file" bundle.pem poplar stat "${TLS[@]}" \
		--tls-ca-file pkcs11:
	assert_output '1 138'
	stop_server
	serve self
	run --separate-stderr -69 store "$file" bundle.pem poplar stat "${TLS[@]}" \
		--tls-ca-file pkcs11:
	[[ $stderr == *'is self-signed'* ]]
}

@test "pin: the one that is printed can be pasted" {
	serve self
	run --separate-stderr -69 poplar stat "${TLS[@]}"
	pin=$(grep -o -- '--tls-pin=[a-z0-9:]*' <<<"$stderr")
	run --separate-stderr -0 poplar stat "${NO_CA[@]}" "$pin" --tls-pin-only
	assert_output '1 138'
	# with the CAs, both must be content
	run --separate-stderr -69 poplar stat "${TLS[@]}" "$pin"
	[[ $stderr == *'is self-signed (its key: '* ]]
}

@test "pin: of key or certificate, several, with or instead of the CAs" {
	serve localhost
	zero=$(printf '%064d' 0)
	for pin in "$(key_pin localhost)" "sha256:$(certificate_pin localhost)" \
		"$(certificate_pin localhost | tr a-f A-F | sed 's/../&:/g; s/:$//')"; do
		run --separate-stderr -0 poplar stat "${TLS[@]}" \
			--tls-pin "$zero" --tls-pin "$pin"
		run --separate-stderr -0 poplar stat "${NO_CA[@]}" \
			--tls-pin "$pin" --tls-pin-only
	done
	run --separate-stderr -69 poplar stat "${NO_CA[@]}" --tls-pin "$zero" \
		--tls-pin-only
	[[ $stderr == *'is not the one that is pinned (its key: '* ]]
	stop_server
	assert_refused localhost 'is not the one that is pinned' --tls-pin "$zero"
}

@test "pin: a file of authorities or of revocations that would not be read is refused" {
	serve localhost
	pin=$(key_pin localhost)
	for file in tls-ca-file tls-crl-file; do
		run --separate-stderr -64 poplar stat "${NO_CA[@]}" \
			"--$file" /nonexistent --tls-pin "$pin" --tls-pin-only
		said "poplar: $file has no effect with tls-pin-only, which asks no authority"
		run --separate-stderr -64 poplar stat "${PLAIN[@]}" "--$file" "$CA"
		said "poplar: $file says whom to trust, but tls is none"
		printf '%s\n' '[account a]' 'host = localhost' 'user = ann' \
			"$file = $CA" >conf
		for how in $'tls = none\n' "tls-pin = $pin"$'\ntls-pin-only\n'; do
			{ cat conf; printf '%s' "$how"; } >conf2
			run --separate-stderr -78 poplar stat --config conf2
			assert_output ''
			[[ $stderr == "poplar: "*"$file "* ]]
			run -78 poplar check --config-only --config conf2
			assert_output --partial "$file "
		done
	done
	run ! grep -q 'OPEN' "$SERVER_LOG"
}

@test "pin: several faults are told together" {
	zero=$(printf '%064d' 0)
	assert_refused unknown "is not the one that is pinned, and was issued by \
an unknown authority (CN=Another CA)" --tls-pin "$zero"
}

@test "tls-host: the certificate's name, where the host is another" {
	serve localhost
	run --separate-stderr -0 poplar stat "${TLS[@]}" --tunnel \
		"python3 '$TESTS_DIR/lib/tunnel.py' ${TLS[3]}" \
		--host elsewhere.example.org --tls-host localhost
	assert_output '1 138'
	run --separate-stderr -69 poplar stat "${TLS[@]}" --tls-host elsewhere.example.org
	[[ $stderr == *elsewhere.example.org* ]]
	run --separate-stderr -64 poplar stat "${TLS[@]}" --tls-host /socket
	assert_equal "$stderr" 'poplar: --tls-host: "/socket" is not a name in certificates'
}

@test "client certificate: wanted, missing, given" {
	for version in 1.3 1.2; do
		serve localhost --client-ca "$CA" \
			--priority "NORMAL:-VERS-ALL:+VERS-TLS$version"
		run --separate-stderr -69 poplar stat "${TLS[@]}"
		assert_equal "$stderr" "poplar: tester@localhost: localhost wants a \
client certificate (--tls-cert, --tls-key)"
		run --separate-stderr -0 poplar stat "${TLS[@]}" \
			--tls-cert "$tls/ann.pem" --tls-key "$tls/ann.key"
		cat "$tls/ann.pem" "$tls/ann.key" >both.pem
		chmod 600 both.pem
		run --separate-stderr -0 poplar stat "${STARTTLS[@]}" \
			--tls-cert both.pem
		stop_server
	done
}

@test "client certificate: a key that others may read is refused" {
	serve localhost --client-ca "$CA"
	install -m 644 "$tls/ann.key" open.key
	run --separate-stderr -78 poplar stat "${TLS[@]}" \
		--tls-cert "$tls/ann.pem" --tls-key open.key
	[[ $stderr == *"open.key"*"open to others"* ]]
}

@test "client certificate: a key with a password, PKCS #8 and traditional" {
	serve localhost --client-ca "$CA"
	run -0 openssl pkcs8 -topk8 -in "$tls/ann.key" -out pkcs8.key \
		-passout pass:key-sesame-3
	run -0 openssl ec -aes128 -in "$tls/ann.key" -out pem.key \
		-passout pass:key-sesame-3
	grep -q 'Proc-Type: 4,ENCRYPTED' pem.key
	cat "$tls/ann.pem" pkcs8.key >both.pem
	chmod 600 ./*.key both.pem
	# shellcheck disable=SC2034  # has_secret
	SECRETS=(key-sesame-3)
	for key in pkcs8.key pem.key both.pem; do
		cert=$tls/ann.pem
		[[ $key != both.pem ]] || cert=both.pem
		with=(--tls-cert "$cert" --tls-key "$key")
		for options in TLS STARTTLS; do
			declare -n line=$options
			run --separate-stderr -0 poplar stat "${line[@]}" "${with[@]}" \
				--tls-key-password-command 'echo key-sesame-3'
			assert_output '1 138'
			said ''
		done
		run --separate-stderr -78 poplar stat "${TLS[@]}" "${with[@]}" \
			--tls-key-password-command 'echo wrong'
		said "poplar: tester@localhost: $key: the password of the key is wrong"
		run --separate-stderr -78 poplar stat "${TLS[@]}" "${with[@]}" \
			--tls-key-password-command 'exit 3'
		said "poplar: tester@localhost: tls-key-password-command: the command failed with status 3"
		run --separate-stderr -78 setsid -w "$POPLAR" stat "${TLS[@]}" "${with[@]}"
		said "poplar: tester@localhost: the key $key needs a password, and \
there is no terminal to ask at: give --tls-key-password-command"
		# at a terminal
		run -0 python3 "$TESTS_DIR/lib/type_password.py" key-sesame-3 \
			"$POPLAR" stat "${TLS[@]}" "${with[@]}"
		assert_output --partial "Password for the key $key: "
		assert_output --partial '1 138'
		refute_output --partial key-sesame-3
	done
	run --separate-stderr -64 poplar stat "${TLS[@]}" \
		--tls-key-password-command 'echo key-sesame-3'
	said 'poplar: tls-key-password-command without a tls-cert'
	# one that is not needed is not minded
	run --separate-stderr -0 poplar stat "${TLS[@]}" --tls-cert "$tls/ann.pem" \
		--tls-key "$tls/ann.key" --tls-key-password-command 'echo key-sesame-3'
}

@test "version: TLS 1.1 only is refused" {
	serve localhost --priority 'NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT'
	run --separate-stderr -69 poplar stat "${TLS[@]}"
	assert_equal "$stderr" "poplar: tester@localhost: localhost does not \
offer TLS 1.2 or newer"
	run --separate-stderr -78 poplar stat "${TLS[@]}" \
		--tls-priority 'NORMAL:-VERS-ALL:+VERS-TLS1.1'
	[[ $stderr == *'TLS 1.2 is the least'* ]]
}

@test "port: TLS spoken to one without" {
	make_mailbox box 1
	start_server --mailbox box
	run --separate-stderr -69 poplar stat "${TLS[@]}"
	assert_equal "$stderr" "poplar: tester@localhost: localhost does not \
speak TLS there; try --tls=starttls or port 995"
}

@test "port: clear text spoken to TLS" {
	serve localhost
	for tls in none starttls; do
		run --separate-stderr -75 poplar stat "${NO_CA[@]}" --tls "$tls" \
			--insecure-auth --timeout 1
		assert_equal "$stderr" "poplar: tester@localhost: localhost did \
not answer the connection within 1 second; if it speaks TLS there, try \
--tls=implicit"
	done
	stop_server
	# some servers answer in TLS: an alert
	start_script <<<'S-raw: \x15\x03\x01\x00\x02\x02\x28'
	run --separate-stderr -69 poplar stat "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 speaks TLS \
there; use --tls=implicit"
	finish_script
}

@test "host: a trailing dot, and literals" {
	serve localhost
	for host in localhost. LOCALHOST 127.0.0.1; do
		run --separate-stderr -0 poplar stat "${TLS[@]}" --host "$host"
		assert_output '1 138'
	done
	run --separate-stderr -69 poplar stat "${TLS[@]}" --host 127.0.0.2 \
		--tunnel "exec python3 -c '
import os, socket, sys, threading
s = socket.create_connection((\"127.0.0.1\", $TLSPORT))
def up():
    while d := os.read(0, 65536): s.sendall(d)
threading.Thread(target=up, daemon=True).start()
while d := s.recv(65536): os.write(1, d)'"
	[[ $stderr == *'is for localhost, 127.0.0.1, ::1, not for 127.0.0.2 (its key: '* ]]
	stop_server
	serve localhost --address ::1
	for host in ::1 '[::1]'; do
		run --separate-stderr -0 poplar stat "${TLS[@]}" --host "$host"
		assert_output '1 138'
	done
}

@test "capa: --verbose shows what TLS has agreed on" {
	serve localhost
	run --separate-stderr -0 poplar capa --verbose "${TLS[@]}"
	assert_line --index 0 --partial 'greeting: '
	assert_line --partial 'tls: TLS1.3 (TLS1.3)-'
	assert_line 'tls: certificate CN=localhost'
	assert_line 'tls: issuer CN=Test CA'
	assert_line --regexp '^tls: valid 20..-..-.. to 20..-..-..$'
	assert_line "tls: certificate pin sha256:$(certificate_pin localhost)"
	assert_line "tls: key pin sha256:$(key_pin localhost)"
	assert_line 'tls: names localhost, 127.0.0.1, ::1'
	run --separate-stderr -0 poplar capa --verbose "${PLAIN[@]}"
	assert_line 'tls: none'
}

@test "end: a connection closed inside a reply is an error of any kind" {
	for how in close rst; do
		# inside, before the dot, before its CR, before its LF
		for got in 'Subject: a\r\n\r\nb' 'Subject: a\r\n\r\nb\r\n' \
			'Subject: a\r\n\r\nb\r\n.' 'Subject: a\r\n\r\nb\r\n.\r'; do
			serve localhost --replace "RETR:1=+OK\r\n$got" \
				--"$how-at" UIDL:2
			run --separate-stderr -75 poplar fetch "${TLS[@]}" \
				--maildir box --identity here
			assert_equal "$(find box -type f | wc -l)" 0
			stop_server
			rm -rf "$HOME/.local"
		done
		serve localhost
		run --separate-stderr -0 poplar fetch "${TLS[@]}" --maildir box \
			--identity here
		assert_equal "$(maildir_digests box | wc -l)" 1
		stop_server
		rm -r box "$HOME/.local"
	done
}

@test "end: however it ends behind the reply to QUIT is fine" {
	serve localhost
	run --separate-stderr -0 poplar stat "${TLS[@]}"
	stop_server
	all=$(sed -n 's/.*CLOSE sent \([0-9]*\).*/\1/p' "$SERVER_LOG")
	for how in fin rst; do
		serve localhost --cut "$how" --cut-after "$all"
		run --separate-stderr -0 poplar stat "${TLS[@]}"
		assert_equal "$stderr" ''
		stop_server
	done
}
