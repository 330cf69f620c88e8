#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The manual's examples, taken out of poplar(1) and followed; and its promise
# that every record is JSON with these fields.

load lib/common
load lib/dovecot

setup_file() {
	make_tls
	start_dovecot
}

teardown_file() {
	stop_dovecot
}

setup() {
	common_setup
	MANUAL=$(cd "$TESTS_DIR/.." && pwd)/man/poplar.1
	mkdir -p "$BATS_TEST_TMPDIR/bin" .config/poplar
	ln -s "$POPLAR" "$BATS_TEST_TMPDIR/bin/poplar"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# The literal block behind the comment "run NAME", as the page shows it.
block() {
	sed -n "/^\.\\\\\" run $1\$/,/^\.Ed/p" "$MANUAL" |
		sed -e '/^\./d' -e 's/\\(aq/'"'/g" -e 's/\\(dq/"/g' -e 's/\\e/\\/g'
}

# The accounts of a configuration on the tests' server: $1 good, $2 with a
# wrong password.
two_accounts() {
	(umask 077 && echo wrong >"$BATS_TEST_TMPDIR/wrong")
	cat >.config/poplar/config <<-END
	[defaults]
	host = 127.0.0.1
	port = $PORT
	user = $TEST_USER
	tls = none
	insecure-auth
	[account $1]
	maildir = ~/Maildir
	password-file = $PASSWORD_FILE
	[account $2]
	identity = $2
	maildir = ~/Other
	password-file = $BATS_TEST_TMPDIR/wrong
	END
}

@test "examples: from nothing to the first mail, at Dovecot" {
	local began=$SECONDS
	make_mailbox "$BATS_TEST_TMPDIR/mail" 3
	dovecot_user joe maildir "$BATS_TEST_TMPDIR/mail"
	# The user's own server is this one, whose CA no system knows.
	block first-config >.config/poplar/config
	assert_equal "$(grep -c . .config/poplar/config)" 3
	sed -i -e "s/pop\.example\.org/localhost:$DOVECOT_TLS_PORT/" \
		-e "2a tls-ca-file = $CA" .config/poplar/config

	block first-commands >commands
	assert_equal "$(wc -l <commands)" 3
	while read -r command; do
		TERM=xterm NO_COLOR=1 run -0 python3 "$TESTS_DIR/lib/type_password.py" \
			"$TEST_PASSWORD" bash -c "$command"
		assert_output --partial "Password for joe@localhost: "
		case $command in
		*check*) assert_output --partial 'all is well' ;;
		*list*) assert_line --regexp '^1 .* new .* Ann .* message 1$' ;;
		*fetch*) assert_output --partial '3 messages' ;;
		esac
	done <commands
	run -0 maildir_digests Maildir
	assert_output "$(mailbox_digests "$BATS_TEST_TMPDIR/mail")"

	# With the password in a file it is not asked for again.
	block first-password >password
	bash ./password <"$PASSWORD_FILE"
	make_mailbox "$BATS_TEST_TMPDIR/mail" 4
	python3 "$TESTS_DIR/lib/corpus.py" maildir "$BATS_TEST_TMPDIR/mail" \
		"$DOVECOT_DIR/home/joe/Maildir"
	dovecot_own
	run -0 setsid -w bash -c 'poplar fetch' </dev/null
	assert_output ''
	assert_equal "$(find Maildir/new -type f | wc -l)" 4
	((SECONDS - began < 120))
}

@test "examples: the script says what came and what failed" {
	block script >fetch-all
	assert [ "$(grep -c . fetch-all)" -le 10 ]
	chmod +x fetch-all
	make_mailbox "$BATS_TEST_TMPDIR/mail" 2
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	two_accounts home work
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"

	run --separate-stderr -77 ./fetch-all
	assert_output 'home: message 1, 138 octets
home: message 2, 138 octets'
	# Each failure is said once.
	assert_equal "${#stderr_lines[@]}" 1
	[[ ${stderr_lines[0]} == 'poplar: work: '* ]]

	# What will pass is not a failure of the script.
	stop_server
	run --separate-stderr -0 ./fetch-all
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 2
	assert_equal "$(ls "$TMPDIR")" ''
}

@test "examples: a look before fetching changes nothing" {
	make_mailbox "$BATS_TEST_TMPDIR/mail" 3
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	two_accounts home work
	sed -i '1a account = home' .config/poplar/config
	block look | sed 's/| less/| cat/' >commands
	run -0 bash -e commands
	assert_line --index 0 --regexp $'^1\t138\tnew\t'
	assert_line --regexp '^From MAILER-DAEMON '
	run -0 poplar list --long new
	assert_equal "${#lines[@]}" 3
	assert_not_exist Maildir
}

@test "examples: check says what is wrong, the shell gets a message" {
	make_mailbox "$BATS_TEST_TMPDIR/mail" 3
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	two_accounts home work
	block wrong >commands
	run -0 bash commands
	assert_line 'home: all is well'
	assert_line 'work: all is well' # --config-only
	assert_line --regexp '^work: .*127\.0\.0\.1 refused the login'
	refute_line --regexp '^home: .*wrong'
	block shell >commands
	run -0 bash commands
	cmp three "$BATS_TEST_TMPDIR/mail/003"
}

@test "examples: the filter leaves bulk mail where it is" {
	make_mailbox "$BATS_TEST_TMPDIR/mail" 3
	sed -i '1iPrecedence: bulk' "$BATS_TEST_TMPDIR/mail/002"
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	two_accounts home work
	sed -i '1a account = home' .config/poplar/config
	run -0 bash -e <(block filter)
	assert_equal "$(cat Maildir/new/* | grep -c ^Subject)" 2
	run -0 poplar list --long new
	assert_output --regexp $'^2\t.*message 2$'
}

@test "examples: procmail and maildrop get the mail" {
	local line name
	make_mailbox "$BATS_TEST_TMPDIR/mail" 2
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	mkdir -p Procmail/{tmp,new,cur} Maildrop/{tmp,new,cur}
	(umask 077 && echo "DEFAULT=$HOME/Procmail/" >.procmailrc)
	(umask 077 && echo "DEFAULT=$HOME/Maildrop" >.mailfilter)
	block pipe | sed -n '/^pipe = \(procmail\|maildrop\)/p' >pipes
	assert_equal "$(wc -l <pipes)" 2
	# Both take the home of the password database, so they are told.
	sed -i -e "/procmail/s|\$| $HOME/.procmailrc|" \
		-e "/maildrop/s|\$| $HOME/.mailfilter|" pipes
	while read -r line; do
		name=${line#pipe = }
		two_accounts home work
		sed -i -e '1a account = home' -e "s|^maildir = ~/Maildir|$line|" \
			.config/poplar/config
		run -0 poplar fetch --identity "${name%% *}"
		assert_output ''
	done <pipes
	assert_equal "$(cat Procmail/new/* | grep -c '^This is message')" 2
	assert_equal "$(cat Maildrop/new/* | grep -c '^This is message')" 2
}

@test "examples: what is for the configuration is right there" {
	block oauth >configuration
	run -0 --separate-stderr poplar check --config-only --config configuration
	run grep -c ': all is well$' <<<"$output"
	assert_output 3
	run -0 poplar check --print -a outlook --config configuration
	assert_line 'user = joe@example.com'
	assert_line 'token-command = pizauth show outlook'
}

# records NAME COMMAND...: run with --json, have jq read it, and compare the
# fields of each kind of record (sorted, unique) with standard input.
records() {
	local name=$1
	shift
	poplar "$@" --json >records 2>/dev/null || true
	[[ -s records ]] || fail "$name: no record"
	jq -r 'keys_unsorted | join(" ")' records | sort -u >fields
	assert_equal "$(wc -l <records)" "$(jq -c . records | wc -l)"
	run -0 diff - fields
}

@test "examples: jq reads every record, and the fields are the manual's" {
	local command
	make_mailbox "$BATS_TEST_TMPDIR/mail" 3
	printf 'From: B\303\266rn <b@example.org>\nSubject: caf\351\n\nx\n' \
		>"$BATS_TEST_TMPDIR/mail/004"
	start_server --mailbox "$BATS_TEST_TMPDIR/mail"
	two_accounts home work
	sed -i '1a account = home' .config/poplar/config

	records stat stat <<<'account count octets'
	records list list <<<'account num octets'
	records 'list --long' list --long <<-'END'
	account num octets state date from subject
	account num octets state date from subject subject_b64
	END
	run -0 poplar list --long --json 4
	assert_equal "$(jq -r .subject_b64 <<<"$output" | base64 -d)" $'caf\351'
	records uidl uidl <<<'account num uidl'
	records capa capa <<<'account phase capability'
	records check check <<<'account check result status text mend'
	records 'check --print' check --print <<<'account setting value'
	records 'fetch --dry-run' fetch --dry-run <<-'END'
	account num uidl outcome octets name status error
	account summary delivered octets known skipped failed deleted on_server owed status error
	END
	records fetch fetch -a home -a work <<-'END'
	account num uidl outcome octets name status error
	account summary delivered octets known skipped failed deleted on_server owed status error
	END
	assert_equal "$(jq -r 'select(.summary) | "\(.account) \(.delivered) \(.status)"' \
		<<<"$(poplar fetch --all-accounts --json 2>/dev/null)" | sort)" \
		$'home 0 0\nwork 0 77'
	records delete delete 1 <<-'END'
	account num uidl outcome octets name status error
	account summary delivered octets known skipped failed deleted on_server owed status error
	END
	run -0 poplar fetch --dry-run # sees that message 1 is gone
	records 'state list' state list <<-'END'
	uidl state list_octets octets digest copy time
	END
	run -0 poplar fetch
	records 'state export' state export <<-'END'
	uidl state list_octets octets digest copy time
	uidl state list_octets octets digest copy time gone
	END
	records 'state path' state path <<<path
	printf '3 xyz\n' >cache
	records 'state import' state import --from fdm cache <<<'imported known'
	printf 'x\n' >>"$(poplar state path)"
	records 'state check' state check <<<finding

	# No command with records is missing above.
	for command in $(poplar help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		! poplar help --all "$command" | grep -q -- --json || echo "$command"
	done >with_json
	run -0 sort with_json
	assert_output 'capa
check
delete
fetch
list
stat
state
uidl'
}
