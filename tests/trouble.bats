#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# When something is wrong: one clear sentence, the status of the manual's table,
# and nothing lost. What is wrong with certificates is in tls.bats.

load lib/common
load lib/dovecot

setup_file() {
	make_tls
	make_mailbox "$BATS_FILE_TMPDIR/mail" 3
	head -c 100000 /dev/zero | tr '\0' x | fold -w 70 \
		>"$BATS_FILE_TMPDIR/mail/004"
}

setup() {
	common_setup
	MAIL=$BATS_FILE_TMPDIR/mail
	start_server --mailbox "$MAIL" --cert "$CERT" --key "$KEY"
	STATE=$(poplar state path "${TLS[@]}")
}

# Nothing was lost: what is on the server now comes in whole, once.
nothing_lost() {
	run -0 poplar stat "${TLS[@]}"
	assert_output --partial '4 '
	run --separate-stderr -0 poplar fetch --maildir "$HOME/Good" "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(maildir_digests "$HOME/Good")" "$(mailbox_digests "$MAIL")"
}

# The program with every file limited to $1 blocks of 1024 octets, which is to it
# as a full disk is. Standard error goes through a pipe, for it is limited too.
limited() {
	{
		(
			ulimit -f "$1"
			exec "$POPLAR" "${@:2}"
		) 2>&1 >&4 | cat >&2
		return "${PIPESTATUS[0]}"
	} 4>&1
}

# The program with $1 descriptors.
few() {
	ulimit -n "$1"
	"$POPLAR" "${@:2}"
}

# The program without the privileges that root has over files.
unprivileged() {
	if [[ $(id -u) == 0 ]]; then
		setpriv --bounding-set=-all --inh-caps=-all "$POPLAR" "$@"
	else
		"$POPLAR" "$@"
	fi
}

@test "trouble: a wrong password is 77" {
	(umask 077 && echo wrong >wrong)
	for where in TLS STARTTLS PLAIN; do
		declare -n way=$where
		run --separate-stderr -77 poplar fetch --maildir Mail "${way[@]}" \
			--password-file wrong
		assert_output ''
		said "poplar: tester@${way[1]}: ${way[1]} refused the login: [AUTH] Authentication failed."
	done
	assert_not_exists Mail/new/*
	nothing_lost
}

@test "trouble: an unknown host is 68" {
	run --separate-stderr -68 poplar stat pop3s://tester@host.invalid \
		--password-file "$PASSWORD_FILE"
	assert_output ''
	said 'poplar: tester@host.invalid: there is no host named host.invalid'
}

@test "trouble: a refused port is 75" {
	closed=$(free_ports 1)
	run --separate-stderr -75 poplar stat "${TLS[@]}" --port "$closed"
	assert_output ''
	said "poplar: tester@localhost: cannot connect to localhost port $closed: 127.0.0.1: Connection refused"
	run --separate-stderr -75 poplar stat "${TLS[@]}" --port "$closed" -qq
	said ''
}

@test "trouble: TLS where there is none is 69, with a hint" {
	run --separate-stderr -69 poplar stat "${TLS[@]}" --port "$PORT"
	assert_output ''
	said 'poplar: tester@localhost: localhost does not speak TLS there; try --tls=starttls or port 995'
}

@test "trouble: none where there is TLS is 75, with a hint" {
	run --separate-stderr -75 poplar stat "${PLAIN[@]}" --port "$TLSPORT" --timeout 1s
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 did not answer the connection within 1 second; if it speaks TLS there, try --tls=implicit'
}

@test "trouble: an unverified certificate is 69, STLS not to be had is 69" {
	run --separate-stderr -69 poplar fetch --maildir Mail "${TLS[@]:0:4}" \
		"${TLS[@]:8}"
	assert_output ''
	assert_regex "$stderr" '^poplar: tester@localhost: the certificate of localhost was issued by an unknown authority \(CN=Test CA\)[^.]*$'
	run -1 grep PASS "$SERVER_LOG"
	stop_server
	start_server --mailbox "$MAIL" --no-stls
	run --separate-stderr -69 poplar fetch --maildir Mail "${STARTTLS[@]}"
	assert_output ''
	assert_regex "$stderr" '^poplar: tester@localhost: localhost (does not offer|refused) STLS'
	run -1 grep -E 'PASS|AUTH' "$SERVER_LOG"
}

@test "trouble: no password in the clear without leave" {
	for word in "${PLAIN[@]}"; do
		[[ $word == --insecure-auth ]] || options+=("$word")
	done
	run --separate-stderr -69 poplar stat "${options[@]}"
	assert_output ''
	said 'poplar: tester@127.0.0.1: 127.0.0.1 offers no login that keeps the password secret on a line without TLS; use --tls=implicit or --tls=starttls, or --insecure-auth to send it in the clear'
	run -1 grep -E 'PASS|AUTH' "$SERVER_LOG"
}

@test "trouble: a password that cannot be had is 78" {
	run --separate-stderr -78 poplar stat "${TLS[@]}" --password-file none
	assert_output ''
	said 'poplar: tester@localhost: password-file: none: No such file or directory'
	echo secret >open
	chmod 644 open
	run --separate-stderr -78 poplar stat "${TLS[@]}" --password-file open
	said 'poplar: tester@localhost: password-file: open holds a password and others may read or write it (mode 0644): chmod 600 open'
	run --separate-stderr -78 poplar stat "${TLS[@]:0:10}" </dev/null
	said 'poplar: tester@localhost: no password for tester@localhost, and no terminal to ask at: give --password-command, --password-file, --password-fd or --netrc'
}

@test "trouble: a maildir that cannot be opened is 73" {
	mkdir -p Mail/{tmp,new,cur}
	chmod 0 Mail
	run --separate-stderr -73 unprivileged fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: $HOME/Mail: Permission denied"
	# An ordinary user cannot look into it before it is opened.
	chmod 700 Mail
	chmod 500 Mail/* Mail
	run --separate-stderr -73 unprivileged fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	assert_regex "$stderr" "^poplar: tester@localhost: $HOME/Mail[^:]*: Permission denied$"
	# else only root can remove them at the end
	chmod 700 Mail Mail/*
	run --separate-stderr -73 poplar fetch --maildir no/such "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: cannot make $HOME/no/such: there is no directory $HOME/no; make it first"
	run --separate-stderr -73 poplar fetch --mbox no/box "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: cannot make $HOME/no/box: there is no directory $HOME/no; make it first"
	run -1 grep RETR "$SERVER_LOG"
	nothing_lost
}

@test "trouble: a destination of another kind is 73" {
	: >file
	run --separate-stderr -73 poplar fetch --maildir file "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: $HOME/file is not a maildir"
	mkdir full
	: >full/letter
	run --separate-stderr -73 poplar fetch --maildir full "${TLS[@]}"
	said "poplar: tester@localhost: $HOME/full is a directory with other things in it, not a maildir"
	run --separate-stderr -73 poplar fetch --mbox full "${TLS[@]}"
	said "poplar: tester@localhost: $HOME/full: Is a directory"
	run -1 grep RETR "$SERVER_LOG"
	nothing_lost
}

@test "trouble: a full disk under the maildir is 74" {
	run --separate-stderr -74 limited 20 fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: message 4: $HOME/Mail: File too large"
	run -0 find Mail/new -type f -size +20k
	assert_output ''
	run -0 ls Mail/tmp
	assert_output ''
	assert_equal "$(find Mail/new -type f | wc -l)" 3
	run --separate-stderr -0 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said ''
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests "$MAIL")"
}

@test "trouble: a full disk under mbox and pipe is 74" {
	for where in '--mbox inbox' '--pipe cat >/dev/null'; do
		run --separate-stderr -74 limited 20 fetch --identity "$where" \
			"${where%% *}" "${where#* }" "${TLS[@]}"
		assert_output ''
		assert_regex "$stderr" "message [14]: [^:]*: File too large"
	done
	nothing_lost
}

@test "trouble: a full disk under the state is 74" {
	run --separate-stderr -74 limited 0 fetch --delete --maildir Mail "${TLS[@]}"
	assert_output ''
	assert_regex "$stderr" "^poplar: tester@localhost: [^:]*${STATE##*/}[^:]*: File too large$"
	run -1 grep DELE "$SERVER_LOG"
	nothing_lost
}

@test "trouble: a full disk under standard output is 74" {
	full() { "$POPLAR" "$@" "${TLS[@]}" >/dev/full; }
	for command in stat list uidl 'list --long' 'list --json' capa; do
		# shellcheck disable=SC2086
		run --separate-stderr -74 full $command
		said 'poplar: standard output: No space left on device'
	done
	for command in 'top 1' 'fetch --stdout 4'; do
		# shellcheck disable=SC2086
		run --separate-stderr -74 full $command
		said 'poplar: tester@localhost: standard output: No space left on device'
	done
	closed() { "$POPLAR" stat "${TLS[@]}" >&-; }
	run --separate-stderr -74 closed
	said 'poplar: standard output: Bad file descriptor'
	nothing_lost
}

@test "trouble: a reader that goes away" {
	for number in {1..300}; do
		ln "$MAIL/004" "$BATS_TEST_TMPDIR/x$number"
	done
	mkdir many
	mv "$BATS_TEST_TMPDIR"/x* many
	stop_server
	start_server --mailbox many
	gone() { "$POPLAR" "$@" "${PLAIN[@]}" | head -c 10 >/dev/null; return "${PIPESTATUS[0]}"; }
	run --separate-stderr -74 gone top -n 9999 all
	said 'poplar: tester@127.0.0.1: standard output: Broken pipe'
}

@test "trouble: two at a time, the second is 75 at once" {
	poplar fetch --maildir "$HOME/Good" --limit 1 "${TLS[@]}"
	exec {lock}<>"$STATE.lock"
	flock -n "$lock"
	run --separate-stderr -75 poplar fetch --maildir Mail "${TLS[@]}"
	assert_output ''
	said "poplar: tester@localhost: another poplar is using the state $STATE"
	exec {lock}>&-
	nothing_lost
}

# The line is read while a command works, so that it may end there.
@test "trouble: a connection that ends while a command works" {
	make_mailbox many 100
	stop_server
	start_server --mailbox many --close-at RETR:90 --fault-connections 1
	run --separate-stderr -0 timeout 60 "$POPLAR" fetch "${PLAIN[@]}" \
		--pipe 'sleep 0.01; cat >>all'
	assert_equal "$(grep -c '^Subject:' all)" 100
}

@test "trouble: a deadline holds against a message that keeps coming" {
	stop_server
	start_script <<-'END'
		S: +OK
		C~ CAPA
		S: -ERR
		C~ USER .*
		S: +OK
		C~ PASS .*
		S: +OK
		C~ CAPA
		S: -ERR
		C~ STAT
		S: +OK 1 2000000000
		C~ UIDL
		S: +OK
		S: 1 endless
		S: .
		C~ LIST
		S: +OK
		S: 1 2000000000
		S: .
		C~ RETR 1
		S: +OK
		S-endless: octets and octets\r\n
	END
	run --separate-stderr -75 timeout 30 "$POPLAR" fetch "${PLAIN[@]}" \
		--maildir Mail --deadline 1s
	said 'poplar: tester@127.0.0.1: the deadline passed while waiting for 127.0.0.1'
}

@test "trouble: named messages whose QUIT was lost are deleted after all" {
	make_mailbox some 9
	stop_server
	start_server --mailbox some --close-at QUIT:1 --fault-connections 1
	run --separate-stderr -0 poplar fetch --delete --maildir Mail 1-5 "${PLAIN[@]}"
	assert_equal "$(find Mail/new -type f | wc -l)" 5
	assert_equal "$(find some -type f | wc -l)" 4
}

@test "trouble: what was named is fetched after a listing was lost" {
	poplar fetch 1 --maildir Mail --identity here "${TLS[@]}"
	stop_server
	start_server --mailbox "$MAIL" --cert "$CERT" --key "$KEY" \
		--close-at LIST:1 --fault-connections 1
	run --separate-stderr -0 poplar fetch 2-3 --maildir Mail \
		--identity here "${TLS[@]}"
	assert_equal "$(find Mail/new -type f | wc -l)" 3
}

@test "trouble: --limit counts what came before the connection was lost once" {
	make_mailbox some 20
	stop_server
	start_server --mailbox some --no-pipelining --close-at RETR:6 --fault-connections 1
	run --separate-stderr -0 poplar fetch --limit 10 --maildir Mail all "${PLAIN[@]}"
	assert_equal "$(find Mail/new -type f | wc -l)" 10
}

@test "trouble: a message that ends the session does not keep the others back" {
	make_mailbox some 5
	stop_server
	# at first it could be pipelining that is not borne
	for options in '' --no-pipelining; do
		# shellcheck disable=SC2086
		start_server --mailbox some $options --close-at RETR:1 \
			--fault-connections $((${#options} ? 3 : 5))
		run --separate-stderr -75 poplar fetch --maildir "Mail$options" \
			--identity "me$options" "${PLAIN[@]}"
		assert_equal "$(find "Mail$options/new" -type f | wc -l)" 4
		stop_server
	done
}

@test "trouble: commands do not use the descriptors up" {
	make_mailbox many 1200
	stop_server
	start_server --mailbox many
	run --separate-stderr -0 few 250 fetch "${PLAIN[@]}" --mbox - all
	assert_equal "$(grep -c '^Subject:' <<<"$output")" 1200
}

@test "trouble: the smallest messages do not use the descriptors up" {
	mkdir many
	for i in {1000..1999}; do
		echo "m$i" >"many/$i"
	done
	stop_server
	start_server --mailbox many
	for limit in 150 48; do
		run --separate-stderr -0 few "$limit" fetch "${PLAIN[@]}" \
			--maildir "Mail-$limit" --no-state
		said ''
		assert_equal "$(find "Mail-$limit/new" -type f | wc -l)" 1000
	done
	# each waits for the one before it, and sentinels are as few as can be
	run --separate-stderr -0 few 150 fetch "${PLAIN[@]}" --pipelining off \
		--maildir Mail-by-one --no-state
	said ''
	assert_equal "$(find Mail-by-one/new -type f | wc -l)" 1000
}

@test "trouble: nor do those that come in while others are synced" {
	mkdir many
	for i in {1000..1949}; do
		echo "m$i" >"many/$i"
	done
	stop_server
	start_server --mailbox many
	export GATE_DIR=$HOME/Mail/tmp GATE_FROM=64 GATE_TO=96
	run --separate-stderr -0 preloaded lib/gate few 128 fetch "${PLAIN[@]}" \
		--maildir "$HOME/Mail" --no-state
	said ''
	assert_equal "$(find "$HOME/Mail/new" -type f | wc -l)" 950
}

@test "trouble: a server of another protocol is called by its name" {
	make_tls
	make_mailbox mail 1
	while IFS=: read -r protocol greeting; do
		start_server --mailbox mail --cert "$CERT" --key "$KEY" \
			--replace "GREETING:1=$greeting\r\n"
		said="speaks $protocol at this port, not POP3, which is at port \
995 (implicit TLS) or 110"
		run --separate-stderr -76 poplar stat "${PLAIN[@]}"
		said "poplar: tester@127.0.0.1: 127.0.0.1 $said"
		# in TLS, and where TLS was expected
		run --separate-stderr -76 poplar stat "${TLS[@]}"
		said "poplar: tester@localhost: localhost $said"
		run --separate-stderr -76 poplar stat "${TLS[@]}" --port "$PORT"
		said "poplar: tester@localhost: localhost $said"
		run --separate-stderr -76 poplar stat "${STARTTLS[@]}"
		said "poplar: tester@localhost: localhost $said"
		run -76 poplar check "${PLAIN[@]}" --no-config
		assert_output --partial "wrong  127.0.0.1 $said"
		assert_output --partial 'Set port = 995'
		stop_server
	done <<-'END'
		IMAP:* OK [CAPABILITY IMAP4rev1] ready
		IMAP:* PREAUTH at once
		IMAP:* BYE not now
		SMTP:220 mail.example.org ESMTP Postfix
		SMTP:220-mail.example.org ESMTP\r\n220 more
		SMTP:220 mail.example.org ready
		SMTP:554 no
		LMTP:220 mail.example.org Dovecot LMTP ready
		FTP:220 (vsFTPd 3.0)
		NNTP:200 news.example.org, posting allowed
		SSH:SSH-2.0-OpenSSH_9.2
		HTTP:HTTP/1.1 400 Bad Request
		ManageSieve:"IMPLEMENTATION" "Dovecot Pigeonhole"
	END
	# anything else is shown
	start_server --mailbox mail --replace 'GREETING:1=999 what\r\n'
	run --separate-stderr -76 poplar stat "${PLAIN[@]}"
	said "poplar: tester@127.0.0.1: 127.0.0.1 answered the connection with \
something that is not a POP3 reply: 999 what"
}

@test "trouble: a connection that is closed, and in answer to what" {
	make_mailbox mail 2
	closes() {
		start_server --mailbox mail "${@:3}"
		# shellcheck disable=SC2086
		run --separate-stderr -75 poplar $1 "${PLAIN[@]}"
		said "poplar: tester@127.0.0.1: 127.0.0.1 closed the connection $2"
		stop_server
	}
	password='as some servers do when they refuse a password'
	closes stat 'before its greeting; if it speaks TLS there, try --tls=implicit' \
		--close-at GREETING:1
	closes 'stat --auth user' 'in answer to USER' --close-at USER:1
	closes 'stat --auth user' "in answer to PASS, $password" --close-at PASS:1
	closes 'stat --auth plain' "in answer to AUTH, $password" \
		--caps SASL,USER --sasl PLAIN --close-at AUTH:1
	closes stat 'in answer to STAT' --close-at STAT:1
	closes 'delete 1' 'in answer to DELE 1' --close-at DELE:1
	closes 'delete 1' 'in answer to QUIT' --close-at QUIT:1
	start_script <<-'END'
		S: +OK
		C: CAPA
		S: -ERR
		C~ USER .*
		S: +OK
		C~ PASS .*
		S: +OK
		C: LIST
		S: +OK
		S-raw: 1 1
		CLOSE
	END
	run --separate-stderr -75 poplar list "${PLAIN[@]}"
	said "poplar: tester@127.0.0.1: 127.0.0.1 closed the connection within its \
answer to LIST"
	finish_script
	# check says what may be wrong
	start_server --mailbox mail --close-at PASS:1
	run -75 poplar check "${PLAIN[@]}" --no-config --auth user
	assert_output --partial "closed the connection in answer to PASS, $password"
	assert_output --partial 'Are user and password right?'
}

@test "trouble: started with signals ignored and blocked" {
	make_mailbox mail 2
	start_server --mailbox mail
	cat >odd.py <<-'EOF'
		import os, signal, sys
		signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
		os.execv(sys.argv[1], sys.argv[1:])
	EOF
	odd=(python3 odd.py "$POPLAR")
	for _ in 1 2; do
		run --separate-stderr -0 "${odd[@]}" fetch --no-config "${PLAIN[@]}" \
			--filter 'cat >/dev/null' --pipe 'cat >>got' \
			--password-command "cat $PASSWORD_FILE"
		said ''
	done
	assert_equal "$(grep -c '^Message-ID' got)" 2
	# what a command inherits is as usual
	run --separate-stderr -0 "${odd[@]}" fetch --no-config --no-state 1 \
		"${PLAIN[@]}" --pipe 'grep -E "^Sig(Blk|Ign)" /proc/self/status >signals'
	# 32 and 33 are the C library's own
	run -0 sed 's/180000000$/000000000/; s/.*\t//' signals
	assert_output "0000000000000000"$'\n'"0000000000000000"
	# and a signal is heard
	stop_server
	start_server --mailbox mail --stall-at STAT:1
	"${odd[@]}" stat --no-config "${PLAIN[@]}" 2>err 3>&- &
	pid=$!
	until grep -q 'C: STAT' "$SERVER_LOG"; do
		kill -0 "$pid"
	done
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status" 143
}

@test "trouble: a slow command does not let the server wait in vain" {
	make_mailbox some 3
	stop_server
	start_server --mailbox some --no-pipelining
	# 0.7 seconds count for 70
	run --separate-stderr -0 clock_fast 100 few 48 fetch "${PLAIN[@]}" \
		--timeout 600 --pipe 'sleep 0.7; cat >>got'
	said ''
	assert_file_contains "$SERVER_LOG" 'C: NOOP'
}

@test "trouble: a line that breaks time and again" {
	make_mailbox some 18
	stop_server
	# a message gets home in each session
	start_server --mailbox some --no-pipelining --close-at RETR:2
	run --separate-stderr -0 poplar fetch "${PLAIN[@]}" --maildir Mail
	said ''
	assert_equal "$(find Mail/new -type f | wc -l)" 18
}

@test "trouble: a server that lists less than it says it has is 76" {
	stop_server
	start_server --mailbox "$MAIL" --stat '9 9999'
	run --separate-stderr -76 poplar fetch --maildir Mail "${PLAIN[@]}"
	assert_output ''
	said 'poplar: warning: tester@127.0.0.1: 127.0.0.1 says that it has 9 messages, and lists 4'
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests "$MAIL")"
}

@test "trouble: what is owed for a message fetched again is made up for" {
	make_mailbox some 3
	stop_server
	start_server --mailbox some
	poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	stop_server
	start_server --mailbox some --close-at QUIT:1
	run --separate-stderr -75 poplar fetch --delete --maildir Mail \
		--identity me "${PLAIN[@]}" 1-3
	stop_server
	start_server --mailbox some
	poplar fetch --delete --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(find some -type f | wc -l)" 0
}

@test "trouble: a message that came short once is not retrieved for ever" {
	make_mailbox some 1
	stop_server
	start_server --mailbox some --size-lie 10
	run --separate-stderr -75 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	stop_server
	echo 'the rest' >>some/001
	start_server --mailbox some
	poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	assert_equal "$(find Mail/new -type f | wc -l)" 2
	: >"$SERVER_LOG"
	run --separate-stderr -0 poplar fetch --maildir Mail --identity me "${PLAIN[@]}"
	run -1 grep RETR "$SERVER_LOG"
}

# What the batch before it has left to be tidied up is tidied up by the next run.
@test "trouble: a full disk stops only what does not fit" {
	make_mailbox mail 100
	for n in 003 050 051 100; do
		head -c 400000 /dev/zero | tr '\0' x | fold >mail/$n
	done
	stop_server
	start_server --mailbox mail
	for where in '--maildir Mail' '--mbox inbox' '--pipe cat >>piped'; do
		run --separate-stderr -74 limited 200 fetch --delete "${where%% *}" \
			"${where#* }" --identity "$where" "${PLAIN[@]}"
		assert_output ''
		assert_equal "${#stderr_lines[@]}" 4
		assert_regex "${stderr_lines[3]}" '^poplar: .*: message 100: .*: File too large$'
		assert_equal "$(find mail -type f | wc -l)" 4
		# once there is room, they come
		run --separate-stderr -0 poplar fetch --delete "${where%% *}" \
			"${where#* }" --identity "$where" "${PLAIN[@]}"
		said ''
		run -0 ls mail
		assert_output ''
		make_mailbox mail 100
		for n in 003 050 051 100; do
			head -c 400000 /dev/zero | tr '\0' x | fold >mail/$n
		done
	done
	assert_equal "$(maildir_digests Mail)" "$(mailbox_digests mail)"
	run -0 ls Mail/tmp
	assert_output ''
}

@test "trouble: where nothing fits not all is retrieved in vain" {
	make_mailbox mail 100
	for n in mail/*; do
		head -c 400000 /dev/zero | tr '\0' x | fold >"$n"
	done
	stop_server
	start_server --mailbox mail --no-pipelining
	run --separate-stderr -74 limited 200 fetch --maildir Mail "${PLAIN[@]}"
	(($(grep -c 'C: RETR' "$SERVER_LOG") <= 5))
}

@test "trouble: a destination that takes nothing is found before the first RETR" {
	while IFS='|' read -r want sentence option value; do
		: >"$SERVER_LOG"
		run --separate-stderr "-$want" poplar fetch --delete "--$option" "$value" \
			--identity "$want" "${TLS[@]}"
		assert_equal "$stderr" "poplar: tester@localhost: $sentence"
		run ! grep 'RETR\|DELE' "$SERVER_LOG"
		grep -q QUIT "$SERVER_LOG"
		# without new mail nothing is asked of it
		run --separate-stderr -0 poplar state mark-seen all --identity new "${TLS[@]}"
		run --separate-stderr -0 poplar fetch "--$option" "$value" \
			--identity new "${TLS[@]}"
	done <<-EOF2
	73|there is no program /nonexistent/filter to give mail to|pipe|/nonexistent/filter -a
	73|there is no program no-such-filter to give mail to|pipe|no-such-filter
	75|LMTP: cannot connect to 127.0.0.1 port 1: Connection refused|lmtp|127.0.0.1:1
	75|LMTP: cannot connect to $PWD/nothing: No such file or directory|lmtp|$PWD/nothing
	EOF2
	# what only the shell knows is left to it
	for command in 'cat >/dev/null' ': a builtin' 'A=b; true' '(exit 0)'; do
		run --separate-stderr -0 poplar fetch --pipe "$command" --limit 1 \
			--identity "$command" "${TLS[@]}"
	done
}
