#!/usr/bin/env bash
# From a fresh checkout to a running gateway: installs what building needs, builds, starts `portolan demo`.
# Everything after the script's name goes to it: run.sh --listen 127.0.0.1:9090
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/build.sh

build
exec "$program" demo "$@"
