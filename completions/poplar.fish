# SPDX-License-Identifier: ISC
# Made from poplar's tables of options by completions/generate.
set -g __fish_poplar_commands stat list fetch top uidl delete capa check shell state help
set -g __fish_poplar_actions path list check forget mark-seen export import

# The accounts of the configuration, which --config may name.
function __fish_poplar_accounts
    set -l config $HOME/.config
    set -q XDG_CONFIG_HOME; and set config $XDG_CONFIG_HOME
    set -l file $config/poplar/config
    set -l words (commandline -opc)
    set -l at (contains -i -- --config $words); and set file $words[(math $at + 1)]
    set -l given (string replace -f -- --config= '' $words); and set file $given[-1]
    set file (string replace -r '^~/' $HOME/ -- $file)
    string replace -rf '^\[account\s+(\S[^]]*?)\s*\].*' '$1' <$file 2>/dev/null
end

# The command, or nothing.
function __fish_poplar_command
    for word in (commandline -opc)[2..-1]
        contains -- $word $__fish_poplar_commands; and echo $word; and return
    end
end

# Has one of these commands been given, or none yet?
function __fish_poplar_takes
    set -l command (__fish_poplar_command)
    test -z "$command"; or contains -- $command $argv
end

# Is the command this one?
function __fish_poplar_is
    contains -- $argv[1] (__fish_poplar_command)
end

# Has an action of state been given, and which?
function __fish_poplar_action
    __fish_poplar_is state; or return 1
    test (count $argv) -eq 0; and set argv $__fish_poplar_actions
    set -l words (commandline -opc)
    for word in $words[(math 1 + (contains -i -- state $words))..-1]
        contains -- $word $argv; and return
    end
    return 1
end

complete -c poplar -f
complete -c poplar -n __fish_poplar_takes -a stat -d 'print how many messages there are, and how many octets'
complete -c poplar -n __fish_poplar_takes -a list -d 'list messages and their sizes, or more with --long'
complete -c poplar -n __fish_poplar_takes -a fetch -d 'deliver messages: the new ones, unless others are named'
complete -c poplar -n __fish_poplar_takes -a top -d 'print headers and the first lines of messages'
complete -c poplar -n __fish_poplar_takes -a uidl -d 'print the messages\' unique ids'
complete -c poplar -n __fish_poplar_takes -a delete -d 'delete messages from the server'
complete -c poplar -n __fish_poplar_takes -a capa -d 'print what the server can do; -v: greeting and TLS too'
complete -c poplar -n __fish_poplar_takes -a check -d 'say what is right and wrong with an account'
complete -c poplar -n __fish_poplar_takes -a shell -d 'a session by hand, from a terminal or a pipe'
complete -c poplar -n __fish_poplar_takes -a state -d 'show and change what is remembered: path, list, check, forget, mark-seen, export, import'
complete -c poplar -n __fish_poplar_takes -a help -d 'print how to use poplar or a command'
complete -c poplar -n '__fish_poplar_is list' -a 'new seen all'
complete -c poplar -n '__fish_poplar_is fetch' -a 'new seen all'
complete -c poplar -n '__fish_poplar_is top' -a 'new seen all'
complete -c poplar -n '__fish_poplar_is uidl' -a 'new seen all'
complete -c poplar -n '__fish_poplar_is delete' -a 'new seen all'
complete -c poplar -n '__fish_poplar_is state; and not __fish_poplar_action' -a 'path list check forget mark-seen export import'
complete -c poplar -n '__fish_poplar_is help' -a 'capa check delete fetch help list shell stat state top uidl'
complete -c poplar -n '__fish_poplar_action mark-seen' -a 'new seen all'
complete -c poplar -n '__fish_poplar_action import' -F
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l host -s H -x -d 'the server: name, address or socket path'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l port -s p -x -d 'its port or service (995; 110 without TLS)'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l user -s u -x -d 'the user name at the server'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l auth -x -a 'auto user apop rpop plain login cram-md5 scram-sha-1 scram-sha-1-plus scram-sha-256 scram-sha-256-plus external gssapi xoauth2 oauthbearer' -d 'how to log in, or auto'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls -x -a 'implicit starttls none' -d 'from the first octet, by STLS, or not'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-ca-file -r -F -d 'trust these CAs instead of the system\'s'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-crl-file -r -F -d 'certificates that are revoked'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-pin -x -d 'SHA-256 of the certificate or its key'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-pin-only -d 'pins instead of the CAs'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-cert -r -F -d 'our certificate'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-key -r -F -d 'its key (default: in the same file)'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-key-password-command -x -a '(__fish_complete_command)' -d 'a command that prints the password of the key'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-host -x -d 'the name that the certificate must have'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tls-priority -x -d 'GnuTLS priority string'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l timeout -x -d 'wait this long for the server (60s)'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l deadline -x -d 'end the whole run after this long'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l proxy -x -d 'socks5h://HOST:PORT or http://HOST:PORT'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l source-address -x -d 'connect from this address'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l ipv4 -s 4 -d 'IPv4 only'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l ipv6 -s 6 -d 'IPv6 only'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l tunnel -x -a '(__fish_complete_command)' -d 'talk to this program instead of a socket'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l capa -x -a 'auto off' -d 'ask what the server can do (CAPA)'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l utf8 -x -a 'auto on off' -d 'UTF-8 mode (RFC 6856)'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l lang -x -a 'auto off' -d 'the language of the server\'s words'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l pipelining -x -a 'auto off' -d 'commands under way at once'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l password-file -r -F -d 'a file that holds the password'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l password-command -x -a '(__fish_complete_command)' -d 'a command that prints the password'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l password-fd -x -d 'read the password from descriptor N'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l token-command -x -a '(__fish_complete_command)' -d 'a command that prints an OAuth token'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l netrc -d 'look the password up in ~/.netrc'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l insecure-auth -d 'send the password even without TLS'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l state -r -F -d 'remember deliveries in this file'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l no-state -d 'neither read nor write a state file'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l identity -x -d 'name of the mailbox in the state'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l account -s a -x -a '(__fish_poplar_accounts)' -d 'an account of the configuration'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l config -r -F -d 'read this configuration file'
complete -c poplar -n '__fish_poplar_takes stat list fetch top uidl delete capa check shell state' -l no-config -d 'read none'
complete -c poplar -n '__fish_poplar_takes stat list fetch uidl delete capa check state' -l json -d 'records as JSON, one a line'
complete -c poplar -l color -x -a 'auto always never' -d 'color on a terminal'
complete -c poplar -l quiet -s q -d 'no summaries; twice: no word of what will pass'
complete -c poplar -l verbose -s v -d 'say more'
complete -c poplar -l debug -s d -f -a '1 2 3' -d 'trace: 1 commands, 2 lines, 3 messages too'
complete -c poplar -l debug-file -r -F -d 'append the trace to FILE'
complete -c poplar -l help -s h -d 'how to use poplar, or a command'
complete -c poplar -l version -d 'which version this is'
complete -c poplar -n '__fish_poplar_takes list' -l long -s l -d 'with state, date, sender and subject'
complete -c poplar -n '__fish_poplar_takes fetch' -l jobs -s j -x -d 'accounts at a time (4)'
complete -c poplar -n '__fish_poplar_takes fetch delete' -l dry-run -d 'print what would be done'
complete -c poplar -n '__fish_poplar_takes fetch' -l fail-empty -d 'status 1 when there is no new mail'
complete -c poplar -n '__fish_poplar_takes fetch check' -l maildir -x -a '(__fish_complete_directories)' -d 'deliver to a maildir'
complete -c poplar -n '__fish_poplar_takes fetch check' -l mbox -r -F -d 'deliver to an mbox (-: standard output)'
complete -c poplar -n '__fish_poplar_takes fetch check' -l pipe -x -a '(__fish_complete_command)' -d 'deliver each message to a command'
complete -c poplar -n '__fish_poplar_takes fetch check' -l lmtp -x -d 'deliver by LMTP to HOST:PORT or /SOCKET'
complete -c poplar -n '__fish_poplar_takes fetch check' -l stdout -d 'write one message to standard output'
complete -c poplar -n '__fish_poplar_takes fetch check' -l keep -d 'leave mail on the server (default)'
complete -c poplar -n '__fish_poplar_takes fetch check' -l delete -d 'delete what has been delivered'
complete -c poplar -n '__fish_poplar_takes fetch delete check' -l delete-after -x -d 'delete what was delivered so long ago'
complete -c poplar -n '__fish_poplar_takes fetch check' -l max-size -x -d 'pass over messages that are larger'
complete -c poplar -n '__fish_poplar_takes fetch check' -l min-size -x -d 'pass over messages that are smaller'
complete -c poplar -n '__fish_poplar_takes fetch check' -l limit -x -d 'at most so many messages'
complete -c poplar -n '__fish_poplar_takes fetch check' -l max-bytes -x -d 'at most so many octets in all'
complete -c poplar -n '__fish_poplar_takes fetch check' -l newest-first -d 'begin with the last message'
complete -c poplar -n '__fish_poplar_takes fetch check' -l filter -x -a '(__fish_complete_command)' -d 'deliver only if this command says 0'
complete -c poplar -n '__fish_poplar_takes fetch check' -l repeat -d 'again until a session brings nothing new'
complete -c poplar -n '__fish_poplar_takes fetch check' -l renumbered -d 'the server has renumbered its messages'
complete -c poplar -n '__fish_poplar_takes fetch check' -l sync -x -a 'auto files' -d 'how deliveries are made durable'
complete -c poplar -n '__fish_poplar_takes fetch check' -l received -d 'add a Received: field'
complete -c poplar -n '__fish_poplar_takes fetch check' -l all-accounts -d 'every account of the configuration'
complete -c poplar -n '__fish_poplar_takes top' -l lines -s n -x -d 'lines of the body (10)'
complete -c poplar -n '__fish_poplar_takes delete' -l older-than -x -d 'what was delivered, and first seen so long ago: 12h 30d 2w'
complete -c poplar -n '__fish_poplar_takes delete' -l force -s f -d 'all and new: undelivered messages too'
complete -c poplar -n '__fish_poplar_takes check' -l config-only -d 'check the configuration, connect nowhere'
complete -c poplar -n '__fish_poplar_takes check' -l print -d 'print the settings that would be used'
complete -c poplar -n '__fish_poplar_takes state' -l from -x -a 'mpop fetchmail getmail fdm' -d 'import: mpop, fetchmail, getmail or fdm'
complete -c poplar -n '__fish_poplar_takes state' -l entry -x -d 'import: the account\'s name in that file'
complete -c poplar -n '__fish_poplar_takes state' -l repair -d 'check: write a new file of what is valid'
complete -c poplar -n '__fish_poplar_takes help' -l all -d 'every option of the commands'
