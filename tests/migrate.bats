#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2153  # PORT is start_server's
# From mpop, fetchmail, getmail6 and fdm to poplar: the real program fetches and
# keeps mail, its own file is imported, and only what came since is fetched. At
# Dovecot, and at the tests' server with UIDLs as odd as RFC 1939 allows.

load lib/common
load lib/dovecot

setup_file() {
	local user
	make_tls
	start_dovecot
	make_mailbox "$BATS_FILE_TMPDIR/old" 5
	make_mailbox "$BATS_FILE_TMPDIR/later" 8
	rm "$BATS_FILE_TMPDIR"/later/00[1-5]
	# All before the first login: Dovecot looks for new users once a second.
	for user in mpop fetchmail getmail fdm; do
		dovecot_user $user maildir "$BATS_FILE_TMPDIR/old"
		dovecot_user $user-too maildir "$BATS_FILE_TMPDIR/later"
	done
}

teardown_file() {
	stop_dovecot
}

setup() {
	common_setup
	# getmail refuses to deliver as root and fdm becomes somebody else, so all
	# run as Dovecot does, in a directory which is closed to nobody.
	PEER=$DOVECOT_DIR/peer-$BATS_TEST_NUMBER
	(umask 077 && mkdir -p "$PEER"/Mail/{tmp,new,cur})
	cp -r "$BATS_FILE_TMPDIR"/{old,later} .
}

# as_user COMMAND...: with the peer's directory as its home. On Debian, where
# `make deps` installs it, a peer that is missing is a failure.
as_user() {
	local -a as=()
	if ! command -v "$1" >/dev/null; then
		! command -v apt-get >/dev/null || fail "$1 is not installed"
		skip "$1 is not installed, so moving from it was not tried"
	fi
	[[ $(id -u) != 0 ]] || as=(setpriv --reuid "$DOVECOT_USER"
		--regid "$DOVECOT_GROUP" --clear-groups)
	dovecot_own
	(cd "$PEER" && exec env HOME="$PEER" "${as[@]}" "$@")
}

config() {
	cat >"$PEER/$1"
	chmod 600 "$PEER/$1"
}

# peer_NAME PORT USER [USER]: fetch with keep, into $PEER/Mail, as the program's
# manual has it. Sets FILE, where it has written what it remembers.

peer_mpop() {
	local user port=$1
	shift
	config .mpoprc <<-END
	defaults
	host localhost
	port $port
	tls off
	auth user
	password $TEST_PASSWORD
	keep on
	delivery maildir $PEER/Mail
	uidls_file $PEER/uidls
	$(for user; do printf 'account %s\nuser %s\n' "$user" "$user"; done)
	END
	as_user mpop -q -a
	FILE=$PEER/uidls
}

peer_fetchmail() {
	local user port=$1
	shift
	config .fetchmailrc <<-END
	set no bouncemail
	$(for user; do
		echo "poll localhost service $port protocol POP3 uidl auth password" \
			"user $user password $TEST_PASSWORD keep sslproto ''" \
			"mda \"cat >>$PEER/mbox\""
	done)
	END
	as_user fetchmail -s
	FILE=$PEER/.fetchids
}

peer_getmail() {
	local tries=1
	mkdir -p "$PEER/.getmail"
	config .getmail/getmailrc <<-END
	[retriever]
	type = SimplePOP3Retriever
	server = localhost
	port = $1
	username = $2
	password = $TEST_PASSWORD
	timeout = 5
	[destination]
	type = Maildir
	path = $PEER/Mail/
	[options]
	read_all = false
	delete = false
	END
	# It waits in vain, for its timeout, for a child that has ended before it
	# began to wait; and does not remember what that has delivered.
	until as_user getmail -q; do
		((tries++ < 5)) || fail "getmail has failed $tries times"
	done
	FILE=$PEER/.getmail/oldmail-localhost-$1-$2
}

peer_fdm() {
	config .fdm.conf <<-END
	set lock-file "$PEER/lock"
	account "$2" pop3 server "localhost" port $1 user "$2"
	    pass "$TEST_PASSWORD" new-only cache "$PEER/cache" keep
	action "mail" maildir "$PEER/Mail"
	match all action "mail"
	END
	# The home it reads this from is that of the password database.
	as_user fdm -q -f "$PEER/.fdm.conf" fetch
	FILE=$PEER/cache
}

# What the peer has fetched: as many messages, some perhaps twice.
peer_has() {
	if [[ -e $PEER/mbox ]]; then
		assert_equal "$(grep -c '^This is message' "$PEER/mbox")" "$1"
	else
		assert_equal "$(grep -h '^Message-ID' "$PEER"/Mail/new/* | sort -u |
			wc -l)" "$1"
	fi
}

# imports TOOL HOST PORT USER: of the eight messages that the server now holds,
# poplar fetches those of later, and nothing the next time.
imports() {
	local from=$1 account="pop3://$4@$2:$3"
	local -a access=(--tls none --insecure-auth --password-file "$PASSWORD_FILE")
	run --separate-stderr -0 poplar state import --from "$from" "$FILE" -v \
		"$account" "${access[@]}"
	assert_output ''
	said 'poplar: 5 imported, 0 were known'
	run --separate-stderr -0 poplar state import --from "$from" "$FILE" -v \
		"$account" "${access[@]}"
	said 'poplar: 0 imported, 5 were known'
	run --separate-stderr -0 poplar fetch --maildir new "$account" \
		"${access[@]}" -v
	assert_output ''
	assert_regex "$stderr" "^poplar: $4@$2: 3 messages \([0-9]+ B\) delivered; 8 on the server$"
	assert_equal "$(maildir_digests new)" "$(mailbox_digests later)"
	run --separate-stderr -0 poplar fetch --maildir new "$account" \
		"${access[@]}" -v
	said "poplar: $4@$2: no new mail; 8 on the server"
}

# migrates TOOL: at Dovecot. Where the tool has several accounts in one file,
# there is another, whose UIDLs are none of ours.
migrates() {
	local user=$1 others=()
	case $user in
	mpop | fetchmail) others=("$user-too") ;;
	esac
	"peer_$1" "$DOVECOT_PORT" "$user" "${others[@]}"
	peer_has $((5 + 3 * ${#others[@]}))
	cp later/* "$DOVECOT_DIR/home/$user/Maildir/new"
	dovecot_own
	imports "$1" localhost "$DOVECOT_PORT" "$user"
}

# migrates_odd TOOL: the tests' server, and UIDLs that would be taken apart by a
# careless reader.
migrates_odd() {
	local long
	printf -v long '%070d' 0
	cat >map <<-END
	001 #1
	002 tester@localhost
	003 a+b=/c:d;e|f,"\\\\'\`~!
	004 $long
	005 5-1700000000
	006 #2
	007 a+b=-c:d;e|f,"\\\\'\`~!
	008 1
	END
	start_server --mailbox old --uidl-map map
	"peer_$1" "$PORT" "$TEST_USER"
	peer_has 5
	cp later/* old
	imports "$1" localhost "$PORT" "$TEST_USER"
}

@test "migrate: mpop at Dovecot" {
	migrates mpop
}

@test "migrate: mpop and odd UIDLs" {
	migrates_odd mpop
}

@test "migrate: fetchmail at Dovecot" {
	migrates fetchmail
}

@test "migrate: fetchmail and odd UIDLs" {
	migrates_odd fetchmail
}

@test "migrate: getmail at Dovecot" {
	migrates getmail
}

@test "migrate: getmail and odd UIDLs" {
	migrates_odd getmail
}

@test "migrate: getmail, and nobody to ask whether - was /" {
	printf 'ab\0001\na-b\0002\n' >oldmail
	start_server --mailbox old
	stop_server
	run --separate-stderr -75 poplar state import --from getmail oldmail \
		"${PLAIN[@]}"
	assert_output ''
	assert_regex "$stderr" "^poplar: $TEST_USER@127.0.0.1: cannot connect to"
	run --separate-stderr -0 poplar state list "${PLAIN[@]}"
	assert_output ''
}

@test "migrate: fdm at Dovecot" {
	migrates fdm
}

@test "migrate: fdm and odd UIDLs" {
	migrates_odd fdm
}
