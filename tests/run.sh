#!/usr/bin/env bash
# All tests, from a fresh checkout: tests/run.sh [--quick]. Installs what is missing. --quick leaves out the real apps,
# the examples that build a release, and the comparison with another server.
# Stops at the first failure; whatever it started is ended either way.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPO"

quick=; [ "${1:-}" != --quick ] || { quick=1; shift; }
[ $# = 0 ] || die "usage: $0 [--quick]"

PORTOLAN=${CARGO_TARGET_DIR:-$REPO/target}/debug/portolan
RUN=$(mktemp -d)
passed=0

clean_up() {
  stop "$RUN/demo.pid"
  stop "$RUN/gateway.pid"
  stop "$RUN/example.pid"
  stop "$RUN/vendor.pid"
  [ ! -e "$RUN/apps" ] || for name in $(cat "$RUN/apps"); do "tests/apps/$name.sh" stop; done
  [ ! -e "$RUN/databases" ] || tests/databases.sh stop "$RUN/databases"
  rm -rf "$RUN"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# stage NAME COMMAND… : one line when it passes; when it fails, what it said, and the end.
stage() {
  local name=$1 log began code=0; shift
  log=$RUN/${name//[^a-z0-9]/-}.log
  began=$(date +%s%N)
  printf '%-34s' "$name"
  set +e; (set -e; "$@") >"$log" 2>&1; code=$?; set -e
  awk -v ns=$(($(date +%s%N) - began)) -v word="$([ $code = 0 ] && echo ok || echo FAILED)" 'BEGIN { printf "%6.1f s  %s\n", ns / 1e9, word }'
  if [ $code != 0 ]; then
    tail -n 60 "$log" | sed 's/^/    /'
    echo "$passed passed, 1 failed"
    exit 1
  fi
  passed=$((passed + 1))
  # a last line that counts something is worth showing
  tail -n 3 "$log" | grep -E '[0-9]+ (tests? run|checks|passed)' | tail -n 1 | sed 's/^ */    /' || true
}

rust_tests() { if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked --no-fail-fast; else cargo test --locked; fi; }

databases() {
  chmod 755 "$RUN"    # the servers run as users of their own
  mkdir "$RUN/databases"
  tests/databases.sh start "$RUN/databases" >"$RUN/databases.env"
}

# on ENGINE : what goes through a database, on another engine than SQLite.
on() {
  . "$RUN/databases.env"
  export PORTOLAN_TEST_ENGINE=$1
  local fills=; [ -n "${PORTOLAN_TEST_SMALL:-}" ] || { fills=1; say "no disk can be filled here: the test of that is left out"; }
  local tests="--test conformance --test gateway --test traffic --test sql_law --test sql_index_servers --test sql_statements_servers --test backend_servers --test writers --test uuid_keys --test own_sql --test nested --test schema --test live --test tester_servers"
  if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked --no-fail-fast --run-ignored all $tests ${fills:+-E 'not test(a_full_disk)'}
  else cargo test --locked $tests -- --include-ignored ${fills:+--skip a_full_disk}; fi
}

# SQLite too can find its disk full.
full_disk() {
  . "$RUN/databases.env"
  [ -n "${PORTOLAN_TEST_SMALL:-}" ] || { say "no disk can be filled here"; return 0; }
  cargo test --locked --test gateway -- --include-ignored a_full_disk
}

check() { VENDOR_DATABASE=postgres://somewhere/vendor "$PORTOLAN" check mappings/*.yaml benches/acme.yaml examples/*/*.yaml; }
conversations() { "$PORTOLAN" test mappings/*.yaml examples/{quickstart,everything,testresource}/mapping.yaml; }

demo() {
  port_free "${DEMO#*:}" || die "port ${DEMO#*:} is in use"
  start "$RUN/demo.pid" "$RUN/demo.out" "$PORTOLAN" demo --listen "$DEMO" --data "$RUN/data"
  wait_http "http://$DEMO/scim/v2/Users?count=1" 20 "Authorization: Bearer demo" || { cat "$RUN/demo.out"; exit 1; }
  python3 tests/quickstart.py "http://$DEMO/scim/v2" demo
}

# example NAME KNOWN… : the gateway of an example, over a new database, and what scim2-tester finds in both profiles.
example() {
  local name=$1; shift
  port_free "${EXAMPLE#*:}" || die "port ${EXAMPLE#*:} is in use"
  start "$RUN/example.pid" "$RUN/$name.out" "$PORTOLAN" serve "examples/$name/portolan.yaml" --listen "$EXAMPLE" --data "$RUN/$name"
  wait_http "http://$EXAMPLE/scim/v2/Users?count=1" 20 "Authorization: Bearer demo" || { cat "$RUN/$name.out"; exit 1; }
  tests/scim2-tester.sh "http://$EXAMPLE/scim/v2" demo-strict "$@"
  tests/scim2-tester.sh "http://$EXAMPLE/scim/v2" demo "$@"
  stop "$RUN/example.pid"
}

# The README's first command, as it stands there, on a port and a folder of its own.
first_command() {
  stop "$RUN/demo.pid"
  start "$RUN/demo.pid" "$RUN/first.out" examples/quickstart/run.sh --listen "$DEMO" --data "$RUN/first"
  wait_http "http://$DEMO/scim/v2/Users?count=1" 1200 "Authorization: Bearer demo" || { cat "$RUN/first.out"; exit 1; }
  python3 tests/quickstart.py "http://$DEMO/scim/v2" demo
}

# The vendor example as its README starts it, on a port and in a folder of its own.
vendor() {
  port_free "${EXAMPLE#*:}" || die "port ${EXAMPLE#*:} is in use"
  chmod 755 "$RUN"    # the cluster is a user of its own
  VENDOR_DATA=$RUN/vendor start "$RUN/vendor.pid" "$RUN/vendor.out" examples/vendor/run.sh --listen "$EXAMPLE"
  wait_http "http://$EXAMPLE/scim/v2/Users?count=1" 1200 "Authorization: Bearer demo" || { cat "$RUN/vendor.out"; exit 1; }
  python3 tests/vendor.py "http://$EXAMPLE/scim/v2"
  # it makes up managers, and who is nobody manages nobody
  tests/scim2-tester.sh "http://$EXAMPLE/scim/v2" demo-strict "the resource that is referred to does not exist"
  tests/scim2-tester.sh "http://$EXAMPLE/scim/v2" demo "the resource that is referred to does not exist"
  stop "$RUN/vendor.pid"
}

# app NAME : a real app, with the databases that run already.
app() {
  . "$RUN/databases.env"
  echo "$1" >>"$RUN/apps"
  "tests/apps/$1.sh" start >"$RUN/$1.env"
}

# gateway NAME : in front of that app, with the variables that the app's script told.
gateway() {
  port_free "${GATEWAY#*:}" || die "port ${GATEWAY#*:} is in use"
  {
    printf 'listen: %s\nmapping: %s\nvars:\n' "$GATEWAY" "$REPO/mappings/$1.yaml"
    sed -E 's/^([A-Z_]*(TOKEN|PASSWORD))=(.*)$/  \1: { value: "\3", secret: true }/; s/^([A-Z_]+)=(.*)$/  \1: "\2"/' "$RUN/$1.env"
    printf 'clients:\n  - { name: test, profile: tolerant, bearers: [ { bearer_sha256: %s } ] }\n' "$(printf %s test | sha256sum | cut -d' ' -f1)"
  } >"$RUN/portolan.yaml"
  start "$RUN/gateway.pid" "$RUN/gateway.out" "$PORTOLAN" serve "$RUN/portolan.yaml"
  wait_http "http://$GATEWAY/scim/v2/Users?count=1" 20 "Authorization: Bearer test" || { cat "$RUN/gateway.out"; exit 1; }
}

live() { (set -a; . "$RUN/$1.env"; python3 "tests/apps/$1.py" "http://$GATEWAY/scim/v2" test); }

apart() {
  stop "$RUN/gateway.pid"
  "tests/apps/$1.sh" stop
}

# real_app NAME KNOWN… : a real app, from its start to its end; KNOWN is what scim2-tester finds of what the app cannot do.
real_app() {
  local name=$1; shift
  stage "$name starts"              app "$name"
  stage "$name, gateway in front"   gateway "$name"
  stage "$name, check --live"       "$PORTOLAN" check --live "$RUN/portolan.yaml"
  stage "$name, live"               live "$name"
  stage "$name, scim2-tester"       tests/scim2-tester.sh "http://$GATEWAY/scim/v2" test "$@"
  stage "$name ends"                apart "$name"
}

toolchain
need curl curl
need python3 python3
DEMO=127.0.0.1:${DEMO_PORT:-$(free_port)}
GATEWAY=127.0.0.1:${GATEWAY_PORT:-$(free_port)}
EXAMPLE=127.0.0.1:${EXAMPLE_PORT:-$(free_port)}

stage "build"                        cargo build --locked
stage "rust tests"                   rust_tests
stage "databases start"              databases
stage "rust tests on PostgreSQL"     on postgres
stage "rust tests on MariaDB"        on mariadb
stage "a full disk, on SQLite"       full_disk
stage "mappings are sound"           check
stage "mappings, conversations"      conversations
stage "quickstart"                   demo
stage "quickstart, scim2-tester"     tests/scim2-tester.sh "http://$DEMO/scim/v2" demo-strict
stage "the same, tolerant profile"   tests/scim2-tester.sh "http://$DEMO/scim/v2" demo
stage "every attribute, scim2-tester" example everything
# Mistakes of scim2-tester, each with the RFC's sentence in docs/reference/conformance.md. It compares the text of a time and
# of bytes with what it has read from the same text, looks for an attribute that is returned on request without asking for
# it, and wants one gone that is always returned.
sent="check_(add|replace)_attribute  PATCH modify\(\) returned unexpected value for"
stage "own type, scim2-tester" example testresource \
  "$sent 'dateTimeAttr'\.  Patched value: ([0-9-]+)T([0-9:]+)(Z|\+[0-9:]+)  Returned value: \2 \3(\4|\+00:00)\$" \
  "$sent 'binaryAttr'\.  Patched value: [A-Za-z0-9+/]+==  Returned value: b['\"].*['\"]\$" \
  "check_(add|replace)_attribute  Attribute 'requestOnlyAttr' was not (added|replaced) or has .*  Returned value: None\$" \
  "check_remove_attribute  PATCH modify\(\) did not remove attribute 'alwaysReturnedAttr'\$"
if [ -z "$quick" ]; then
  stage "against another server"     tests/differential/run.sh
  stage "the README's first command" first_command
  stage "the vendor example"         vendor
  # No app here has a place for an externalId, which scim2-tester takes for granted. What else is known of an app is said at the head of
  # its mapping: what it cannot do is refused.
  # The tester writes the hub's own extension, in which all is read-only.
  real_app jupyterhub "'externalId' missing from User|'externalId'\.  Patched" "'urn:jupyterhub:params:scim:schemas:extension:2\.0:User'\..*last_activity=None  Returned value: None\$"
  real_app wordpress "'externalId'" "the app cannot make a Group\$" "check_remove_attribute  PATCH modify\(\) did not remove attribute 'displayName'\$"
  real_app zabbix "'externalId'" "check_remove_attribute  Failed to remove attribute 'active'" \
    "check_(add|replace)_attribute  Attribute 'members' was not (added|replaced) or has .* display=None, .*  Returned value: .* display='"
  real_app mediawiki "'externalId'" "the app cannot make a Group\$" "object_deletion  the app cannot delete a User\$" \
    "\`password\` cannot be changed any more\$" "check_remove_attribute  Failed to remove attribute 'active'"
fi
echo "$passed passed, 0 failed"
