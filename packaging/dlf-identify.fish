# fish completion for dlf-identify: commands and options are asked of the program itself.
function __dlf_identify_commands
    dlf-identify --help 2> /dev/null | sed -n 's/^  \([a-z][a-z_-]*\)  .*/\1/p'
end
function __dlf_identify_options
    set -l words (commandline -opc)
    dlf-identify $words[2] --help 2> /dev/null | sed -n 's/^ *\(--[a-z-]*\).*/\1/p'
end
complete -c dlf-identify -n 'test (count (commandline -opc)) -eq 1' -f -a '(__dlf_identify_commands)'
complete -c dlf-identify -n 'test (count (commandline -opc)) -gt 1' -a '(__dlf_identify_options)'
