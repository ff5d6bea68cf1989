# bash completion for dlf-identify: commands and options are asked of the program itself.
_dlf_identify() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(dlf-identify --help 2> /dev/null |
            sed -n 's/^  \([a-z][a-z_-]*\)  .*/\1/p') --help --version" -- "$word")
    elif [ "${word#-}" != "$word" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(dlf-identify "$command" --help 2> /dev/null |
            sed -n 's/^ *\(--[a-z-]*\).*/\1/p')" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _dlf_identify dlf-identify
