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
