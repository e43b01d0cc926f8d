#!/usr/bin/env bash
# The same random requests to Portolan and to another SCIM server: tests/differential/run.sh [--filters N] [--patches N] [--seed S]
# Needs a built target/debug/portolan. What may differ stands in known.md.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

filters=2000 patches=1000 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --filters) filters=${2:?} ;; --patches) patches=${2:?} ;; --seed) seed=${2:?} ;;
    *) die "usage: $0 [--filters N] [--patches N] [--seed S]" ;;
  esac
  shift 2
done

PORTOLAN=${CARGO_TARGET_DIR:-$REPO/target}/debug/portolan
[ -x "$PORTOLAN" ] || die "there is no $PORTOLAN; run cargo build"
need curl curl
venv "$CACHE/scim2-server" scim2-server==0.8.3 scim2-models==0.12.3

RUN=$(mktemp -d)
clean_up() { stop "$RUN/ours.pid"; stop "$RUN/theirs.pid"; rm -rf "$RUN"; }
trap clean_up EXIT
trap 'exit 130' INT TERM

# strict: what the tolerant profile does beyond the RFC, the other server does not
ours=127.0.0.1:$(free_port) auth="Authorization: Bearer demo-strict"
start "$RUN/ours.pid" "$RUN/ours.out" "$PORTOLAN" demo --listen "$ours" --data "$RUN/data"
wait_http "http://$ours/scim/v2/Users?count=1" 20 "$auth" || { cat "$RUN/ours.out"; exit 1; }

# the other server offers exactly what ours says it offers
for list in Schemas ResourceTypes; do
  curl -fsS -H "$auth" "http://$ours/scim/v2/$list" | python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["Resources"], sys.stdout)' >"$RUN/$list"
done
port=$(free_port)
start "$RUN/theirs.pid" "$RUN/theirs.out" "$CACHE/scim2-server/bin/scim2-server" --port "$port" --schema "$RUN/Schemas" --resource-type "$RUN/ResourceTypes"
wait_http "http://127.0.0.1:$port/v2/Users" 20 || { cat "$RUN/theirs.out"; exit 1; }

python3 "$REPO/tests/differential/compare.py" "http://$ours/scim/v2" demo-strict "http://127.0.0.1:$port/v2" "$filters" "$patches" "$seed"
