#!/usr/bin/env bash
# The same random requests to Portolan, over a database and over an HTTP app, and to another SCIM server:
# tests/differential/run.sh [--filters N] [--patches N] [--seed S] [--only sqlite|rest]
# Needs a built target/debug/portolan. What may differ stands in known.md.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

filters=2000 patches=1000 seed=1 only=
while [ $# -gt 0 ]; do
  case $1 in
    --filters) filters=${2:?} ;; --patches) patches=${2:?} ;; --seed) seed=${2:?} ;; --only) only=${2:?} ;;
    *) die "usage: $0 [--filters N] [--patches N] [--seed S] [--only sqlite|rest]" ;;
  esac
  shift 2
done

HERE=$REPO/tests/differential
PORTOLAN=${CARGO_TARGET_DIR:-$REPO/target}/debug/portolan
[ -x "$PORTOLAN" ] || die "there is no $PORTOLAN; run cargo build"
need curl curl
venv "$CACHE/scim2-server" scim2-server==0.8.3 scim2-models==0.12.3

RUN=$(mktemp -d)
stop_all() { for pid in "$RUN"/*.pid; do stop "$pid"; done; }
trap 'stop_all; rm -rf "$RUN"' EXIT
trap 'exit 130' INT TERM

# strict: what the tolerant profile does beyond the RFC, the other server does not
token=demo-strict auth="Authorization: Bearer demo-strict"

# gateway NAME ADDRESS COMMAND… : starts one and waits for it.
gateway() {
  local name=$1 at=$2; shift 2
  start "$RUN/$name.pid" "$RUN/$name.out" "$PORTOLAN" "$@" --listen "$at"
  wait_http "http://$at/scim/v2/Users?count=1" 20 "$auth" || { cat "$RUN/$name.out"; exit 1; }
}

# theirs ADDRESS : the other server, which offers exactly what the gateway at this address says it offers; its URL.
theirs() {
  local list port
  for list in Schemas ResourceTypes; do
    curl -fsS -H "$auth" "http://$1/scim/v2/$list" | python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["Resources"], sys.stdout)' >"$RUN/$list"
  done
  port=$(free_port)
  start "$RUN/theirs.pid" "$RUN/theirs.out" "$CACHE/scim2-server/bin/scim2-server" --port "$port" --schema "$RUN/Schemas" --resource-type "$RUN/ResourceTypes"
  wait_http "http://127.0.0.1:$port/v2/Users" 20 || { cat "$RUN/theirs.out"; exit 1; }
  echo "http://127.0.0.1:$port/v2"
}

over_sqlite() {
  local at url
  at=127.0.0.1:$(free_port)
  gateway sqlite "$at" demo --data "$RUN/data"
  url=$(theirs "$at")
  python3 "$HERE/compare.py" sqlite "$url" "$filters" "$patches" "$seed" "http://$at/scim/v2" "$token" "$PORTOLAN" "$REPO/examples/quickstart/mapping.yaml"
}

over_rest() {
  local name at app sides=() url
  for name in exact wider deaf fluent apart thin; do
    app=127.0.0.1:$(free_port)
    start "$RUN/app-$name.pid" "$RUN/app-$name.out" python3 "$HERE/app.py" "${app#*:}" "$name"
    wait_http "http://$app/seen" 20 || { cat "$RUN/app-$name.out"; exit 1; }
    cp "$HERE/rest.yaml" "$RUN/$name.mapping.yaml"
    # the other two keep no promise, and `ne` is of no use without one
    case $name in
      wider | deaf) sed -i -e '/ ne ?/d' -e 's/, matches: exactly//' "$RUN/$name.mapping.yaml" ;;
      # each rule has a call of its own, for ids where it finds few
      apart) sed -i -e 's|: { query: { \(label[.a-z]*: $.value\) }|: { call: GET /found/crews, query: { \1 }, rows: $.found|' \
        -e 's|: { query: { \([a-rt-z][a-z]*[.]eq: $.value\) }|: { call: GET /found/people, query: { \1 }, id: "$.found[*].no"|' \
        -e 's|: { query: { \([a-z]*[.][a-z]*: $.value\) }|: { call: GET /found/people, query: { \1 }, rows: $.found|' "$RUN/$name.mapping.yaml" ;;
      # in place of all rules one language, and one parameter for it
      fluent) sed -i -e '/^        .* ?: {/d' -e '1r '"$HERE/language.yaml" \
        -e 's/^        case: any$/        case: any\n        matches: exactly\n        language: trees/' \
        -e 's/^      call: GET .*[?].*limit=.*$/&\n      query: { where: $.filter }/' "$RUN/$name.mapping.yaml" ;;
      thin) python3 "$HERE/split.py" <"$HERE/rest.yaml" >"$RUN/$name.mapping.yaml" ;;
    esac
    cat >"$RUN/$name.yaml" <<YAML
listen: 127.0.0.1:8080
mapping: $name.mapping.yaml
limits: { calls: 1000 }
vars: { APP_URL: "http://$app/api", APP_KEY: { value: app-key, secret: true } }
clients:
  - { name: test, profile: strict, bearers: [ { bearer_sha256: $(printf %s "$token" | sha256sum | cut -d' ' -f1) } ] }
YAML
    at=127.0.0.1:$(free_port)
    gateway "$name" "$at" serve "$RUN/$name.yaml"
    sides+=("$name" "http://$at/scim/v2" "http://$app")
  done
  url=$(theirs "$at")
  python3 "$HERE/compare.py" rest "$url" "$filters" "$patches" "$seed" "$token" "${sides[@]}"
}

for kind in sqlite rest; do
  [ "${only:-$kind}" = "$kind" ] || continue
  echo "over $kind"
  over_$kind
  stop_all
done
