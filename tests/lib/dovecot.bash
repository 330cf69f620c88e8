# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034  # what is set here, tests use
# A real Dovecot for tests: `load lib/dovecot`, start_dovecot in setup_file and
# stop_dovecot in teardown_file. It runs on loopback at free ports, as an ordinary
# user (as nobody when the tests run as root), below a directory of its own.
#
# Users: dovecot_user NAME [maildir|mbox]; all have $TEST_PASSWORD. Mechanisms:
# USER, APOP, PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256, EXTERNAL (the
# certificate's common name), OAUTHBEARER and XOAUTH2 (dovecot_token NAME).

# Ports that were free a moment ago.
free_ports() {
	python3 - "$1" <<-'EOF2'
	import socket, sys
	sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
	print(*[s.getsockname()[1] for s in sockets])
	EOF2
}

# until_listening PID PORT: fails when that process ends before.
until_listening() {
	until (exec 9<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; do
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.02
	done
}

# Sets and exports DOVECOT_DIR, DOVECOT_PORT, DOVECOT_TLS_PORT, DOVECOT_PID; needs
# make_tls before. Extra lines for the configuration are read from $1.
start_dovecot() {
	# Not in Bats' directories: these are closed to nobody.
	DOVECOT_DIR=$(mktemp -d "${TMPDIR:-/tmp}/poplar-dovecot.XXXXXX")
	export DOVECOT_DIR
	if [[ $(id -u) == 0 ]]; then
		DOVECOT_USER=nobody DOVECOT_GROUP=$(id -gn nobody)
	else
		DOVECOT_USER=$(id -un) DOVECOT_GROUP=$(id -gn)
	fi
	export DOVECOT_USER DOVECOT_GROUP
	mkdir "$DOVECOT_DIR"/{run,state,home}
	mkdir -p "$DOVECOT_DIR/keys/default/HS256"
	cp "$CA" "$DOVECOT_DIR/ca.pem"
	cp "$CERT" "$DOVECOT_DIR/cert.pem"
	cp "$KEY" "$DOVECOT_DIR/key.pem"
	: >"$DOVECOT_DIR/users"
	: >"$DOVECOT_DIR/external"
	# The key of the tokens; a symmetric one is stored as base64.
	printf 'poplar-test-token-key' | base64 -w0 \
		>"$DOVECOT_DIR/keys/default/HS256/default"
	cat >"$DOVECOT_DIR/oauth2.conf" <<-EOF2
	introspection_mode = local
	local_validation_key_dict = fs:posix:prefix=$DOVECOT_DIR/keys/
	username_attribute = sub
	EOF2
	for _ in 1 2 3 4 5; do
		# shellcheck disable=SC2046
		set -- "${1:-}" $(free_ports 2)
		DOVECOT_PORT=$2 DOVECOT_TLS_PORT=$3
		export DOVECOT_PORT DOVECOT_TLS_PORT
		dovecot_configuration "$1" >"$DOVECOT_DIR/dovecot.conf"
		dovecot_own
		if dovecot_launch; then
			return 0
		fi
	done
	cat "$DOVECOT_DIR/log"
	return 1
}

dovecot_own() {
	[[ $(id -u) != 0 ]] || chown -R "$DOVECOT_USER:$DOVECOT_GROUP" "$DOVECOT_DIR"
}

dovecot_configuration() {
	cat <<-EOF2
	base_dir = $DOVECOT_DIR/run
	state_dir = $DOVECOT_DIR/state
	log_path = $DOVECOT_DIR/log
	default_internal_user = $DOVECOT_USER
	default_internal_group = $DOVECOT_GROUP
	default_login_user = $DOVECOT_USER
	first_valid_uid = 1
	protocols = pop3
	listen = 127.0.0.1
	ssl = yes
	ssl_cert = <$DOVECOT_DIR/cert.pem
	ssl_key = <$DOVECOT_DIR/key.pem
	ssl_ca = <$DOVECOT_DIR/ca.pem
	ssl_verify_client_cert = yes
	ssl_require_crl = no
	ssl_cert_username_field = commonName
	auth_ssl_username_from_cert = yes
	disable_plaintext_auth = no
	auth_mechanisms = plain login apop cram-md5 scram-sha-1 scram-sha-256 external oauthbearer xoauth2
	auth_failure_delay = 0
	mail_location = maildir:%h/Maildir
	mail_fsync = never
	passdb {
	  driver = oauth2
	  mechanisms = oauthbearer xoauth2
	  args = $DOVECOT_DIR/oauth2.conf
	}
	passdb {
	  driver = passwd-file
	  mechanisms = external
	  args = $DOVECOT_DIR/external
	}
	passdb {
	  driver = passwd-file
	  mechanisms = plain login apop cram-md5 scram-sha-1 scram-sha-256
	  args = $DOVECOT_DIR/users
	}
	userdb {
	  driver = passwd-file
	  args = $DOVECOT_DIR/users
	}
	service pop3-login {
	  chroot =
	  inet_listener pop3 {
	    port = $DOVECOT_PORT
	  }
	  inet_listener pop3s {
	    port = $DOVECOT_TLS_PORT
	  }
	}
	service anvil {
	  chroot =
	  unix_listener anvil-auth-penalty {
	    mode = 0
	  }
	}
	service stats {
	  chroot =
	}
	$1
	EOF2
}

# Start it and wait until it takes connections; fails when it ends before.
dovecot_launch() {
	local -a as=()
	[[ $(id -u) != 0 ]] || as=(setpriv --reuid "$DOVECOT_USER"
		--regid "$DOVECOT_GROUP" --clear-groups)
	"${as[@]}" dovecot -F -c "$DOVECOT_DIR/dovecot.conf" \
		>>"$DOVECOT_DIR/output" 2>&1 </dev/null 3>&- &
	DOVECOT_PID=$!
	export DOVECOT_PID
	until_listening "$DOVECOT_PID" "$DOVECOT_TLS_PORT"
}

stop_dovecot() {
	kill "$DOVECOT_PID"
	wait "$DOVECOT_PID" || true
	rm -rf "$DOVECOT_DIR"
}

# dovecot_user NAME [maildir|mbox] [DIR]: a user, with the messages of DIR.
dovecot_user() {
	local name=$1 kind=${2:-maildir} home=$DOVECOT_DIR/home/$1 mail
	mkdir -p "$home"
	if [[ $kind == mbox ]]; then
		mail="mbox:~/folders:INBOX=$home/mbox"
		python3 "$TESTS_DIR/lib/corpus.py" mbox "${3:-/var/empty}" "$home/mbox"
	else
		mail="maildir:$home/Maildir"
		mkdir -p "$home"/Maildir/{tmp,new,cur}
		[[ -z ${3:-} ]] || python3 "$TESTS_DIR/lib/corpus.py" maildir "$3" \
			"$home/Maildir"
	fi
	echo "$name:{PLAIN}$TEST_PASSWORD:$(id -u "$DOVECOT_USER"):$(id -g \
		"$DOVECOT_USER")::$home::userdb_mail=$mail" >>"$DOVECOT_DIR/users"
	echo "$name:::::::nopassword=y" >>"$DOVECOT_DIR/external"
	dovecot_own
	dovecot_options "$name"
}

# The command line for a user: arrays PLAIN, TLS, STARTTLS.
dovecot_options() {
	local who=(--user "$1" --password-file "$PASSWORD_FILE")
	PLAIN=(--host 127.0.0.1 --port "$DOVECOT_PORT" --tls none
		--insecure-auth "${who[@]}")
	TLS=(--host localhost --port "$DOVECOT_TLS_PORT" --tls implicit
		--tls-ca-file "$CA" "${who[@]}")
	STARTTLS=(--host localhost --port "$DOVECOT_PORT" --tls starttls
		--tls-ca-file "$CA" "${who[@]}")
}

# A JSON Web Token that lets NAME in; a second argument spoils the signature.
dovecot_token() {
	python3 - "$1" "${2:-}" <<-'EOF2'
	import base64, hashlib, hmac, json, sys, time
	def part(data):
	    return base64.urlsafe_b64encode(data).rstrip(b"=")
	text = b".".join(part(json.dumps(value).encode()) for value in (
	    {"alg": "HS256", "typ": "JWT"},
	    {"sub": sys.argv[1], "iat": int(time.time()) - 60,
	     "exp": int(time.time()) + 3600}))
	key = b"poplar-test-token-key" + sys.argv[2].encode()
	print((text + b"." + part(hmac.new(key, text, hashlib.sha256).digest())).decode())
	EOF2
}
