#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# poplar check: what is right, what is wrong, and how to mend it.

load lib/common
load lib/dovecot

teardown() {
	[[ -z ${DOVECOT_PID:-} ]] || stop_dovecot
	common_teardown
}

# A server with TLS and STLS and two messages.
start_both() {
	make_tls
	make_mailbox mail 2
	start_server --mailbox mail --cert "$CERT" --key "$KEY"
}

# configure LINE...: the account `work' at the TLS port, and more lines.
configure() {
	mkdir -p .config/poplar
	printf '%s\n' '[account work]' 'host = localhost' "port = $TLSPORT" \
		"user = $TEST_USER" "password-file = $PASSWORD_FILE" \
		"$@" >.config/poplar/config
}

@test "check: an account in order, and nothing is made" {
	start_both
	configure "tls-ca-file = $CA" 'maildir = ~/Mail'
	run --separate-stderr -0 poplar check
	valid=$(certtool -i <"$CERT" | grep -c 'Not After')
	assert_equal "$valid" 1
	output=$(sed -E 's/\(20[^)]*\)/(DATES)/' <<<"$output")
	assert_output "work: localhost, port $TLSPORT, TLS from the first octet
ok     the configuration $HOME/.config/poplar/config has no errors
ok     the state file $HOME/.local/state/poplar/tester@localhost%3A$TLSPORT is not there yet; the first fetch makes it
ok     the maildir $HOME/Mail is not there yet; the first fetch makes it
ok     localhost answers, and speaks POP3
ok     TLS1.3; the certificate is trusted (DATES)
ok     the server lets tester in
ok     the session works; there are 2 messages (276 octets)
work: all is well"
	assert_equal "$stderr" ''
	assert_not_exist .local
	assert_not_exist Mail
	run --separate-stderr -0 poplar check -q
	assert_output ''
	poplar fetch
	run --separate-stderr -0 poplar check
	assert_line "ok     the state file $HOME/.local/state/poplar/tester@localhost%3A$TLSPORT remembers 2 messages"
	assert_line "ok     messages can be delivered to maildir $HOME/Mail"
	run -0 poplar check -v
	assert_line --regexp '^ok     tls: key pin sha256:[0-9a-f]{64}$'
}

@test "check: JSON is a record a finding" {
	start_both
	configure "tls-ca-file = $CA"
	poplar check --json >records
	run -0 jq -r '[.account, .check, .result, .status] | @tsv' records
	assert_output "$(printf 'work\t%s\n' $'configuration\tok\t0' \
		$'state\tok\t0' $'destination\tnote\t0' $'connect\tok\t0' \
		$'tls\tok\t0' $'login\tok\t0' $'noop\tok\t0')"
	run -0 jq -r 'select(.mend != null) | .mend' records
	assert_output 'For example maildir = ~/Mail, or fetch --maildir ~/Mail.'
	configure
	run -69 --separate-stderr poplar check --json
	assert_equal "$stderr" ''
	run -0 jq -r 'select(.result == "wrong") | [.check, .status] | @tsv' \
		<<<"$output"
	assert_output $'tls\t69'
	echo '[account work' >.config/poplar/config
	run -78 --separate-stderr poplar check --json
	run -0 jq -r '[.account, .check, .result, .status] | @tsv' <<<"$output"
	assert_output $'\tconfiguration\twrong\t78'
}

@test "check: --config-only connects nowhere and tells all errors" {
	mkdir -p .config/poplar
	printf '%s\n' '[account a]' 'host = pop.invalid' 'user = u' \
		'[account b]' 'host = b.invalid' 'user = v' >.config/poplar/config
	run --separate-stderr -0 poplar check --config-only
	assert_output "a: pop.invalid, port 995, TLS from the first octet
ok     the configuration $HOME/.config/poplar/config has no errors
a: all is well

b: b.invalid, port 995, TLS from the first octet
ok     the configuration $HOME/.config/poplar/config has no errors
b: all is well"
	run --separate-stderr -0 poplar check --config-only -a b
	refute_line 'a: all is well'
	printf '%s\n' 'hots = x' 'tls = perhaps' 'tls-pin = 0123' >>.config/poplar/config
	run --separate-stderr -78 poplar check --config-only
	assert_output ''
	assert_regex "$stderr" ':7: .*hots.*
.*:8: .*perhaps.*
.*:9: tls-pin: "0123" is not a pin'
	run --separate-stderr -64 poplar check --config-only --no-config
	sed -i 7,9d .config/poplar/config
	run --separate-stderr -64 poplar check
	assert_equal "$output" ''
}

@test "check: --print shows what would be used, secrets as stars" {
	mkdir -p .config/poplar
	printf '%s\n' '[defaults]' 'timeout = 7s' '[account work]' \
		'host = pop.example.org' 'user = ann' 'password = s3cret-word' \
		>.config/poplar/config
	chmod 600 .config/poplar/config
	# shellcheck disable=SC2034  # lib/common looks for it
	SECRETS=(s3cret-word)
	run --separate-stderr -0 poplar check --print --port 1995 --maildir /m
	assert_line '[account work]'
	assert_line 'port = 1995'
	assert_line 'timeout = 7s'
	assert_line 'password = ********'
	assert_line 'maildir = /m'
	assert_equal "$stderr" ''
	poplar check --print --json >records
	run -0 jq -r 'select(.setting == "password") | [.account, .value] | @tsv' \
		records
	assert_output $'work\t********'
}

@test "check: the pin it names can be pasted" {
	start_both
	configure
	run --separate-stderr -69 poplar check
	assert_line 'wrong  the certificate of localhost was issued by an unknown authority (CN=Test CA)'
	configure "$(grep ^tls-pin <<<"$output")"
	run --separate-stderr -0 poplar check
	assert_line --regexp 'the certificate is the one pinned'
	# where a file of authorities is named, it has to go
	make_key other.key
	sed 's/Test CA/Another CA/' "${CA%.pem}.template" >other.template
	certtool --generate-self-signed --load-privkey other.key \
		--template other.template --outfile other.pem 2>/dev/null
	configure 'tls-ca-file = ~/other.pem'
	run --separate-stderr -69 poplar check
	assert_regex "$(tr -s ' \n' ' ' <<<"$output")" 'remove tls-ca-file and tls-crl-file and add'
	configure "tls-pin = sha256:$(printf '0%.0s' {1..64})" 'tls-pin-only = yes'
	run --separate-stderr -69 poplar check -q
	assert_line --index 0 --regexp '^wrong  work: the certificate of localhost is not the one that is pinned'
}

@test "check: dates and names of certificates" {
	make_tls
	make_certificate old 'cn = "localhost"' 'dns_name = "localhost"' \
		tls_www_server 'activation_date = "2020-01-01 00:00:00 UTC"' \
		'expiration_date = "2021-01-01 00:00:00 UTC"'
	make_certificate other 'cn = "other.example"' \
		'dns_name = "other.example"' tls_www_server 'expiration_days = 20'
	make_mailbox mail 1
	dir=$BATS_FILE_TMPDIR/tls
	start_server --mailbox mail --cert "$dir/old.pem" --key "$dir/old.key"
	run --separate-stderr -69 poplar check "${TLS[@]}"
	assert_line --partial 'expired on 2021-01-01'
	assert_line --regexp "If this machine's clock is wrong, set it: it says 20..-..-.. ..:.. UTC"
	stop_server
	start_server --mailbox mail --cert "$dir/other.pem" --key "$dir/other.key"
	run --separate-stderr -69 poplar check "${STARTTLS[@]}"
	assert_line --partial 'is for other.example, not for localhost'
	assert_line '       Set host to a name that the certificate is for.'
}

@test "check: a clock that is wrong" {
	start_both
	configure "tls-ca-file = $CA" 'maildir = ~/Mail'
	poplar fetch
	# Certificates begin now; the clock has stopped years ago, at a first start.
	run --separate-stderr -78 clock_off -$(($(date +%s) - 86400)) poplar check
	assert_line --regexp "^wrong  this machine's clock says 1970-01-02 ..:.. UTC, which is long past$"
	assert_line '       Set it; until then certificates seem not to be valid yet.'
	assert_line --regexp '^wrong  the certificate of localhost is not valid until 20..-..-..'
	assert_line --regexp "^       If this machine's clock is wrong, set it: it says 1970-01-02"
	assert_line 'work: 3 things to mend'
	assert_equal "$stderr" ''

	# Two hours back are seen by what was written since.
	run --separate-stderr -78 clock_off -7200 poplar check -q
	assert_line --index 0 "wrong  work: the state file was written in the future: this machine's clock was wrong then, or is wrong now"
	assert_line '       Set the clock of this machine.'
	run --separate-stderr -69 clock_off -1800 poplar check -q
	refute_line --partial 'written in the future'

	# Ahead of the certificate's end.
	run --separate-stderr -69 clock_off 8000000 poplar check
	assert_line --regexp '^wrong  the certificate of localhost expired on 20..-..-..'
	assert_line --regexp "^       If this machine's clock is wrong, set it: it says 20..-..-.. ..:.. UTC. Otherwise the server needs a new certificate.$"
	assert_line 'work: 1 thing to mend'

	# Right again: all is well.
	run --separate-stderr -0 poplar check
	assert_line 'work: all is well'
}

@test "check: the wrong way to TLS" {
	start_both
	run --separate-stderr -69 poplar check "${TLS[@]}" --port "$PORT"
	assert_line "       TLS begins later at this port: set tls = starttls and port = $PORT."
	run --separate-stderr poplar check "${STARTTLS[@]}" --port "$TLSPORT" \
		--timeout 1s
	assert_line '       The server speaks TLS from the first octet at this port: set tls = implicit.'
	((status != 0))
	stop_server
	start_server --mailbox mail --no-stls
	run --separate-stderr -69 poplar check "${TLS[@]}" --port "$PORT"
	assert_line '       The server has no TLS at this port: set port = 995.'
	run --separate-stderr -69 poplar check "${STARTTLS[@]}"
	assert_line '       Most servers have TLS at a port of its own: tls = implicit and port = 995.'
	run --separate-stderr -69 poplar check --host localhost --port "$PORT" \
		--tls none --user tester --password-file "$PASSWORD_FILE"
	assert_line '       Without TLS no password is sent: set tls = implicit, or tls = starttls.'
}

@test "check: nobody there" {
	make_mailbox mail 1
	start_server --mailbox mail
	stop_server
	run --separate-stderr -75 poplar check "${PLAIN[@]}"
	assert_line --regexp '^wrong  .*127.0.0.1.*: Connection refused$'
	run --separate-stderr -68 poplar check --host nosuch.invalid --user u
	assert_line '       Check the spelling of host.'
	run --separate-stderr -68 poplar check --host nosuch.invalid \
		--user ann@gmail.com
	assert_line '       The POP3 server of Gmail is another: host = pop.gmail.com.'
	run --separate-stderr -68 poplar check --host nosuch.invalid \
		--user ann@proton.me
	assert_line --regexp '^       Proton has no POP3 server'
}

@test "check: a refused login, and what providers want" {
	make_mailbox mail 1
	start_server --mailbox mail --user someone:else
	run --separate-stderr -77 poplar check "${PLAIN[@]}"
	assert_line 'wrong  127.0.0.1 refused the login: [AUTH] Authentication failed.'
	assert_line --regexp '^       Are user and password right\?'
	assert_line 'tester@127.0.0.1: 1 thing to mend'
	run --separate-stderr -77 poplar check "${PLAIN[@]}" --user a@gmail.com
	assert_line --regexp '^note   Gmail lists some 250'
	assert_line --regexp '^       Gmail takes an app password'
	run --separate-stderr -77 poplar check "${PLAIN[@]}" --user a@outlook.com
	assert_line --regexp '^note   Microsoft takes a token only: set token-command'
	run --separate-stderr -77 poplar check "${PLAIN[@]}" --user a@yahoo.com
	assert_line --regexp '^       Yahoo takes an app password'
	stop_server
	start_server --mailbox mail --no-capa \
		--replace 'PASS:1=-ERR [SYS/PERM] Your account is not enabled for POP access.\r\n'
	run --separate-stderr -69 poplar check "${PLAIN[@]}" --user a@gmail.com
	assert_line --regexp "^       Switch POP on in Gmail's settings"
}

@test "check: a mailbox in use, a password file for all to read" {
	make_mailbox mail 1
	start_server --mailbox mail --lock
	mkfifo in
	poplar shell "${PLAIN[@]}" <in >out 2>&1 &
	exec 8>in
	echo noop >&8
	until grep -qs OK "$BATS_TEST_TMPDIR"/out.*; do sleep 0.02; done
	run --separate-stderr -75 poplar check "${PLAIN[@]}"
	assert_line '       Another program has the mailbox open: end it, or wait.'
	exec 8>&-
	wait $!
	chmod 644 "$PASSWORD_FILE"
	run --separate-stderr -78 poplar check "${PLAIN[@]}"
	assert_line --partial "chmod 600 $PASSWORD_FILE"
	run --separate-stderr -78 poplar check "${PLAIN[@]:0:9}" \
		--password-command 'true # nothing'
	assert_line '       See password-command and password-file in poplar.conf(5).'
}

@test "check: the state file and the destination" {
	make_mailbox mail 1
	start_server --mailbox mail
	poplar fetch "${PLAIN[@]}" --state state --mbox box
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --state state --mbox box
	assert_line "ok     messages can be delivered to mbox box"
	echo nonsense >>state
	run --separate-stderr -65 poplar check "${PLAIN[@]}" --state state
	assert_line --regexp '^wrong  the state file state is damaged: line [0-9]+'
	assert_line '       Type: poplar state check --repair --state state'
	poplar state check --repair --state state || true
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --state state
	run --separate-stderr -73 poplar check "${PLAIN[@]}" --state box/state
	assert_line 'wrong  box/state cannot be made: box is not a directory'
	run --separate-stderr -73 poplar check "${PLAIN[@]}" --maildir mail
	assert_line --partial 'mail is a directory with other things in it'
	run --separate-stderr -73 poplar check "${PLAIN[@]}" --maildir no/such
	assert_line 'wrong  no/such cannot be made: no: No such file or directory'
	assert_line '       Make that directory first; a fetch does not.'
	mkdir -p empty half/new
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --maildir empty
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --maildir half
	assert_equal "$(echo empty/* half/*)" 'empty/* half/new'
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --pipe cat
	assert_line "ok     messages can be delivered to pipe cat"
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --no-state
	assert_line 'note   nothing is remembered (no-state): new means all'
}

@test "check: an mbox that is locked" {
	make_mailbox mail 1
	start_server --mailbox mail
	touch box box.lock
	run --separate-stderr -75 poplar check "${PLAIN[@]}" --mbox box
	assert_line --regexp '^wrong  .*/box is locked: the lock file .*/box.lock is [0-9]+ seconds old$'
	assert_line '       If no program is using the mbox, remove that file.'
	assert_exists box.lock
	# five minutes are enough for anybody
	touch -d '301 seconds ago' box.lock
	poplar fetch "${PLAIN[@]}" --mbox box
	assert_not_exists box.lock
}

@test "check: a maildir with our mail and no memory of it" {
	make_mailbox mail 2
	start_server --mailbox mail
	poplar fetch "${PLAIN[@]}" --state state --maildir Mail
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --state state \
		--maildir Mail
	mv state kept
	for moved in new cur; do
		run --separate-stderr -75 poplar check "${PLAIN[@]}" \
			--state state --maildir Mail
		assert_line "wrong  Mail holds mail that poplar delivered, but \
the state file state remembers none of it"
		assert_line --partial 'poplar state mark-seen'
		for dry in '' --dry-run; do
			# shellcheck disable=SC2086  # none, or one
			run --separate-stderr -75 poplar fetch $dry \
				"${PLAIN[@]}" --state state --maildir Mail
			assert_output ''
			assert_regex "$stderr" "Mail holds mail that poplar \
delivered, but the state file state remembers none of it"
		done
		[ "$moved" = cur ] || mv Mail/new/* Mail/cur
	done
	# other mail, or another maildir that is not even there
	run --separate-stderr -0 poplar check "${PLAIN[@]}" --state state \
		--maildir Other
	run -0 poplar fetch --dry-run "${PLAIN[@]}" --state state \
		--maildir Other
	assert_not_exists Other
	run -0 poplar fetch --dry-run all "${PLAIN[@]}" --state state \
		--maildir Mail
}

@test "check: what a server lacks or refuses" {
	make_mailbox mail 1
	start_server --mailbox mail --caps-after TOP --err-at QUIT:1
	run --separate-stderr -69 poplar check "${PLAIN[@]}"
	assert_line --regexp '^note   the server does not offer UIDL'
	assert_line --regexp '^note   the server does not offer PIPELINING'
	assert_line --regexp '^wrong  127.0.0.1 refused QUIT'
	stop_server
	start_server --mailbox mail --err-at NOOP:1
	run --separate-stderr -69 poplar check "${PLAIN[@]}"
	assert_line --regexp '^wrong  127.0.0.1 refused NOOP'
	stop_server
	start_script <<<'S: -ERR go away'
	run --separate-stderr -69 poplar check "${PLAIN[@]}"
	assert_line --regexp '^wrong  127.0.0.1 refused the connection: go away'
}

@test "check: several accounts, the worst status" {
	start_both
	configure "tls-ca-file = $CA" '[account bad]' 'host = localhost' \
		"port = $TLSPORT" "tls-ca-file = $CA" 'user = nobody' \
		"password-file = $PASSWORD_FILE"
	run --separate-stderr -77 poplar check --all-accounts
	assert_line 'work: all is well'
	assert_line 'bad: 1 thing to mend'
	run --separate-stderr -77 poplar check --all-accounts -q
	assert_line --index 0 --regexp '^wrong  bad: localhost refused the login'
}

@test "check: with Dovecot" {
	make_tls
	start_dovecot
	make_mailbox mail 2
	dovecot_user ann maildir mail
	run --separate-stderr -0 poplar check "${TLS[@]}"
	assert_line --regexp '^ok     the session works; there are 2 messages'
	run --separate-stderr -0 poplar check "${STARTTLS[@]}"
	assert_line 'ok     the server lets ann in'
	run --separate-stderr -69 poplar check "${TLS[@]}" --port "$DOVECOT_PORT"
	assert_line "       TLS begins later at this port: set tls = starttls and port = $DOVECOT_PORT."
	run --separate-stderr poplar check "${STARTTLS[@]}" \
		--port "$DOVECOT_TLS_PORT" --timeout 1s
	assert_line --partial 'set tls = implicit'
}
