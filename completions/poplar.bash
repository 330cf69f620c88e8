# SPDX-License-Identifier: ISC
# Made from poplar's tables of options by completions/generate.
# shellcheck shell=bash

# The accounts of the configuration; $config is what --config says, or empty.
_poplar_accounts() {
	local file=${config:-${XDG_CONFIG_HOME:-$HOME/.config}/poplar/config}
	sed -n 's/^\[account[[:space:]]\{1,\}\([^]]*[^][:space:]]\)[[:space:]]*\].*/\1/p' \
		"${file/#\~\//$HOME/}" 2>/dev/null
}

# Fill COMPREPLY with what $2 can be, given its kind, $1.
_poplar_value() {
	case $1 in
	file) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
	dir) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
	command) mapfile -t COMPREPLY < <(compgen -c -- "$2") ;;
	account) mapfile -t COMPREPLY < <(compgen -W "$(_poplar_accounts)" -- "$2") ;;
	text) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2") ;;
	esac
	case $1 in
	file | dir) compopt -o filenames 2>/dev/null ;;
	esac
	return 0
}

# What the value of option $1 is; nothing: it takes none.
_poplar_kind() {
	case $1 in
	--debug=) echo '1 2 3' ;;
	--account | -a) echo 'account' ;;
	--color) echo 'auto always never' ;;
	--sync) echo 'auto files' ;;
	--capa | --lang | --pipelining) echo 'auto off' ;;
	--utf8) echo 'auto on off' ;;
	--auth) echo 'auto user apop rpop plain login cram-md5 scram-sha-1 scram-sha-1-plus scram-sha-256 scram-sha-256-plus external gssapi xoauth2 oauthbearer' ;;
	--filter | --password-command | --pipe | --tls-key-password-command | --token-command | --tunnel) echo 'command' ;;
	--maildir) echo 'dir' ;;
	--config | --debug-file | --mbox | --password-file | --state | --tls-ca-file | --tls-cert | --tls-crl-file | --tls-key) echo 'file' ;;
	--tls) echo 'implicit starttls none' ;;
	--from) echo 'mpop fetchmail getmail fdm' ;;
	--deadline | --delete-after | --entry | --host | --identity | --jobs | --limit | --lines | --lmtp | --max-bytes | --max-size | --min-size | --older-than | --password-fd | --port | --proxy | --source-address | --timeout | --tls-host | --tls-pin | --tls-priority | --user | -H | -j | -n | -p | -u) echo 'text' ;;
	esac
}

# The options of command $1; before any: all.
_poplar_options() {
	case $1 in
	'') echo '--account --all --all-accounts --auth --capa --color --config --config-only --deadline --debug --debug-file --delete --delete-after --dry-run --entry --fail-empty --filter --force --from --help --host --identity --insecure-auth --ipv4 --ipv6 --jobs --json --keep --lang --limit --lines --lmtp --long --maildir --max-bytes --max-size --mbox --min-size --netrc --newest-first --no-config --no-state --older-than --password-command --password-fd --password-file --pipe --pipelining --port --print --proxy --quiet --received --renumbered --repair --repeat --source-address --state --stdout --sync --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	stat) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	list) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --long --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	fetch) echo '--account --all-accounts --auth --capa --color --config --deadline --debug --debug-file --delete --delete-after --dry-run --fail-empty --filter --help --host --identity --insecure-auth --ipv4 --ipv6 --jobs --json --keep --lang --limit --lmtp --maildir --max-bytes --max-size --mbox --min-size --netrc --newest-first --no-config --no-state --password-command --password-fd --password-file --pipe --pipelining --port --proxy --quiet --received --renumbered --repeat --source-address --state --stdout --sync --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	top) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --lang --lines --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	uidl) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	delete) echo '--account --auth --capa --color --config --deadline --debug --debug-file --delete-after --dry-run --force --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --netrc --no-config --no-state --older-than --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	capa) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	check) echo '--account --all-accounts --auth --capa --color --config --config-only --deadline --debug --debug-file --delete --delete-after --filter --help --host --identity --insecure-auth --ipv4 --ipv6 --json --keep --lang --limit --lmtp --maildir --max-bytes --max-size --mbox --min-size --netrc --newest-first --no-config --no-state --password-command --password-fd --password-file --pipe --pipelining --port --print --proxy --quiet --received --renumbered --repeat --source-address --state --stdout --sync --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	shell) echo '--account --auth --capa --color --config --deadline --debug --debug-file --help --host --identity --insecure-auth --ipv4 --ipv6 --lang --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	state) echo '--account --auth --capa --color --config --deadline --debug --debug-file --entry --from --help --host --identity --insecure-auth --ipv4 --ipv6 --json --lang --netrc --no-config --no-state --password-command --password-fd --password-file --pipelining --port --proxy --quiet --repair --source-address --state --timeout --tls --tls-ca-file --tls-cert --tls-crl-file --tls-host --tls-key --tls-key-password-command --tls-pin --tls-pin-only --tls-priority --token-command --tunnel --user --utf8 --verbose --version' ;;
	help) echo '--all --color --debug --debug-file --help --quiet --verbose --version' ;;
	esac
}

# What command $1 works on; before any: the commands.
_poplar_operands() {
	case $1 in
	'') echo 'stat list fetch top uidl delete capa check shell state help' ;;
	list) echo 'new seen all' ;;
	fetch) echo 'new seen all' ;;
	top) echo 'new seen all' ;;
	uidl) echo 'new seen all' ;;
	delete) echo 'new seen all' ;;
	state) echo 'path list check forget mark-seen export import' ;;
	help) echo 'capa check delete fetch help list shell stat state top uidl' ;;
	esac
}

# What action $1 of state works on.
_poplar_after() {
	case $1 in
	mark-seen) echo 'new seen all' ;;
	import) echo 'file' ;;
	esac
}

_poplar() {
	local cur=$2 option=$3 command='' action='' config='' word i
	# Bash takes --name=value for three words.
	if [[ $cur == = ]]; then
		cur=
		option=$option=
	elif [[ $option == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -* ]]; then
			if [[ ${COMP_WORDS[i + 1]} == = ]]; then
				((i += 2))
			elif [[ -n $(_poplar_kind "$word") ]]; then
				((i += 1))
			fi
			[[ $word != --config ]] || config=${COMP_WORDS[i]}
		elif [[ -z $command && -n $(_poplar_options "$word") ]]; then
			command=$word
		elif [[ -z $action ]]; then
			action=$word
		fi
	done
	word=$(_poplar_kind "$option")
	[[ -n $word ]] || word=$(_poplar_kind "${option%=}")
	if [[ -n $word ]]; then
		_poplar_value "$word" "$cur"
	elif [[ $cur == -* ]]; then
		_poplar_value "$(_poplar_options "$command")" "$cur"
	elif [[ $command == state && -n $action ]]; then
		_poplar_value "$(_poplar_after "$action")" "$cur"
	else
		_poplar_value "$(_poplar_operands "$command")" "$cur"
	fi
}

complete -F _poplar poplar
