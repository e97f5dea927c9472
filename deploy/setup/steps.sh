# shellcheck shell=bash
# Steps of the set-up: one line each, their output in a log that is shown when one fails.

readonly setup_log=build/setup.log

# step WHAT COMMAND...
step() {
    local what=$1
    shift
    printf 'setup: %s\n' "$what"
    mkdir -p "$(dirname "$setup_log")"
    # With no input a command that asks a question fails instead of waiting for an answer.
    if ! "$@" >"$setup_log" 2>&1 </dev/null; then
        tail -n 40 "$setup_log" >&2
        fail "this failed: $what. Its whole output is in $setup_log"
    fi
}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
