#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Many accounts in one call: what is delivered, what is said of whom, the status.

load lib/common
load lib/dovecot

setup_file() {
	local i
	make_tls
	start_dovecot
	make_mailbox "$BATS_FILE_TMPDIR/mail" 3
	printf '%02000d\n' 0 >>"$BATS_FILE_TMPDIR/mail/002"
	for i in {0..9}; do
		dovecot_user "user$i" maildir "$BATS_FILE_TMPDIR/mail"
	done
	dovecot_user shared maildir "$BATS_FILE_TMPDIR/mail"
}

teardown_file() {
	stop_dovecot
}

# Ten accounts; the fourth has a wrong password, the seventh a port where nobody is.
setup() {
	local i
	common_setup
	mkdir -p .config/poplar
	(umask 077 && echo wrong >wrong)
	DEAD=$(free_ports 1)
	{
		printf '%s\n' '[defaults]' 'host = localhost' "port = $DOVECOT_TLS_PORT" \
			"tls-ca-file = $CA" "password-file = $PASSWORD_FILE"
		for i in {0..9}; do
			printf '%s\n' "[account box$i]" "user = user$i" \
				"maildir = ~/Mail/$i"
			case $i in
			3) echo 'password-file = ~/wrong' ;;
			6) echo "port = $DEAD" ;;
			esac
		done
	} >.config/poplar/config
	mkdir Mail
}

@test "accounts: ten, one with a wrong password, one with a dead port" {
	local i dead="poplar: box6: cannot connect to localhost port $DEAD: .*refused\$"
	run --separate-stderr -77 poplar fetch --all-accounts
	assert_output ''
	run -0 sort <<<"$stderr"
	assert_equal "${#lines[@]}" 2
	assert_line --index 0 \
		'poplar: box3: localhost refused the login: [AUTH] Authentication failed.'
	assert_line --index 1 --regexp "^$dead"
	for i in 0 1 2 4 5 7 8 9; do
		assert_equal "$(maildir_digests "Mail/$i")" \
			"$(mailbox_digests "$BATS_FILE_TMPDIR/mail")"
	done
	assert_equal "$(find Mail/3 -type f)" ''
	assert_equal "$(find Mail/6 -type f)" ''

	# Asked for, a line for each: what came and what is there, or what is wrong.
	run --separate-stderr -77 poplar fetch --all-accounts -v --jobs 10
	run -0 sort <<<"$stderr"
	for i in 0 1 2 4 5 7 8 9; do
		assert_line "poplar: box$i: no new mail; 3 on the server"
	done
	assert_line --index 3 --partial 'box3: localhost refused the login'
	assert_line --index 6 --regexp "^$dead"
	assert_equal "${#lines[@]}" 10

	# The login is worse than what may pass; that alone is 75, and -qq is
	# silent about it.
	sed -i 's|~/wrong|'"$PASSWORD_FILE|" .config/poplar/config
	run --separate-stderr -75 poplar fetch --all-accounts
	assert_output ''
	assert_regex "$stderr" "^$dead"
	run --separate-stderr -75 poplar fetch --all-accounts -qq
	assert_output ''
	said ''
}

@test "accounts: ten, and under cron nothing is printed when all is well" {
	sed -i -e '/wrong/d' -e "/^port = $DEAD/d" .config/poplar/config
	for _ in 1 2; do
		run --separate-stderr -0 poplar fetch --all-accounts </dev/null
		assert_output ''
		said ''
	done
	assert_equal "$(find Mail/*/new -type f | wc -l)" 30
	run --separate-stderr -0 poplar fetch --all-accounts --json
	run -0 jq -r 'select(.summary) | [.account, .on_server, .status] | @tsv' \
		<<<"$output"
	assert_equal "$(sort <<<"$output")" \
		"$(for i in {0..9}; do printf 'box%d\t3\t0\n' "$i"; done)"
}

@test "accounts: authorities are read once, for all processes" {
	local i
	run --separate-stderr -77 store "$CA" "$CA" poplar fetch --all-accounts
	run -0 sort <<<"$stderr"
	assert_equal "${#lines[@]}" 2
	assert_equal "$(<opened)" open
	# for a chain that these do not settle its process loads them all
	make_key other.key
	sed 's/Test CA/Another CA/' "$BATS_FILE_TMPDIR/tls/ca.template" >other.template
	certtool --generate-self-signed --load-privkey other.key \
		--template other.template --outfile other.pem 2>/dev/null
	printf '%s\n' '[defaults]' "url = pop3s://shared@localhost:$DOVECOT_TLS_PORT" \
		"password-file = $PASSWORD_FILE" "tls-ca-file = $PWD/other.pem" \
		'[account one]' 'maildir = ~/one' \
		'[account two]' 'maildir = ~/two' "tls-ca-file = $CA" \
		'[account three]' 'maildir = ~/three' >config
	run --separate-stderr -69 store "$PWD/other.pem" other.pem \
		poplar fetch --config config --all-accounts
	run -0 sort <<<"$stderr"
	assert_equal "${#lines[@]}" 2
	assert_line --index 0 --regexp \
		'^poplar: one: the certificate of localhost was issued by an unknown authority \(CN=Test CA\)'
	assert_line --index 1 --regexp '^poplar: three: the certificate of localhost '
	assert_equal "$(<opened)" $'open\nfopen\nfopen'
	assert_equal "$(maildir_digests two)" \
		"$(mailbox_digests "$BATS_FILE_TMPDIR/mail")"
}

@test "accounts: each with authorities of its own" {
	local i
	mkdir ca
	for i in {0..9}; do
		cp "$CA" "ca/$i"
		sed -i "s|^\\[account box$i\\]|&\\ntls-ca-file = ~/ca/$i|" \
			.config/poplar/config
	done
	sed 's/CERTIFICATE/NOTHING/' "$CA" >ca/4
	run --separate-stderr -78 poplar fetch --all-accounts --jobs 3
	run -0 sort <<<"$stderr"
	assert_equal "${#lines[@]}" 3
	assert_line --index 1 --partial "poplar: box4: $PWD/ca/4: no certificates to trust: "
	for i in 0 1 2 5 7 8 9; do
		assert_equal "$(maildir_digests "Mail/$i")" \
			"$(mailbox_digests "$BATS_FILE_TMPDIR/mail")"
	done
}

@test "accounts: those of one mailbox take turns" {
	# Two of these have one memory of it, the third has its own.
	cat >config <<-END
	[defaults]
	url = pop3s://shared@localhost:$DOVECOT_TLS_PORT
	tls-ca-file = $CA
	password-file = $PASSWORD_FILE
	[account small]
	max-size = 1k
	maildir = ~/small
	[account rest]
	maildir = ~/rest
	[account copy]
	identity = copy
	maildir = ~/copy
	END
	run --separate-stderr -0 poplar fetch --config config --all-accounts -v
	run -0 sort <<<"$stderr"
	assert_line --index 0 --regexp \
		'^poplar: copy: 3 messages .* delivered; 3 on the server$'
	assert_line --index 1 --regexp \
		'^poplar: rest: 1 message .* delivered; 3 on the server$'
	assert_line --index 2 --regexp \
		'^poplar: small: 2 messages .* delivered, 1 skipped; 3 on the server$'
	run --separate-stderr -0 poplar fetch --config config -a rest -a rest -a copy
	said ''
}

# 24 accounts that are this many maildirs, of a server without TLS; 64 at a time.
many_accounts() {
	local i users=()
	mkdir mail
	for i in {1..24}; do
		cp -R "$BATS_FILE_TMPDIR/mail" "mail/user$i"
		users+=(--user "user$i:$TEST_PASSWORD")
	done
	start_server --mailbox mail --per-user "${users[@]}" "$@"
	{
		printf '%s\n' '[defaults]' 'host = 127.0.0.1' "port = $PORT" \
			'tls = none' insecure-auth "password-file = $PASSWORD_FILE"
		for i in {1..24}; do
			printf '%s\n' "[account user$i]" "user = user$i" \
				"maildir = ~/Mail/$i"
		done
	} >config
	MANY=(--config config --all-accounts --jobs 64)
}

# few DESCRIPTORS COMMAND...: and none of Bats' own.
few() {
	local fd
	for fd in {3..99}; do
		eval "exec $fd>&-"
	done
	ulimit -n "$1"
	exec timeout --foreground 60 "${@:2}"
}

# All of all accounts has been fetched; then it is forgotten.
all_fetched() {
	assert_output ''
	said ''
	assert_equal "$(find Mail/*/new -type f | wc -l)" 72
	rm -rf Mail/* .local
}

@test "accounts: with few descriptors each waits until there are some" {
	many_accounts
	for limit in 16 20 32 48 64 128; do
		run --separate-stderr -0 few "$limit" "$POPLAR" fetch \
			"${MANY[@]}"
		all_fetched
	done
}

@test "accounts: with few processes each waits for one, or does without" {
	many_accounts
	for children in 0 1 3 9; do
		CHILDREN=$children run --separate-stderr -0 preloaded lib/scarce \
			poplar fetch "${MANY[@]}"
		all_fetched
	done
	# A command that cannot be started at once is started a little later.
	REFUSED=3 run --separate-stderr -0 preloaded lib/scarce poplar fetch \
		--config config -a user1 --pipe 'cat >>got'
	said ''
	assert_equal "$(grep -c '^Subject:' got)" 3
}

@test "accounts: processes that cannot be heard are an error, not a busy loop" {
	many_accounts
	POLL_MAX=3 run --separate-stderr -71 preloaded lib/scarce \
		poplar fetch "${MANY[@]}"
	assert_output ''
	run -0 sort -u <<<"${stderr//user[0-9]/user}"
	assert_line --index 0 --regexp \
		'^poplar: user[0-9]*: cannot wait for its process: Cannot allocate memory$'
	# What was delivered nevertheless is known to the next run.
	run --separate-stderr -0 poplar fetch "${MANY[@]}"
	all_fetched
}

@test "accounts: a signal ends them, however few descriptors there are" {
	many_accounts --stall-at RETR:1
	few 20 "$POPLAR" fetch "${MANY[@]}" 2>ended &
	pid=$!
	STARTED+=("$pid")
	until grep -q RETR "$SERVER_LOG"; do
		kill -0 "$pid"
		read -r -t 0.02 <> <(:) || :
	done
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status" 143
	run -0 cat ended
	assert_equal "${#lines[@]}" 24
	run -1 grep -v 'interrupted$' ended
}

@test "accounts: commands get the limit on descriptors that poplar got" {
	many_accounts
	soft() {
		ulimit -Sn "$1"
		"$POPLAR" fetch --config config "${@:2}"
	}
	run --separate-stderr -0 soft 40 -a user1 --pipe 'ulimit -Sn >>limits'
	said ''
	assert_equal "$(sort -u limits)" 40
	# It raises its own to what it may have: with 14 nothing can be done.
	run --separate-stderr -0 soft 14 -a user2
	said ''
}
