# shellcheck shell=bash
# The virtual environment .venv, with the locked packages and this project itself, editable.

# make_python_environment PYTHON
make_python_environment() {
    local stamp=.venv/setup.sha256 wanted
    wanted=$(environment_digest)
    if environment_has_pip && [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]]; then
        return
    fi
    # Removed first and written last: an interrupted set-up leaves none.
    rm -f "$stamp"
    environment_has_pip || step "make the virtual environment .venv with $("$1" --version)" "$1" -m venv --clear .venv
    step "install the locked packages (a minute or two the first time)" \
        install_packages --require-hashes -r requirements.lock
    # Wanted for its tables of real nights alone, which need none of its dependencies.
    step "install the tables of real nights" \
        install_packages --require-hashes --no-deps -r requirements-nights.lock
    # The build backend is among the locked packages, so that nothing unlocked is fetched to build with.
    step "install exposure-bus itself" \
        install_packages --no-deps --no-build-isolation --editable .
    echo "$wanted" >"$stamp"
}

environment_has_pip() {
    [[ -x .venv/bin/python ]] && compgen -G '.venv/lib/python3*/site-packages/pip/__main__.py' >/dev/null
}

# What the environment depends on: where it is, the locks, and the project's own metadata.
environment_digest() {
    { pwd -P && cat requirements.lock requirements-nights.lock pyproject.toml; } | sha256sum
}

install_packages() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input install "$@"
}
