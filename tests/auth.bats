#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Logging in: every mechanism against a real Dovecot and, where that has none,
# against GNU SASL; what is chosen, what is never sent, and what a refusal means.
# shellcheck disable=SC2034  # SECRETS is for common.bash

load lib/common
load lib/dovecot

setup_file() {
	make_tls
	make_certificate ann 'cn = "ann"' tls_www_client 'expiration_days = 20'
	make_certificate eve 'cn = "eve"' tls_www_client 'expiration_days = 20'
	start_dovecot
	make_mailbox "$BATS_FILE_TMPDIR/mail" 2
	dovecot_user ann maildir "$BATS_FILE_TMPDIR/mail"
}

teardown_file() {
	stop_dovecot
}

setup() {
	common_setup
	dovecot_options ann
	make_tls
}

# What Dovecot holds for ann, as stat prints it.
ANN='2 276'

# stat over TLS by one mechanism.
by() {
	poplar stat "${TLS[@]}" --auth "$1" "${@:2}"
}

# The same with the last password in a file of its own.
wrong_password() {
	(umask 077 && echo wrong-13 >"$BATS_TEST_TMPDIR/wrong")
	SECRETS=(wrong-13)
	by "$1" --password-file "$BATS_TEST_TMPDIR/wrong"
}

@test "dovecot: each mechanism of a password lets in" {
	for auth in plain login cram-md5 scram-sha-1 scram-sha-256 apop user auto; do
		run --separate-stderr -0 by "$auth"
		assert_output "$ANN"
		assert_equal "$stderr" ''
	done
}

@test "dovecot: each refuses a wrong password with 77 and its words" {
	for auth in plain login cram-md5 scram-sha-1 scram-sha-256 apop user; do
		run --separate-stderr -77 wrong_password "$auth"
		assert_output ''
		assert_equal "$stderr" \
			"poplar: ann@localhost: localhost refused the login: [AUTH] Authentication failed."
	done
}

@test "dovecot: a proof that is refused is followed by the password, once" {
	(umask 077 && echo wrong-13 >wrong)
	SECRETS=(wrong-13)
	run --separate-stderr -77 poplar stat "${TLS[@]}" --password-file wrong \
		--debug=1
	assert_equal "$(grep -c '> AUTH' <<<"$stderr")" 2
	[[ $stderr == *'> AUTH SCRAM-SHA-256 ****'* ]]
	[[ $stderr == *'> AUTH PLAIN ****'* ]]
	[[ $stderr != *'> USER'* ]]
}

@test "dovecot: EXTERNAL shows a certificate" {
	dir=$BATS_FILE_TMPDIR/tls
	run --separate-stderr -0 by external --tls-cert "$dir/ann.pem" \
		--tls-key "$dir/ann.key"
	assert_output "$ANN"
	# whose name is another's
	run --separate-stderr -77 by external --tls-cert "$dir/eve.pem" \
		--tls-key "$dir/eve.key"
	[[ $stderr == 'poplar: ann@localhost: localhost refused the login: [AUTH]'* ]]
	# without one it is not offered, or refused
	run --separate-stderr -77 by external
	[[ $stderr == 'poplar: ann@localhost: localhost refused the login: '* ]]
}

@test "dovecot: tokens let in, and bad ones are refused with the reason" {
	dovecot_token ann >good
	dovecot_token ann x >bad
	SECRETS=("$(<good)" "$(<bad)")
	for auth in oauthbearer xoauth2 auto; do
		run --separate-stderr -0 by "$auth" --token-command 'cat good'
		assert_output "$ANN"
		assert_equal "$stderr" ''
	done
	said='poplar: ann@localhost: localhost refused the login: [AUTH] Authentication failed.'
	run --separate-stderr -77 by oauthbearer --token-command 'cat bad'
	assert_equal "$stderr" "$said ({\"status\":\"invalid_token\"})"
	run --separate-stderr -77 by xoauth2 --token-command 'cat bad'
	assert_equal "$stderr" \
		"$said ({\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"})"
	run --separate-stderr -78 by xoauth2
	assert_equal "$stderr" \
		"poplar: ann@localhost: --auth xoauth2 needs --token-command"
	run --separate-stderr -78 by oauthbearer --token-command 'printf "a\001b"'
	assert_equal "$stderr" \
		"poplar: ann@localhost: token-command: what it prints is not a token"
}

@test "dovecot: by STLS too" {
	run --separate-stderr -0 poplar stat "${STARTTLS[@]}" --debug=1
	assert_output "$ANN"
	# capabilities are asked for again, and no name is told before
	run grep -oE '> (CAPA|STLS|AUTH|USER)' <<<"$stderr"
	assert_output $'> CAPA\n> STLS\n> CAPA\n> AUTH'
}

@test "sasl: SCRAM with channel binding, on TLS 1.3 and 1.2" {
	make_mailbox mail 2
	for version in 1.3 1.2; do
		for auth in scram-sha-256-plus scram-sha-1-plus auto; do
			start_server --mailbox mail --cert "$CERT" --key "$KEY" \
				--priority "NORMAL:-VERS-ALL:+VERS-TLS$version" \
				--sasl 'SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-256'
			run --separate-stderr -0 by "$auth"
			assert_output "2 276"
			stop_server
			grep -q 'SASL GSASL_OK' "$SERVER_LOG"
		done
	done
	grep -q 'C: AUTH SCRAM-SHA-256-PLUS ' "$SERVER_LOG"
	run ! grep -qE 'C: (USER|AUTH PLAIN)' "$SERVER_LOG"
}

@test "sasl: tls-unique is not used without the extended master secret" {
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY" \
		--priority 'NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH' \
		--sasl 'SCRAM-SHA-256-PLUS SCRAM-SHA-256'
	run --separate-stderr -0 by auto
	grep -q 'C: AUTH SCRAM-SHA-256 ' "$SERVER_LOG"
	run --separate-stderr -78 by scram-sha-256-plus
	assert_equal "$stderr" "poplar: tester@localhost: --auth \
scram-sha-256-plus needs TLS with channel binding, which the connection to \
localhost does not have"
}

@test "sasl: somebody in the middle has another channel" {
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY" --other-binding \
		--sasl SCRAM-SHA-256-PLUS
	run --separate-stderr -77 by scram-sha-256-plus
	assert_output ''
	grep -q 'SASL GSASL_AUTHENTICATION_ERROR' "$SERVER_LOG"
}

@test "sasl: a wrong password is refused, and GNU SASL's proof checked" {
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY" \
		--user tester:another --sasl 'SCRAM-SHA-256-PLUS CRAM-MD5'
	for auth in scram-sha-256-plus cram-md5; do
		run --separate-stderr -77 by "$auth"
	done
	# a server that says yes without its proof is an impostor
	start_script --cert "$CERT" --key "$KEY" <<-'EOF2'
	TLS
	S: +OK
	C: CAPA
	S: +OK
	S: SASL SCRAM-SHA-256 PLAIN
	S: .
	C~ AUTH SCRAM-SHA-256 .*
	S: +OK come in
	EOF2
	run --separate-stderr -76 by auto
	assert_equal "$stderr" "poplar: tester@localhost: localhost ended the \
SCRAM-SHA-256 login before it had proved itself"
	finish_script
}

@test "clear: no password goes out unless it is asked for" {
	make_mailbox mail 1
	start_server --mailbox mail --apop --sasl CRAM-MD5
	clear=(--host 127.0.0.1 --port "$PORT" --tls none --user "$TEST_USER"
		--password-file "$PASSWORD_FILE")
	run --separate-stderr -69 poplar stat "${clear[@]}"
	[[ $stderr == *'offers no login that keeps the password secret'* ]]
	for auth in user plain login; do
		run --separate-stderr -78 poplar stat "${clear[@]}" --auth "$auth"
		[[ $stderr == *"--auth $auth would send the password"* ]]
	done
	run ! grep -qE 'C: (USER|PASS|AUTH|APOP)' "$SERVER_LOG"
	# these keep it to themselves
	run -0 poplar stat "${clear[@]}" --auth apop
	run -0 poplar stat "${clear[@]}" --auth cram-md5
	run ! grep -qE 'C: (USER|PASS)' "$SERVER_LOG"
	run -0 poplar stat "${clear[@]}" --insecure-auth --auth user
	run -0 poplar stat "${clear[@]}" --insecure-auth --auth plain
}

@test "clear: SCRAM is chosen where there is no TLS" {
	make_mailbox mail 1
	start_server --mailbox mail --sasl 'SCRAM-SHA-1 SCRAM-SHA-256'
	run --separate-stderr -0 poplar stat --host 127.0.0.1 --port "$PORT" \
		--tls none --user "$TEST_USER" --password-file "$PASSWORD_FILE"
	grep -q 'C: AUTH SCRAM-SHA-256 ' "$SERVER_LOG"
	run ! grep -qE 'C: (USER|PASS|AUTH PLAIN)' "$SERVER_LOG"
}

@test "clear: a proof that is easy to undo is not sent" {
	# the client's nonce is not known here; that of another is noticed later
	first=$(printf 'r=x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095' | base64 -w0)
	for where in clear insecure; do
		start_script <<-EOF2
		S: +OK
		C: CAPA
		S: +OK
		S: SASL SCRAM-SHA-256
		S: .
		C~ AUTH SCRAM-SHA-256 .*
		S: + $first
		C: *
		S: -ERR
		EOF2
		option=--insecure-auth
		[[ $where == insecure ]] || option=--no-state
		run --separate-stderr -76 poplar stat --host 127.0.0.1 \
			--port "$PORT" --tls none --user "$TEST_USER" \
			--password-file "$PASSWORD_FILE" "$option"
		if [[ $where == clear ]]; then
			assert_equal "$stderr" "poplar: tester@127.0.0.1: \
127.0.0.1: the server asks for less than 4096 iterations, which is too easy to \
undo for who listens; use TLS"
		else
			[[ $stderr == *'does not prove that it knows the password' ]]
		fi
		finish_script
	done
}

# A session by STLS that must end with status $1 and this sentence.
refused_stls() {
	run --separate-stderr "-$1" poplar stat "${STARTTLS[@]}"
	assert_output ''
	assert_equal "$stderr" "poplar: tester@localhost: $2"
	finish_script
}

@test "stls: not offered, nothing is said" {
	start_script <<-'EOF2'
	S: +OK
	C: CAPA
	S: +OK
	S: USER
	S: .
	EOF2
	refused_stls 69 'localhost does not offer STLS (STARTTLS); try --tls=implicit'
}

@test "stls: stripped by somebody who answers for the server" {
	# an honest CAPA is refused: STLS is tried all the same, and nothing else
	start_script <<-'EOF2'
	S: +OK
	C: CAPA
	S: -ERR
	C: STLS
	S: -ERR [AUTH] what is that?
	EOF2
	refused_stls 69 'localhost refused STLS: [AUTH] what is that?'
}

@test "stls: plain text behind +OK ends it" {
	start_script --cert "$CERT" --key "$KEY" <<-'EOF2'
	S: +OK
	C: CAPA
	S: +OK
	S: STLS
	S: .
	C: STLS
	S-raw: +OK\r\n+OK injected\r\n
	EOF2
	refused_stls 69 'localhost sent 14 octets in the clear where TLS was to '\
'begin: somebody may be tampering with the connection'
}

@test "stls: what was said before it is forgotten" {
	start_script --cert "$CERT" --key "$KEY" <<-'EOF2'
	S: +OK
	C: CAPA
	S: +OK
	S: STLS
	S: UTF8
	S: SASL PLAIN LOGIN CRAM-MD5
	S: .
	C: STLS
	S: +OK
	TLS
	C: CAPA
	S: +OK
	S: SASL LOGIN
	S: .
	C: AUTH LOGIN
	S: + VXNlcm5hbWU6
	C: dGVzdGVy
	S: + UGFzc3dvcmQ6
	C: b3Blbi1zZXNhbWUtNw==
	S: +OK
	C: STAT
	S: +OK 0 0
	C: QUIT
	S: +OK
	EOF2
	run --separate-stderr -0 poplar stat "${STARTTLS[@]}"
	assert_output '0 0'
	finish_script
}

# What a refusal of PASS means: the reply, the status and the words for it.
@test "codes: a refusal's response code is its status" {
	while read -r want words; do
		start_script <<-EOF2
		S: +OK
		C: CAPA
		S: +OK
		S: RESP-CODES
		S: AUTH-RESP-CODE
		S: .
		C: USER tester
		S: +OK
		C: PASS $TEST_PASSWORD
		S: -ERR $words
		EOF2
		run --separate-stderr "-$want" poplar stat "${PLAIN[@]}"
		assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 \
refused the login${words:+: $words}"
		finish_script
	done <<-'EOF2'
	75 [IN-USE] locked
	75 [in-use] locked
	75 [LOGIN-DELAY] slower
	75 [SYS/TEMP] later
	75 [SYS/TEMP/DISK] later
	69 [SYS/PERM] never
	69 [SYS/PERM/X] never
	69 [SYS] no
	69 [SYS/ODD] no
	69 [sys/odd/er] no
	69 [SYS/TEMPER] no
	77 [AUTH] no
	77 [AUTH/ODD] no
	69 [AUTHENTIC] no
	69 [SYSTEM] no
	69 [X-WHY] no
	69 no
	69
	EOF2
}

# Without AUTH-RESP-CODE what says nothing of its reason is about the password.
@test "codes: where the server has no code for it, a refusal is the password's" {
	while read -r want words; do
		start_script <<-EOF2
		S: +OK
		C: CAPA
		S: +OK
		S: SASL PLAIN LOGIN
		S: RESP-CODES
		S: .
		C~ AUTH PLAIN .*
		S: -ERR $words
		EOF2
		run --separate-stderr "-$want" poplar stat "${PLAIN[@]}"
		assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 \
refused the login${words:+: $words}"
		finish_script
	done <<-'EOF2'
	75 [IN-USE] locked
	69 [SYS] no
	69 [SYS/ODD] no
	77 [SYSTEM] no
	77 [X-WHY] no
	77 no
	77
	EOF2
}

@test "codes: check asks for no other password where that is not it" {
	capability=UIDL
	while read -r words; do
		start_script <<-EOF2
		S: +OK
		C: CAPA
		S: +OK
		S: USER
		S: $capability
		S: .
		C: USER tester
		S: +OK
		C: PASS $TEST_PASSWORD
		S: -ERR ${words%%|*}
		C: QUIT
		S: +OK
		EOF2
		run --separate-stderr -69 poplar check "${PLAIN[@]}"
		assert_line --partial "${words#*|}"
		refute_line --partial 'Are user and password right?'
		finish_script
		capability=AUTH-RESP-CODE
	done <<-'EOF2'
	[SYS/PERM] gone|Tell whoever runs the server
	[SYS/PERM] gone|Tell whoever runs the server
	[SYS/ODD] x|Something is wrong at the server, not with the password
	no|wait, or ask whoever runs it
	EOF2
}

@test "codes: the greeting may refuse too" {
	while read -r want words; do
		start_script <<<"S: -ERR $words"
		run --separate-stderr "-$want" poplar stat "${PLAIN[@]}"
		assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 \
refused the connection: $words"
		finish_script
	done <<-'EOF2'
	75 [SYS/TEMP] come back
	75 [LOGIN-DELAY] come back
	69 [SYS/PERM] gone
	69 go away
	EOF2
}

@test "codes: a login delay binds until it has passed" {
	make_mailbox mail 1
	fetch=(poplar fetch --maildir box)
	# advertised alone it does not
	start_server --mailbox mail --caps USER,LOGIN-DELAY\ 900,UIDL
	run --separate-stderr -0 "${fetch[@]}" "${PLAIN[@]}"
	run --separate-stderr -0 "${fetch[@]}" "${PLAIN[@]}"
	stop_server
	start_server --mailbox mail --caps USER,LOGIN-DELAY\ 900,UIDL \
		--fault-connections 1 --err-at 'PASS:1=-ERR [LOGIN-DELAY] slow\r\n'
	rm -r box
	fetch+=("${PLAIN[@]}" --identity "$TEST_USER@test")
	run --separate-stderr -75 "${fetch[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 refused the \
login: [LOGIN-DELAY] slow"
	run --separate-stderr -75 "${fetch[@]}"
	assert_regex "$stderr" '^poplar: tester@127.0.0.1: 127.0.0.1 asked for a pause between logins; the next one may come in [0-9]{3} seconds$'
	run --separate-stderr -0 clock_off 901 "${fetch[@]}"
	# the one between did not even connect
	assert_equal "$(grep -c 'C: PASS' "$SERVER_LOG")" 4
	assert_equal "$(maildir_digests box | wc -l)" 1
}

@test "attempts: never more than two, on one line" {
	# the mechanism is refused, which costs nothing; then the password
	start_script <<-EOF2
	S: +OK
	C: CAPA
	S: +OK
	S: SASL LOGIN
	S: .
	C: AUTH LOGIN
	S: -ERR not that
	C: USER tester
	S: +OK
	C: PASS $TEST_PASSWORD
	S: -ERR enough
	EOF2
	run --separate-stderr -77 poplar stat "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 refused the \
login: enough"
	finish_script
}

@test "attempts: the password is judged once, whatever the server says of it" {
	while read -r want words; do
		for capability in AUTH-RESP-CODE UIDL; do
			[[ $words == '['* || $capability == AUTH* ]] || continue
			start_script <<-EOF2
			S: +OK
			C: CAPA
			S: +OK
			S: SASL PLAIN LOGIN
			S: $capability
			S: .
			C~ AUTH PLAIN .*
			S: -ERR $words
			EOF2
			run --separate-stderr "-$want" poplar stat "${PLAIN[@]}"
			finish_script
		done
	done <<-'EOF2'
	77 [AUTH] wrong
	69 [SYS] fault
	69 [SYS/ODD] fault
	69 [SYS/PERM] gone
	75 [IN-USE] locked
	69 nothing in particular
	EOF2
}

@test "attempts: nothing weaker behind a refused proof of the channel" {
	make_mailbox mail 1
	said="poplar: tester@localhost: localhost refused the login"
	for version in 1.3 1.2; do
		start_server --mailbox mail --cert "$CERT" --key "$KEY" \
			--other-binding \
			--priority "NORMAL:-VERS-ALL:+VERS-TLS$version" \
			--sasl 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN'
		run --separate-stderr -77 by auto
		assert_regex "$stderr" "^$said.*; it was a proof bound to the TLS \
channel, and after that no weaker one is tried \(--auth user would\)\$"
		assert_equal "$(grep -c 'C: AUTH' "$SERVER_LOG")" 1
		run ! grep -qE 'C: (AUTH (SCRAM-SHA-256|SCRAM-SHA-1|PLAIN|LOGIN)|USER)( |$)' \
			"$SERVER_LOG"
		# nor where the password is wrong
		SECRETS=(wrong-13)
		(umask 077 && echo wrong-13 >wrong)
		run --separate-stderr -77 by auto --password-file wrong
		run ! grep -qE 'C: (AUTH (PLAIN|LOGIN)|USER)' "$SERVER_LOG"
		stop_server
		rm "$SERVER_LOG"
	done
}

@test "tokens: not without TLS, whatever is allowed" {
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY" \
		--sasl 'XOAUTH2 OAUTHBEARER'
	SECRETS=(to.ken-12345)
	for auth in xoauth2 oauthbearer; do
		run --separate-stderr -78 poplar stat "${PLAIN[@]}" --auth "$auth" \
			--token-command 'echo to.ken-12345'
		assert_equal "$stderr" "poplar: tester@127.0.0.1: --auth $auth \
would send the token to 127.0.0.1 in the clear, which is never done; use \
--tls=implicit or --tls=starttls"
	done
	clear=(--host 127.0.0.1 --port "$PORT" --tls none --user "$TEST_USER"
		--token-command 'echo to.ken-12345')
	run --separate-stderr -78 poplar stat "${clear[@]}" --insecure-auth
	assert_equal "$stderr" "poplar: tester@127.0.0.1: the token is not sent \
without TLS, and no password is configured; use --tls=implicit or --tls=starttls"
	run --separate-stderr -69 poplar stat "${clear[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: the token is not sent \
to 127.0.0.1 without TLS; use --tls=implicit or --tls=starttls"
	run ! grep -qE 'C: (AUTH|USER)' "$SERVER_LOG"
}

@test "tokens: the reason is theirs where the server takes none" {
	make_mailbox mail 1
	start_server --mailbox mail --cert "$CERT" --key "$KEY" --sasl CRAM-MD5
	token=("${TLS[@]:0:10}" --token-command 'echo to.ken-12345')
	run --separate-stderr -78 poplar stat "${token[@]}"
	assert_equal "$stderr" "poplar: tester@localhost: localhost offers no \
login by token (OAUTHBEARER or XOAUTH2), only: PLAIN CRAM-MD5, and no password \
is configured"
	run --separate-stderr -78 poplar stat "${token[@]}" --auth plain
	assert_equal "$stderr" "poplar: tester@localhost: --auth plain needs a \
password, and --token-command is all that is configured"
	# with both the password is used
	run --separate-stderr -0 poplar stat "${token[@]}" \
		--password-file "$PASSWORD_FILE"
	run --separate-stderr -78 poplar stat "${TLS[@]:0:10}" --netrc
	[[ $stderr == *': there is no ~/.netrc, and there is no terminal to ask at' ]]
	(umask 077 && echo 'machine x.example password y' >.netrc)
	run --separate-stderr -78 poplar stat "${TLS[@]:0:10}" --netrc
	[[ $stderr == *': ~/.netrc has no password for machine localhost and login tester, and there is no terminal to ask at' ]]
}

@test "attempts: fetch does not log in again after a refusal" {
	make_mailbox mail 1
	start_server --mailbox mail --user tester:another
	run --separate-stderr -77 poplar fetch --maildir box "${PLAIN[@]}"
	assert_equal "$(grep -c 'C: AUTH\|C: PASS' "$SERVER_LOG")" 1
}

@test "attempts: a challenge may be a bare plus, and a long one is behind AUTH" {
	(umask 077 && printf '%0200d\n' 7 >long)
	SECRETS=("$(<long)")
	start_script <<-EOF2
	S: +OK
	C: CAPA
	S: +OK
	S: SASL PLAIN
	S: .
	C: AUTH PLAIN
	S: +
	C: $(printf '\0tester\0%s' "$(<long)" | base64 -w0)
	S: +OK
	C: STAT
	S: +OK 0 0
	C: QUIT
	S: +OK
	EOF2
	run --separate-stderr -0 poplar stat "${PLAIN[@]}" --password-file long
	finish_script
}

@test "utf8: said when offered, before the login, unless it is off" {
	make_mailbox mail 1
	start_server --mailbox mail --utf8
	run -0 poplar stat "${PLAIN[@]}"
	run -0 grep -oE 'C: (UTF8|AUTH)' "$SERVER_LOG"
	assert_output $'C: UTF8\nC: AUTH'
	rm "$SERVER_LOG"
	stop_server
	start_server --mailbox mail --utf8
	run -0 poplar stat "${PLAIN[@]}" --utf8=off
	run ! grep -q 'C: UTF8' "$SERVER_LOG"
	stop_server
	# offered and then refused: only who asked for it minds
	start_server --mailbox mail --utf8 --err-at 'UTF8:0=-ERR no\r\n'
	run --separate-stderr -0 poplar stat "${PLAIN[@]}"
	assert_equal "$stderr" ''
	run --separate-stderr -69 poplar stat "${PLAIN[@]}" --utf8=on
	assert_equal "$stderr" \
		"poplar: tester@127.0.0.1: 127.0.0.1 refused UTF8: no"
}

# offers CAPABILITY...: a transcript up to the login.
offers() {
	printf 'S: +OK\nC: CAPA\nS: +OK\n'
	printf 'S: %s\n' USER "$@" .
	printf 'C: USER tester\nS: +OK\nC: PASS %s\nS: +OK\n' "$TEST_PASSWORD"
}

@test "lang: that of the locale, with the next command" {
	unset LC_ALL
	# shellcheck disable=SC2030
	export LC_CTYPE=C.UTF-8 LC_MESSAGES=de_AT.UTF-8
	start_script < <(
		offers LANG PIPELINING
		printf '%s\n' 'C: LANG de' 'C: STAT' 'C: QUIT' \
			'S: +OK de Ab jetzt auf Deutsch' \
			'S: -ERR Das Postfach ist gesperrt, bitte später' 'S: +OK')
	run --separate-stderr -69 poplar stat "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 refused \
STAT: Das Postfach ist gesperrt, bitte später"
	finish_script
	# one at a time where there is no pipelining, and no language is no fault
	start_script < <(
		offers LANG
		printf '%s\n' 'C: LANG de' 'S: -ERR which one?' 'C: STAT' \
			'S: +OK 1 5' 'C: QUIT' 'S: +OK')
	run --separate-stderr -0 poplar stat -v "${PLAIN[@]}"
	assert_equal "$stderr" ''
	assert_output '1 5'
	finish_script
}

@test "lang: not where it is not offered, wanted or to be shown" {
	unset LC_ALL
	rest=$'C: STAT\nS: +OK 1 5\nC: QUIT\nS: +OK'
	while read -r charset language capability option; do
		start_script < <(offers "$capability" && echo "$rest")
		LC_CTYPE=$charset LC_MESSAGES=$language run --separate-stderr -0 \
			poplar stat "${PLAIN[@]}" "$option"
		assert_equal "$output$stderr" '1 5'
		finish_script
	done <<-'EOF2'
	C.UTF-8 de_DE.UTF-8 UIDL --lang=auto
	C.UTF-8 de_DE.UTF-8 LANG --lang=off
	C.UTF-8 C LANG --lang=auto
	C.UTF-8 POSIX LANG --lang=auto
	C de_DE.UTF-8 LANG --lang=auto
	C C UIDL --lang=de
	EOF2
}

@test "lang: the one that is named, whatever the locale, and a word if it fails" {
	start_script < <(
		LC_ALL=C offers LANG PIPELINING
		printf '%s\n' 'C: LANG pt-BR' 'C: STAT' 'C: QUIT' 'S: -ERR unknown' \
			'S: +OK 1 5' 'S: +OK')
	run --separate-stderr -0 poplar stat -v --lang pt-BR "${PLAIN[@]}"
	assert_equal "$stderr" \
		'poplar: tester@127.0.0.1: 127.0.0.1 refused LANG pt-BR: unknown'
	assert_output '1 5'
	finish_script
}

@test "codes: a login delay that delete has met binds the next run too" {
	make_mailbox mail 1
	start_server --mailbox mail --caps USER,LOGIN-DELAY\ 900,UIDL \
		--fault-connections 1 --err-at 'PASS:1=-ERR [LOGIN-DELAY] slow\r\n'
	run --separate-stderr -75 poplar delete 1 "${PLAIN[@]}"
	said "poplar: tester@127.0.0.1: 127.0.0.1 refused the login: [LOGIN-DELAY] slow"
	run --separate-stderr -75 poplar fetch --maildir box "${PLAIN[@]}"
	assert_regex "$stderr" '^poplar: tester@127.0.0.1: 127.0.0.1 asked for a pause between logins; the next one may come in [0-9]+ seconds$'
	# that one did not even connect
	assert_equal "$(grep -c 'C: PASS' "$SERVER_LOG")" 1
}

@test "expire: mail that is kept and will vanish is worth a warning" {
	make_mailbox mail 1
	start_server --mailbox mail --caps 'USER,UIDL,EXPIRE 30'
	run --separate-stderr -0 poplar fetch --maildir a "${PLAIN[@]}"
	assert_equal "$stderr" "poplar: warning: tester@127.0.0.1: the server \
deletes mail 30 days after it was retrieved"
	run --separate-stderr -0 poplar fetch --maildir b --delete "${PLAIN[@]}" \
		--state b.state
	assert_equal "$stderr" ''
}

@test "expire: no QUIT where it would delete what could not be delivered" {
	make_mailbox mail 2
	start_server --mailbox mail --caps 'USER,UIDL,EXPIRE 0' --hide-retrieved
	run --separate-stderr -73 poplar fetch --pipe 'exit 1' "${PLAIN[@]}"
	run ! grep -q 'C: QUIT' "$SERVER_LOG"
	run -0 ls mail
	assert_output $'001\n002'
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}"
	grep -q 'C: QUIT' "$SERVER_LOG"
	assert_equal "$(maildir_digests box | wc -l)" 2
}

@test "expire: deletions wait while QUIT would delete what was not kept" {
	make_mailbox mail 3
	printf '%s same\n' 001 002 003 >uids
	start_server --mailbox mail --caps 'USER,UIDL,EXPIRE 0' --uidl-map uids
	run --separate-stderr -0 poplar fetch --maildir box --limit 1 "${PLAIN[@]}" \
		--identity me
	run --separate-stderr -75 poplar fetch --maildir box --limit 1 --delete \
		"${PLAIN[@]}" --identity me
	assert_equal "$stderr" "poplar: warning: tester@127.0.0.1: 1 message that \
was to be deleted waits for the next run: QUIT would have made 127.0.0.1 delete \
mail that was not kept"
	run -0 ls mail
	assert_output $'001\n002\n003'
	run --separate-stderr -0 poplar fetch --maildir box --delete "${PLAIN[@]}" \
		--identity me
	assert_equal "$(ls mail) $(maildir_digests box | wc -l)" '001 3'
}

# Other mail of the same size, all under new ids: one is looked at, and is new.
@test "expire: QUIT once the message that was looked at is delivered" {
	make_mailbox mail 3
	start_server --mailbox mail --caps 'USER,UIDL,EXPIRE 0'
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}" \
		--identity "$TEST_USER@test"
	stop_server
	sed -i 's/This is message/That is message/' mail/*
	start_server --mailbox mail --salt new --caps 'USER,UIDL,EXPIRE 0'
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}" \
		--identity "$TEST_USER@test" -v
	assert_regex "$stderr" '3 messages'
	assert_equal "$(grep -c 'C: RETR' "$SERVER_LOG")" 6
	assert_equal "$(grep -c 'C: QUIT' "$SERVER_LOG")" 2
	assert_equal "$(maildir_digests box | wc -l)" 6
	stop_server
	# and not as long as it is not
	sed -i 's/That is message/What is message/' mail/*
	start_server --mailbox mail --salt newer --caps 'USER,UIDL,EXPIRE 0'
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}" \
		--identity "$TEST_USER@test" --filter 'exit 1'
	assert_equal "$(grep -c 'C: RETR' "$SERVER_LOG")" 6
	assert_equal "$(grep -c 'C: QUIT' "$SERVER_LOG")" 3
}
