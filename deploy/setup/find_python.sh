# shellcheck shell=bash
# Which Python to use.

# Prints the first command that is Python 3.11 or newer.
find_python() {
    local candidate
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        # Run it: a version manager's stand-in may be there without the version behind it.
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and there is none on the PATH: install python3 (3.11 or newer) and python3-venv"
}
