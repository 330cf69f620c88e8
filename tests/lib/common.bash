# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034  # what is set here, tests use
# What every Bats file loads: `load lib/common`. It gives each test a home of its
# own, the function poplar (the program, and a watch over all it prints), the
# tests' server, and certificates; and kills by id what a test left running.

bats_require_minimum_version 1.8.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

TESTS_DIR=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
POPLAR=${POPLAR:-$TESTS_DIR/../build/poplar}
SERVER=${POPLAR_BUILD:-$TESTS_DIR/../build}/tests/server
export POPLAR SERVER TESTS_DIR
# Where dovecot and krb5kdc lie; an ordinary user need not look there.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# The tests' user. The password is one that nothing prints by chance.
TEST_USER=tester
TEST_PASSWORD=open-sesame-7
export TEST_USER TEST_PASSWORD

common_setup() {
	HOME=$BATS_TEST_TMPDIR/home
	mkdir -p "$HOME"
	export HOME TZ=UTC LC_ALL=C.UTF-8
	unset XDG_CONFIG_HOME XDG_STATE_HOME NO_COLOR TERM COLUMNS LINES
	cd "$HOME" || return
	PASSWORD_FILE=$BATS_TEST_TMPDIR/password
	(umask 077 && printf '%s\n' "$TEST_PASSWORD" >"$PASSWORD_FILE")
	STARTED=()
}

common_teardown() {
	local pid
	for pid in "${STARTED[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	if [[ -s $BATS_TEST_TMPDIR/violations ]]; then
		cat "$BATS_TEST_TMPDIR/violations"
		return 1
	fi
}

setup() { common_setup; }
teardown() { common_teardown; }

# Does this file hold a control octet other than newline and tab, a C1 control,
# or something that is not UTF-8? $2: what colour sequences are, "" or "colour".
has_raw_octets() {
	local text=$1
	if [[ ${2:-} == colour ]]; then
		sed $'s/\e\\[[0-9;]*m//g' "$1" >"$1.plain"
		text=$1.plain
	fi
	LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$text" ||
		! iconv -f UTF-8 -t UTF-8 "$text" >/dev/null 2>&1
}

# Does this file hold a password of the tests, as it is or as AUTH PLAIN sends it?
# A test adds its own to the array SECRETS.
has_secret() {
	local secret
	for secret in "$TEST_PASSWORD" \
		"$(printf '\0%s\0%s' "$TEST_USER" "$TEST_PASSWORD" | base64 -w0)" \
		"${SECRETS[@]}"; do
		! grep -qaF -e "$secret" "$1" || return 0
	done
	return 1
}

violation() {
	echo "poplar printed $1: poplar $2" |
		tee -a "$BATS_TEST_TMPDIR/violations" >&2
}

# Run the program under test. Its diagnostics may never hold raw control octets or
# a password, nor may its standard output, but for the commands that print mail.
# Status 199 if they do, and the test fails at its end in any case.
poplar() {
	local status=0 colour='' mail='' arg out err
	out=$(mktemp "$BATS_TEST_TMPDIR/out.XXXXXX")
	err=$(mktemp "$BATS_TEST_TMPDIR/err.XXXXXX")
	for arg in "$@"; do
		case $arg in
		--color=always) colour=colour ;;
		top | shell | --stdout | -) mail=1 ;;
		esac
	done
	"$POPLAR" "$@" >"$out" 2>"$err" 3>&- || status=$?
	cat "$out"
	cat "$err" >&2
	if has_raw_octets "$err" "$colour"; then
		violation "raw octets on standard error" "$*"
		status=199
	fi
	if [[ -z $mail ]] && has_raw_octets "$out" "$colour"; then
		violation "raw octets on standard output" "$*"
		status=199
	fi
	if has_secret "$err" || has_secret "$out"; then
		violation "a password" "$*"
		status=199
	fi
	rm -f "$out" "$err" "$out.plain" "$err.plain"
	return $status
}

# clock_off SECONDS COMMAND...: on a machine whose clock is off by so much.
clock_off() {
	CLOCK_OFFSET=$1 preloaded lib/clock "${@:2}"
}

# clock_fast TIMES COMMAND...: deadlines come so many times as soon.
clock_fast() {
	CLOCK_SPEED=$1 preloaded lib/clock "${@:2}"
}

# names LIST COMMAND...: with these names and their addresses (lib/names.c).
names() {
	NAMES=$1 preloaded lib/names "${@:2}"
}

# store FILE IS COMMAND...: its file of authorities FILE is the file IS instead, and
# by what it was opened is in the file opened, a line each time (lib/store.c).
store() {
	: >opened
	STORE=$1 STORE_IS=$2 STORE_LOG=$PWD/opened preloaded lib/store "${@:3}"
}

# preloaded PATH COMMAND...: with tests/PATH.c between it and the C library.
preloaded() {
	local so=$PWD/${1##*/}.so

	[[ -e $so ]] || "${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o "$so" \
		"$TESTS_DIR/$1.c"
	LD_PRELOAD=$so \
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 "${@:2}"
}

# After `run --separate-stderr`: this and nothing else was on standard error.
said() {
	assert_equal "${stderr-}" "$1"
}

# start_server OPTION...: see `server --help`. Sets PORT, TLSPORT (with --cert),
# SERVER_PID and SERVER_LOG.
start_server() {
	local fd
	TLSPORT=
	SERVER_LOG=$BATS_TEST_TMPDIR/server.log
	exec {fd}< <(exec "$SERVER" --log "$SERVER_LOG" "$@" \
		2>"$BATS_TEST_TMPDIR/server.err" </dev/null 3>&-)
	SERVER_PID=$!
	STARTED+=("$SERVER_PID")
	if ! read -r -t 60 -u "$fd" _ PORT; then
		cat "$BATS_TEST_TMPDIR/server.err"
		return 1
	fi
	if [[ " $* " == *" --cert "* && " $* " != *" --script "* ]]; then
		read -r -t 60 -u "$fd" _ TLSPORT
	fi
	exec {fd}<&-
	# Where it is and how to get in, for the command line.
	PLAIN=(--host 127.0.0.1 --port "$PORT" --tls none --insecure-auth
		--user "$TEST_USER" --password-file "$PASSWORD_FILE")
	TLS=(--host localhost --port "${TLSPORT:-$PORT}" --tls implicit
		--tls-ca-file "${CA:-}" --user "$TEST_USER"
		--password-file "$PASSWORD_FILE")
	STARTTLS=(--host localhost --port "$PORT" --tls starttls
		--tls-ca-file "${CA:-}" --user "$TEST_USER"
		--password-file "$PASSWORD_FILE")
}

# start_script [OPTION...] <<'EOF': a transcript (tests/server/script.c).
start_script() {
	cat >"$BATS_TEST_TMPDIR/script"
	start_server --script "$BATS_TEST_TMPDIR/script" "$@"
}

# The transcript's server must have heard all it expected, and nothing else. Not to
# be called by `run`: there the server is nobody's child, and cannot be waited for.
finish_script() {
	local status=0
	wait "$SERVER_PID" || status=$?
	if ((status != 0)); then
		cat "$BATS_TEST_TMPDIR/server.err" "$SERVER_LOG"
	fi
	return $status
}

stop_server() {
	kill "$SERVER_PID" && wait "$SERVER_PID"
}

# Make once a file of tests a CA and a certificate for localhost; sets CA, CERT and
# KEY. `make_certificate NAME LINE...` makes others from certtool's template lines.
make_tls() {
	local dir=$BATS_FILE_TMPDIR/tls
	CA=$dir/ca.pem CERT=$dir/localhost.pem KEY=$dir/localhost.key
	export CA CERT KEY
	[[ ! -e $CERT ]] || return 0
	mkdir -p "$dir"
	chmod 755 "$dir"
	make_key "$dir/ca.key"
	printf '%s\n' 'cn = "Test CA"' ca cert_signing_key crl_signing_key \
		'expiration_days = 30' >"$dir/ca.template"
	certtool --generate-self-signed --load-privkey "$dir/ca.key" \
		--template "$dir/ca.template" --outfile "$CA" 2>/dev/null
	make_certificate localhost 'cn = "localhost"' 'dns_name = "localhost"' \
		'ip_address = "127.0.0.1"' 'ip_address = "::1"' tls_www_server \
		'expiration_days = 20'
}

make_key() {
	certtool --generate-privkey --key-type ecdsa --outfile "$1" 2>/dev/null
}

# Writes NAME.pem and NAME.key into $BATS_FILE_TMPDIR/tls, signed by the CA.
make_certificate() {
	local dir=$BATS_FILE_TMPDIR/tls name=$1
	shift
	make_key "$dir/$name.key"
	printf '%s\n' "$@" >"$dir/$name.template"
	certtool --generate-certificate --load-privkey "$dir/$name.key" \
		--load-ca-certificate "$dir/ca.pem" \
		--load-ca-privkey "$dir/ca.key" \
		--template "$dir/$name.template" --outfile "$dir/$name.pem" \
		2>/dev/null
}

# make_mailbox DIR COUNT: small plain messages, 001 and up.
make_mailbox() {
	local i
	mkdir -p "$1"
	for ((i = 1; i <= $2; i++)); do
		printf '%s\n' "From: Ann <ann@example.org>" \
			"Date: Mon, 2 Nov 2026 10:00:0$((i % 10)) +0000" \
			"Subject: message $i" "Message-ID: <$i@example.org>" \
			'' "This is message $i." \
			>"$1/$(printf '%03d' "$i")"
	done
}

# The digests of messages: of mailbox files as they must be delivered (CRLF becomes
# LF, a last line gets its end), sorted; and of what lies in a maildir.
mailbox_digests() {
	python3 "$TESTS_DIR/lib/corpus.py" digests "$@"
}

maildir_digests() {
	find "$1/new" "$1/cur" -type f -exec sha256sum {} + | cut -c1-64 | sort
}
