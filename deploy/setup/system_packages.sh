# shellcheck shell=bash
# The programs that come from the system's packages: RabbitMQ, PostgreSQL, rsync, OpenSSH, faketime.

# install_system_packages PYTHON
install_system_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$1")
    if ((${#missing[@]} == 0)); then
        return
    fi
    if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        fail "install these packages, then try again: sudo apt-get install ${missing[*]}"
    fi
    step "refresh the list of system packages" as_root apt-get update
    step "install the system packages ${missing[*]}" \
        as_root bash deploy/setup/install_without_starting.sh "${missing[@]}"
}

# Prints the packages whose programs are not there, one a line.
missing_packages() {
    [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]] || echo rabbitmq-server
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
    command -v rsync >/dev/null || echo rsync
    command -v ssh >/dev/null || echo openssh-client
    [[ -x /usr/sbin/sshd ]] || echo openssh-server
    command -v faketime >/dev/null || echo faketime  # the torture's steps of the clock
    # Debian's Python comes without what puts pip into a virtual environment.
    environment_has_pip || "$1" -c 'import ensurepip' 2>/dev/null || echo "$1-venv"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n "$@"
    fi
}
