#!/usr/bin/env bash
# Makes everything ready that `make demo`, `make test` and `make check` need, and does nothing where it is ready:
# the system's packages, the virtual environment .venv, and in it the locked packages.
set -euo pipefail
cd "$(dirname "$0")/../.."

source deploy/setup/steps.sh
source deploy/setup/find_python.sh
source deploy/setup/system_packages.sh
source deploy/setup/python_environment.sh

python=$(find_python)
install_system_packages "$python"
make_python_environment "$python"
