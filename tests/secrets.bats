#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Where secrets come from, and that they go nowhere but to the server; what children
# inherit; and that links planted where poplar writes lead nowhere.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034  # for children and common.bash;
# tests have their own

load lib/common

setup() {
	common_setup
	make_mailbox mail 1
}

# Where the octets of a password lie in a process's argv or environment.
LOOK='tr "\0" "\n" <"/proc/$PPID/cmdline" >>seen; tr "\0" "\n" <"/proc/$PPID/environ" >>seen; env >>seen; cat >/dev/null'

@test "children: no secret in argv or environment, of poplar or of them" {
	start_server --mailbox mail
	export -n TEST_PASSWORD
	run --separate-stderr -0 poplar fetch --pipe "$LOOK" --filter "$LOOK" \
		"${PLAIN[@]}"
	[[ -s seen ]]
	grep -q poplar seen
	run ! grep -qF "$TEST_PASSWORD" seen
	rm seen
	run --separate-stderr -0 poplar fetch all --pipe "$LOOK" --host 127.0.0.1 \
		--port "$PORT" --tls none --insecure-auth --user "$TEST_USER" \
		--password-command "cat $PASSWORD_FILE; $LOOK </dev/null"
	[[ -s seen ]]
	run ! grep -qF "$TEST_PASSWORD" seen
}

@test "children: nothing but 0, 1 and 2 is open in them" {
	start_server --mailbox mail
	list='ls -l /proc/self/fd | grep -oE " [0-9]+ -> .*" >>open; cat >/dev/null'
	exec 7<"$PASSWORD_FILE" 9>other
	run --separate-stderr -0 poplar fetch --pipe "$list" --filter "$list" \
		"${PLAIN[@]}"
	run --separate-stderr -0 poplar stat --host 127.0.0.1 --port "$PORT" \
		--tls none --insecure-auth --user "$TEST_USER" \
		--password-command "$list </dev/null; cat $PASSWORD_FILE"
	run --separate-stderr -0 poplar stat --host 127.0.0.1 --tls none \
		--insecure-auth --user "$TEST_USER" \
		--password-file "$PASSWORD_FILE" --tunnel "ls -l /proc/self/fd |
			grep -oE ' [0-9]+ -> .*' >>open
			exec python3 '$TESTS_DIR/lib/tunnel.py' $PORT"
	exec 7<&- 9>&-
	# ls's own look at the directory is its number 3
	run ! grep -vE '^ [012] -> |^ 3 -> /proc/[0-9]+/fd$' open
	assert_equal "$(grep -c '^ 0 -> ' open)" 4
}

@test "trace: stars at every level, in every way to log in" {
	start_server --mailbox mail --apop --sasl 'SCRAM-SHA-256 CRAM-MD5 LOGIN'
	for how in 1:plain 2:user 3:{user,plain,login,apop,cram-md5,scram-sha-256}; do
		rm -f trace
		run --separate-stderr -0 poplar stat "${PLAIN[@]}" \
			--auth "${how#*:}" --debug="${how%:*}" --debug-file trace
		run ! has_secret trace
		run ! grep -qF "$TEST_USER" trace
		run ! grep -qF "$(printf %s "$TEST_PASSWORD" | base64)" trace
		run ! grep -qF "$(printf %s "$TEST_USER" | base64)" trace
		grep -qF '****' trace
	done
	assert_equal "$(stat -c %a trace)" 600
	run ! has_raw_octets trace
}

@test "trace: a server that repeats the password is not quoted" {
	start_script <<-EOF2
	S: +OK
	C: CAPA
	S: -ERR
	C: USER tester
	S: +OK
	C: PASS $TEST_PASSWORD
	S: -ERR wrong password $TEST_PASSWORD
	EOF2
	run --separate-stderr -77 poplar stat "${PLAIN[@]}" --debug=3
	finish_script
}

# repeats OPTION...: log in with these to a server that offers MECHANISM and answers
# the last of our lines with WORDS. They must be shown as $1 and never as they are.
repeats() {
	start_script <<-EOF2
	S: +OK
	C: CAPA
	S: +OK
	S: SASL $MECHANISM
	S: .
	C~ AUTH $MECHANISM.*
	$(printf 'S: + %s\nC~ .*\n' "${CHALLENGES[@]}")
	S: $WORDS
	EOF2
	run --separate-stderr poplar stat "${PLAIN[@]}" "${@:2}"
	assert_equal "$stderr" "poplar: tester@127.0.0.1: 127.0.0.1 $1"
	run --separate-stderr poplar stat "${PLAIN[@]}" "${@:2}" --debug=3
	kill "$SERVER_PID" 2>/dev/null || true
}

# refuses_token JSON: refuse a token for this reason, over TLS; what is said of it.
refuses_token() {
	start_script --cert "$CERT" --key "$KEY" <<-EOF2
	TLS
	S: +OK
	C: CAPA
	S: +OK
	S: SASL XOAUTH2
	S: .
	C: AUTH XOAUTH2
	S: +
	C~ .*
	S: + $(printf %s "$1" | base64 -w0)
	C~ .*
	S: -ERR no
	EOF2
	run --separate-stderr poplar stat "${TLS[@]}" \
		--token-command 'echo to.ken-12345' --debug=3
	refute_regex "$stderr" 'to\.ken'
	assert_regex "$stderr" $'(^|\n)poplar: tester@localhost: localhost refused the login: no '
	reason=${stderr##*refused the login: no }
}

@test "login: what a server repeats is not shown, in whatever form" {
	initial=$(printf '\0%s\0%s' "$TEST_USER" "$TEST_PASSWORD" | base64 -w0)
	coded=$(printf %s "$TEST_PASSWORD" | base64)
	SECRETS=("$initial" "$coded" "${initial::40}" to.ken-12345)
	MECHANISM=PLAIN CHALLENGES=('')
	for WORDS in "-ERR what is $initial?" "-ERR x${TEST_PASSWORD}x"; do
		hidden=${WORDS//"$initial"/"${initial//?/*}"}
		hidden=${hidden//"$TEST_PASSWORD"/"${TEST_PASSWORD//?/*}"}
		repeats "refused the login: ${hidden#-ERR }"
	done
	WORDS="AUTH PLAIN $initial"
	repeats 'answered AUTH with something that is not a POP3 reply'
	WORDS="AUTH PLAIN ${initial::40}"
	repeats 'answered AUTH with something that is not a POP3 reply'
	MECHANISM=LOGIN CHALLENGES=('' '')
	WORDS="-ERR what is $coded?"
	repeats "refused the login: what is ${coded//?/*}?"
	make_tls
	refuses_token "$(printf '{"status":"401","x":"%0500d","token":"to.ken-12345"}' 0)"
	assert_equal "$reason" "({\"status\":\"401\",\"x\":\"$(printf %0491d 0))"
	refuses_token '{"status":"401","token":"to.ken-12345"}'
	assert_equal "$reason" '({"status":"401","token":"************"})'
}

# Some say it when the login is long over. after LINE...: log in, and hear them.
after() {
	start_script < <(
		printf '%s\n' 'S: +OK' 'C: CAPA' 'S: -ERR' 'C: USER tester' \
			'S: +OK' "C: PASS $TEST_PASSWORD" 'S: +OK in' "$@"
	)
}

@test "login: what is repeated after it is not shown either" {
	stars=${TEST_PASSWORD//?/*}
	for option in --debug=1 --debug=3 -v --json; do
		after 'C: STAT' "S: -ERR not with $TEST_PASSWORD" 'C: QUIT' 'S: +OK'
		run --separate-stderr -69 poplar stat "${PLAIN[@]}" "$option"
		[[ $stderr == *"127.0.0.1 refused STAT: not with $stars"* ]]
		finish_script
	done
	after 'C: STAT' "S: +OK $TEST_PASSWORD" 'C: QUIT' 'S: +OK'
	run --separate-stderr -76 poplar stat "${PLAIN[@]}"
	[[ $stderr == *"127.0.0.1 answered STAT with \"$stars\"" ]]
	# at the end of what is kept of a line
	fill=$(printf '%0*d' 248 0)
	after 'C: STAT' "S: -ERR $fill $TEST_PASSWORD" 'C: QUIT' 'S: +OK'
	run --separate-stderr -69 poplar stat "${PLAIN[@]}"
	[[ $stderr == *"$fill *****" ]]
	after 'C: STAT' "S: $TEST_PASSWORD" CLOSE
	run --separate-stderr -76 poplar stat "${PLAIN[@]}"
	[[ $stderr == *"not a POP3 reply: $stars" ]]
	after 'C: STAT' "S: $(printf '%072d' 0)$TEST_PASSWORD" CLOSE
	run --separate-stderr -76 poplar stat "${PLAIN[@]}"
	[[ $stderr == *'00********' ]]
	after 'C: STAT' 'S: +OK 1 5' "S: -ERR bye $TEST_PASSWORD" CLOSE
	run --separate-stderr poplar stat "${PLAIN[@]}"
	stop_server 2>/dev/null || true
	# nor when fetch reports it to a script
	start_server --mailbox mail --err-at "RETR:1=-ERR $TEST_PASSWORD\r\n"
	run --separate-stderr poplar fetch --maildir box --json "${PLAIN[@]}"
	assert_regex "$output" "refused RETR 1: \*{13}"
}

@test "core: none is left, but by the children" {
	start_server --mailbox mail
	ulimit -c unlimited 2>/dev/null || ulimit -S -c "$(ulimit -H -c)"
	# the sanitizers forbid them, too
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:disable_coredump=0
	cd "$BATS_TEST_TMPDIR"
	status=0
	python3 - >dumped "$POPLAR" fetch "${PLAIN[@]}" --pipe 'cat >/dev/null' \
		--filter 'ulimit -c >limit; kill -QUIT $PPID; sleep 1' <<-'END'
	import os, sys
	def dumps(words):
	    pid = os.fork()
	    if pid == 0:
	        os.execv(words[0], words)
	    status = os.waitpid(pid, 0)[1]
	    return os.WIFSIGNALED(status), os.WCOREDUMP(status)
	print(*dumps(["/bin/sh", "-c", "kill -QUIT $$"]))
	print(*dumps(sys.argv[1:]))
	END
	# unless it can be seen here what a core file is
	[[ $(head -n 1 dumped) == 'True True' ]] || skip 'no core files here'
	assert_equal "$(tail -n 1 dumped)" 'True False'
	assert_equal "$(<limit)" "$(ulimit -c)"
}

# configured LINE...: a configuration whose [defaults] know the password.
configured() {
	mkdir -p .config/poplar
	printf '%s\n' '[defaults]' 'tls = none' insecure-auth \
		"user = $TEST_USER" "port = $PORT" "$@" >.config/poplar/config
}

@test "defaults: their password is for no server of the command line" {
	start_server --mailbox mail
	where="pop3://$TEST_USER@localhost:$PORT"
	here=(--host 127.0.0.1 --port "$PORT")
	for source in "password-command = cat $PASSWORD_FILE" \
		"password-file = $PASSWORD_FILE"; do
		configured "$source" '[account home]' 'host = 127.0.0.1'
		for words in "$where --tls=none" "--account $where --tls=none" \
			"${here[*]}" "--account home ${here[*]}" \
			"--tunnel=python3\ $TESTS_DIR/lib/tunnel.py\ $PORT"; do
			eval "run --separate-stderr -78 poplar stat $words"
			[[ $stderr == *'those of [defaults] are for the accounts of the configuration'* ]]
		done
		# there it is used; and what the command line gives is
		run --separate-stderr -0 poplar stat
		run --separate-stderr -0 poplar stat "$where" --tls=none \
			--password-file "$PASSWORD_FILE"
	done
	assert_equal "$(grep -c 'C: AUTH' "$SERVER_LOG")" 4
	# an account's own password goes where it is sent by name
	configured '[account home]' 'host = pop.example.org' \
		"password-file = $PASSWORD_FILE"
	run --separate-stderr -0 poplar stat --account home "${here[@]}"
}

@test "defaults: neither is default of .netrc, nor a token or a certificate" {
	start_server --mailbox mail
	where="pop3://$TEST_USER@localhost:$PORT"
	(umask 077 && echo "default login $TEST_USER password $TEST_PASSWORD" >.netrc)
	configured netrc '[account home]' 'host = 127.0.0.1'
	for words in "$where --tls=none" "--host 127.0.0.1" \
		"$where --tls=none --netrc" "--host 127.0.0.1 --no-config --netrc \
			--tls=none --insecure-auth --port=$PORT --user=tester"; do
		eval "run --separate-stderr -78 poplar stat $words"
		[[ $stderr == *'~/.netrc has no password for machine '* ]]
	done
	run --separate-stderr -0 poplar stat
	echo "machine localhost password $TEST_PASSWORD" >>.netrc
	run --separate-stderr -0 poplar stat "$where" --tls=none
	assert_equal "$(grep -c 'C: AUTH' "$SERVER_LOG")" 2
	stop_server
	make_tls
	start_server --mailbox mail --cert "$CERT" --key "$KEY" --client-ca "$CA"
	make_certificate me 'cn = "me"' tls_www_client 'expiration_days = 20'
	mine=$BATS_FILE_TMPDIR/tls/me
	configured "tls-cert = $mine.pem" "tls-key = $mine.key" \
		"tls-ca-file = $CA" "password-file = $PASSWORD_FILE" \
		'[account home]' 'host = localhost' 'tls = implicit' \
		"port = $TLSPORT"
	run --separate-stderr -0 poplar stat
	run --separate-stderr poplar stat --tls=implicit --host localhost \
		--port "$TLSPORT" --password-file "$PASSWORD_FILE"
	((status != 0))
	run --separate-stderr -0 poplar stat --tls=implicit --host localhost \
		--port "$TLSPORT" --password-file "$PASSWORD_FILE" \
		--tls-cert "$mine.pem" --tls-key "$mine.key"
	stop_server
	start_server --mailbox mail --cert "$CERT" --key "$KEY" \
		--caps 'USER,SASL XOAUTH2'
	configured 'token-command = echo to.ken-12345' "tls-ca-file = $CA" \
		'[account home]' 'host = 127.0.0.1'
	run --separate-stderr -78 poplar stat --host localhost --port "$TLSPORT" \
		--tls=implicit --auth xoauth2
	[[ $stderr == *'--auth xoauth2 needs --token-command' ]]
}

@test "files: what others may read is refused, if it holds a password" {
	start_server --mailbox mail
	for mode in 0644 0640 0604 0620 0602; do
		chmod "$mode" "$PASSWORD_FILE"
		run --separate-stderr -78 poplar stat "${PLAIN[@]}"
		assert_equal "$stderr" "poplar: tester@127.0.0.1: password-file: \
$PASSWORD_FILE holds a password and others may read or write it (mode $mode): \
chmod 600 $PASSWORD_FILE"
	done
	chmod 600 "$PASSWORD_FILE"
	cat >config <<-EOF2
	[account a]
	host = 127.0.0.1
	port = $PORT
	tls = none
	insecure-auth = yes
	user = $TEST_USER
	password = $TEST_PASSWORD
	EOF2
	chmod 644 config
	run --separate-stderr -78 poplar stat --config config
	[[ $stderr == *"others may read or write it (mode 0644)"* ]]
	chmod 600 config
	run --separate-stderr -0 poplar stat --config config
	sed -i '/^password/d' config
	chmod 644 config
	run --separate-stderr -0 poplar stat --config config \
		--password-file "$PASSWORD_FILE"
	run ! grep -q 'C: .*wrong' "$SERVER_LOG"
}

@test "files: a configuration that everybody may write to is refused" {
	printf '%s\n' '[account a]' 'host = 127.0.0.1' 'user = ann' \
		'password-command = touch pwned' >config
	echo "include $PWD/config" >outer
	for mode in 646 602; do
		chmod "$mode" config
		for file in config outer; do
			run --separate-stderr -78 poplar stat --config "$file"
			assert_output ''
			assert_regex "${stderr_lines[0]}" \
				'config: everybody may write to it: chmod o-w$'
		done
	done
	assert_not_exists pwned
}

@test "files: a configuration that others may have written is refused" {
	printf '%s\n' '[account a]' 'host = 127.0.0.1' 'user = ann' \
		'password-command = touch pwned' >config
	echo "include $PWD/config" >outer
	# only root can give a file away
	for command in $([ "$EUID" != 0 ] || echo chown chgrp); do
		"$command" 54321 config
		[ "$command" = chown ] || chmod 660 config
		for file in config outer; do
			run --separate-stderr -78 poplar stat --config "$file"
			assert_output ''
			assert_regex "${stderr_lines[0]}" \
				'config: (it belongs to another user|its group may write to it: chmod g-w)$'
		done
		chown 0:0 config
	done
	assert_not_exists pwned
	# a group of one's own, as with umask 002
	chmod 660 config
	run --separate-stderr poplar accounts --config outer
	refute_regex "$stderr" 'may write'
}

@test "files: what cannot be a password is refused before it is sent" {
	start_server --mailbox mail
	umask 077
	printf 'a\nb\n' >two
	printf 'a\0b\n' >nul
	printf 'a\rb\n' >cr
	: >empty
	head -c 70000 /dev/zero | tr '\0' a >huge
	for file in two nul cr empty huge /dev/zero nothing; do
		run --separate-stderr -78 timeout 20 "$POPLAR" stat "${PLAIN[@]}" \
			--password-file "$file"
		[[ $stderr == *"password-file: "* ]]
	done
	run ! grep -qE 'C: (USER|PASS|AUTH)' "$SERVER_LOG"
}

@test "commands: bounded in time and size, and their status minded" {
	make_tls
	start_server --mailbox mail --cert "$CERT" --key "$KEY" --caps 'USER,SASL XOAUTH2'
	without=(--host 127.0.0.1 --port "$PORT" --tls none --insecure-auth
		--user "$TEST_USER")
	run --separate-stderr -78 poplar stat "${without[@]}" \
		--password-command 'yes'
	[[ $stderr == *'password-command: the command prints more than 65536 octets' ]]
	run --separate-stderr -75 poplar stat "${without[@]}" --timeout 1 \
		--password-command 'echo $$ >pid; exec sleep 600'
	[[ $stderr == *'password-command: the command did not answer in time' ]]
	run ! kill -0 "$(<pid)"
	run --separate-stderr -78 poplar stat "${without[@]}" \
		--password-command "cat $PASSWORD_FILE; exit 3"
	[[ $stderr == *'password-command: the command failed with status 3' ]]
	run --separate-stderr -78 poplar stat "${without[@]}" \
		--password-command 'true'
	[[ $stderr == *'password-command: the command prints nothing' ]]
	run --separate-stderr -78 poplar stat "${TLS[@]}" --auth xoauth2 \
		--token-command 'yes'
	[[ $stderr == *'token-command: the command prints more than 65536 octets' ]]
	# it does not eat what is somebody's data
	echo data | { run poplar stat "${without[@]}" \
		--password-command "cat; cat $PASSWORD_FILE" && cat >left; }
	assert_equal "$(<left)" data
}

# The process whose id is in the file pid has ended, if not been reaped yet.
is_gone() {
	local pid
	pid=$(<pid)
	for _ in {1..100}; do
		if ! kill -0 "$pid" 2>/dev/null ||
			grep -q '^State:.*Z' "/proc/$pid/status"; then
			rm pid
			return 0
		fi
		sleep 0.05
	done
	kill "$pid"
	return 1
}

@test "commands: what they have started ends with them" {
	start_server --mailbox mail
	lingers='sleep 600 & echo $! >pid; wait'
	cron=(setsid -w "$POPLAR" stat --host 127.0.0.1 --port "$PORT" --tls none
		--insecure-auth --user "$TEST_USER" --timeout 1)
	run --separate-stderr -75 "${cron[@]}" --password-command "$lingers"
	is_gone
	run --separate-stderr -75 "${cron[@]}" --tunnel "$lingers" \
		--password-file "$PASSWORD_FILE"
	is_gone
}

@test "commands: what they leave running is not waited for" {
	make_tls
	start_server --mailbox mail --caps 'USER,SASL XOAUTH2' --cert "$CERT" \
		--key "$KEY"
	without=(--host localhost --port "$TLSPORT" --tls-ca-file "$CA"
		--user "$TEST_USER" --timeout 40)
	agent="sleep 60 & echo \$! >pid; cat $PASSWORD_FILE"
	SECONDS=0
	run --separate-stderr -0 poplar stat "${without[@]}" \
		--password-command "$agent"
	assert_output '1 138'
	# and it goes on
	kill "$(<pid)"
	run --separate-stderr -77 poplar stat "${without[@]}" --auth xoauth2 \
		--token-command "$agent"
	kill "$(<pid)"
	((SECONDS < 20))
}

@test "files: a FIFO is waited for no longer than anything else" {
	start_server --mailbox mail
	mkfifo -m 600 fifo
	SECONDS=0
	run --separate-stderr -75 poplar stat "${PLAIN[@]}" --timeout 1 \
		--password-file fifo
	said "poplar: tester@127.0.0.1: password-file: fifo: nothing came in time"
	mkfifo -m 600 .netrc
	run --separate-stderr -75 poplar stat --timeout 1 --netrc --host 127.0.0.1 \
		--port "$PORT" --tls none --insecure-auth --user "$TEST_USER"
	[[ $stderr == *'nothing came in time' ]]
	exec {both}<>fifo
	"$POPLAR" stat "${PLAIN[@]}" --password-file fifo 2>err 3>&- &
	pid=$!
	# it has not read the password yet when it has logged so far
	until grep -q 'C: CAPA' "$SERVER_LOG"; do
		kill -0 "$pid"
	done
	kill "$pid"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status" 143
	((SECONDS < 20))
	exec {both}>&-
	cat "$PASSWORD_FILE" >fifo &
	run --separate-stderr -0 poplar stat "${PLAIN[@]}" --password-file fifo
	assert_output '1 138'
}

@test "prompt: from a terminal only, never from standard input" {
	start_server --mailbox mail
	without=(--host 127.0.0.1 --port "$PORT" --tls none --insecure-auth
		--user "$TEST_USER")
	printf '%s\n' "$TEST_PASSWORD" >input
	{ run --separate-stderr -78 setsid -w "$POPLAR" stat "${without[@]}" &&
		cat >left; } <input
	assert_equal "$stderr" "poplar: tester@127.0.0.1: no password for \
tester@127.0.0.1, and no terminal to ask at: give --password-command, \
--password-file, --password-fd or --netrc"
	cmp input left
	run -0 python3 "$TESTS_DIR/lib/type_password.py" "$TEST_PASSWORD" \
		"$POPLAR" stat "${without[@]}"
	assert_output --partial 'Password for tester@127.0.0.1: '
	assert_output --partial '1 138'
	refute_output --partial "$TEST_PASSWORD"
}

@test "descriptor: read once, and kept from children" {
	start_server --mailbox mail
	run --separate-stderr -0 poplar fetch --host 127.0.0.1 --port "$PORT" \
		--tls none --insecure-auth --user "$TEST_USER" --password-fd 8 \
		--pipe 'ls /proc/self/fd >open; cat >/dev/null' 8<"$PASSWORD_FILE"
	run ! grep -q 8 open
}

@test "links: planted in the maildir's tmp, they are not followed" {
	start_server --mailbox mail
	mkdir -p box/{tmp,new,cur} elsewhere
	# every name it could take is a link to a file that is to stay as it is
	echo precious >elsewhere/file
	run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}"
	name=$(find box/new -type f -printf '%f')
	ln -s "$PWD/elsewhere/file" "box/tmp/$name"
	rm -r .local box/new/*
	run --separate-stderr -0 poplar fetch all --maildir box "${PLAIN[@]}"
	assert_equal "$(<elsewhere/file)" precious
	assert_equal "$(find box/new -type f | wc -l)" 1
	assert_equal "$(stat -c %a box/new/*)" 600
	run find box/new -type l
	assert_output ''
}

@test "links: planted in the state directory, they are not followed" {
	start_server --mailbox mail
	umask 022
	echo precious >file
	for suffix in '' .lock .new; do
		rm -rf .local box
		run --separate-stderr -0 poplar fetch --maildir box "${PLAIN[@]}" \
			--identity me@here
		assert_equal "$(stat -c %a .local/state/poplar)" 700
		assert_equal "$(find .local/state/poplar -type f ! -perm 600)" ''
		state=$(find .local/state/poplar -type f ! -name '*.lock')
		rm -f "$state$suffix"
		ln -s "$PWD/file" "$state$suffix"
		run --separate-stderr poplar fetch --maildir box "${PLAIN[@]}" \
			--identity me@here
		assert_equal "$(<file)" precious
		assert_equal "$(stat -c %a file)" 644
	done
}

@test "shell: what a message says is no part of a command" {
	printf 'Subject: $(touch pwned)\nFrom: `touch pwned`;touch pwned\n\nx\n' \
		>mail/001
	printf '001 $(touch\\x20pwned)`touch\\x20pwned`;touch\\x20pwned\n' >map
	start_server --mailbox mail --uidl-map map
	run --separate-stderr -0 poplar fetch "${PLAIN[@]}" \
		--filter 'env >env1; cat >/dev/null' \
		--pipe 'env >env2; cat >/dev/null'
	grep -q 'touch pwned' env2
	assert_not_exists pwned
}
