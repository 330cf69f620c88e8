# SPDX-License-Identifier: ISC
# complete.zsh DIR LINE...: type each line and a TAB into a zsh with DIR's
# completions, at a terminal of its own, and print what became of the line.
zmodload zsh/zpty || exit 1
dir=$1
shift
# A widget tells the line when it is complete, between two marks.
zpty shell "HOME=$HOME TERM=dumb zsh -f -i"
zpty -w shell "unsetopt zle_bracketed_paste; PS1= ; fpath=($dir \$fpath)
autoload -U compinit; compinit -D -u
unsetopt auto_menu always_last_prompt list_beep
tell() { compadd() { builtin compadd \"\$@\" }; zle complete-word; print -rn -- $'\\x02'\$BUFFER\$'\\x03'; BUFFER=; zle redisplay }
zle -N tell; bindkey '^I' tell; print READY-\$((1+1))"
zpty -r shell answer $'*READY-2*' || exit 1
for line in "$@"; do
	zpty -w -n shell "$line"$'\t'
	zpty -r shell answer $'*\x02*\x03*' || exit 1
	answer=${answer##*$'\x02'}
	print -r -- ${${answer%%$'\x03'*}%% }
done
zpty -d shell
