#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Logging in with a Kerberos ticket (RFC 4752): a real KDC, a real Dovecot.

load lib/common
load lib/dovecot
load lib/kerberos

setup_file() {
	make_tls
	start_kerberos
	kerberos_keytab pop/localhost "$KERBEROS_DIR/pop.keytab"
	# Dovecot may be another user; the keys are worth nothing
	chmod 644 "$KERBEROS_DIR/pop.keytab"
	kerberos_keytab ann "$BATS_FILE_TMPDIR/ann.keytab"
	start_dovecot "
	import_environment = KRB5_CONFIG=$KRB5_CONFIG
	auth_mechanisms = plain gssapi
	auth_gssapi_hostname = localhost
	auth_krb5_keytab = $KERBEROS_DIR/pop.keytab
	auth_username_format = %Ln
	passdb {
	  driver = static
	  mechanisms = gssapi
	  args = nopassword=y
	}"
	make_mailbox "$BATS_FILE_TMPDIR/mail" 2
	dovecot_user bob
	dovecot_user ann maildir "$BATS_FILE_TMPDIR/mail"
}

teardown_file() {
	stop_dovecot
	stop_kerberos
}

setup() {
	common_setup
	make_tls
	TLS=(--host localhost --port "$DOVECOT_TLS_PORT" --tls-ca-file "$CA"
		--auth gssapi)
	export KRB5CCNAME=FILE:$BATS_TEST_TMPDIR/tickets
	# what is made there once for GNU SASL, and kept
	echo leak:libgssapi_krb5 >"$BATS_TEST_TMPDIR/leaks"
	export LSAN_OPTIONS=suppressions=$BATS_TEST_TMPDIR/leaks:print_suppressions=0
}

@test "gssapi: a ticket lets in, and no password is asked for" {
	kinit -k -t "$BATS_FILE_TMPDIR/ann.keytab" ann
	run --separate-stderr -0 poplar stat "${TLS[@]}" --user ann
	assert_output '2 276'
	assert_equal "$stderr" ''
	# in the clear too: nothing of it is secret
	run --separate-stderr -0 poplar stat --host localhost --tls none \
		--port "$DOVECOT_PORT" --auth gssapi --user ann
	assert_output '2 276'
}

@test "gssapi: the keytab of a client will do instead" {
	export KRB5_CLIENT_KTNAME=FILE:$BATS_FILE_TMPDIR/ann.keytab
	run --separate-stderr -0 poplar fetch "${TLS[@]}" --user ann --maildir box
	assert_equal "$(maildir_digests box)" \
		"$(mailbox_digests "$BATS_FILE_TMPDIR/mail")"
}

@test "gssapi: the ticket of one does not open the mail of another" {
	kinit -k -t "$BATS_FILE_TMPDIR/ann.keytab" ann
	run --separate-stderr -77 poplar stat "${TLS[@]}" --user bob
	assert_output ''
	assert_equal "$stderr" "poplar: bob@localhost: localhost refused the login: \
[AUTH] Authentication failed."
}

@test "gssapi: without a ticket" {
	run --separate-stderr -77 poplar stat "${TLS[@]}" --user ann
	assert_output ''
	assert_equal "$stderr" "poplar: ann@localhost: localhost: GSSAPI: there is \
no Kerberos ticket for pop/localhost; kinit(1) gets one, klist(1) shows them"
}

@test "gssapi: somebody who has not the key of the server" {
	kinit -k -t "$BATS_FILE_TMPDIR/ann.keytab" ann
	start_script --cert "$CERT" --key "$KEY" <<-'EOF2'
	TLS
	S: +OK
	C: CAPA
	S: +OK
	S: SASL GSSAPI PLAIN
	S: .
	C: AUTH GSSAPI
	S: +
	C~ .*
	S: + YIGZBgkqhkiG9xIBAgICAG+BiTCBhqADAgEFoQMCAQ+iejB4oAMCARKicQRv
	C: *
	S: -ERR
	EOF2
	run --separate-stderr -76 poplar stat "${TLS[@]}" --auth gssapi
	assert_equal "$stderr" "poplar: tester@localhost: localhost: GSSAPI: the \
server does not prove that it knows its own key"
	finish_script
}
