#!/usr/bin/env bash
# install_without_starting.sh PACKAGE...   (as root)
#
# Only the programs are wanted: demo and tests start private servers from them, in directories of their own. Debian's
# packages, though, start a server as soon as they are installed, and at every boot from then on: a broker and an SSH
# server that listen on every address, and a database cluster that nobody asked for. None of this happens here, and no
# server that the machine runs already is stopped or restarted.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/exposure-bus.conf
made=("$cluster")
trap 'rm -f "${made[@]}"' EXIT

# Packages ask this before they start, stop or restart a service. An administrator's own answer stands; what an
# interrupted set-up has left behind does not.
if [[ ! -e $policy ]] || grep -q exposure-bus "$policy"; then
    made+=("$policy")
    printf '#!/bin/sh\n# Written by the set-up of exposure-bus, for as long as it lasts.\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

# No cluster of the system's: neither its port nor its data directory is ours to take.
mkdir -p "$(dirname "$cluster")"
echo 'create_main_cluster = false' >"$cluster"

starting_at_boot() {
    local unit
    for unit in epmd.service epmd.socket rabbitmq-server.service ssh.service ssh.socket; do
        ! compgen -G "/etc/systemd/system/*/$unit" >/dev/null || echo "$unit"
    done
}

before=$(starting_at_boot)
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"

# Nor do the broker and the SSH server start at the next boot, unless they did before; without systemd nothing does.
mapfile -t added < <(comm -13 <(echo "$before") <(starting_at_boot))
if ((${#added[@]} > 0)) && command -v systemctl >/dev/null; then
    systemctl disable "${added[@]}"
fi
