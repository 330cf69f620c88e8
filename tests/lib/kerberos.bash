# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A real Kerberos realm for tests, TEST: `load lib/kerberos`, start_kerberos in
# setup_file and stop_kerberos in teardown_file; needs lib/dovecot for its ports.
# The KDC runs on loopback at a free port, below a directory of its own, and needs
# no privileges. Only who exports KRB5_CONFIG knows it.

# Sets and exports KERBEROS_DIR (in which anybody may look), KERBEROS_PID, KRB5_CONFIG
# and KRB5_KDC_PROFILE.
start_kerberos() {
	KERBEROS_DIR=$(mktemp -d "${TMPDIR:-/tmp}/poplar-kerberos.XXXXXX")
	chmod 755 "$KERBEROS_DIR"
	export KERBEROS_DIR KRB5_CONFIG=$KERBEROS_DIR/krb5.conf
	export KRB5_KDC_PROFILE=$KERBEROS_DIR/kdc.conf
	for _ in 1 2 3 4 5; do
		kerberos_configuration "$(free_ports 1)"
		[[ -e $KERBEROS_DIR/stash ]] ||
			kdb5_util create -s -P master </dev/null >/dev/null
		if kerberos_launch; then
			return 0
		fi
	done
	cat "$KERBEROS_DIR/output" "$KERBEROS_DIR/log"
	return 1
}

kerberos_configuration() {
	cat >"$KRB5_CONFIG" <<-EOF2
	[libdefaults]
	default_realm = TEST
	dns_lookup_kdc = false
	dns_lookup_realm = false
	dns_canonicalize_hostname = false
	udp_preference_limit = 1
	[realms]
	TEST = {
	  kdc = 127.0.0.1:$1
	}
	[domain_realm]
	localhost = TEST
	EOF2
	cat >"$KRB5_KDC_PROFILE" <<-EOF2
	[kdcdefaults]
	kdc_listen = ""
	kdc_tcp_listen = 127.0.0.1:$1
	[realms]
	TEST = {
	  database_name = $KERBEROS_DIR/database
	  key_stash_file = $KERBEROS_DIR/stash
	}
	[logging]
	default = FILE:$KERBEROS_DIR/log
	EOF2
}

# Start it and wait until it takes connections; fails when it ends before.
kerberos_launch() {
	local port
	port=$(sed -n 's/.*kdc = 127.0.0.1://p' "$KRB5_CONFIG")
	krb5kdc -n >>"$KERBEROS_DIR/output" 2>&1 </dev/null 3>&- &
	KERBEROS_PID=$!
	export KERBEROS_PID
	until_listening "$KERBEROS_PID" "$port"
}

stop_kerberos() {
	kill "$KERBEROS_PID"
	wait "$KERBEROS_PID" || true
	rm -rf "$KERBEROS_DIR"
}

# kerberos_keytab PRINCIPAL FILE: a principal, and a file that holds its key.
kerberos_keytab() {
	kadmin.local addprinc -randkey "$1" >/dev/null 2>&1
	kadmin.local ktadd -k "$2" "$1" >/dev/null
}
