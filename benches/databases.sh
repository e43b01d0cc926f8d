#!/usr/bin/env bash
# What the gateway costs over PostgreSQL: SCIM requests through Portolan beside the bare driver (sqlx, as Portolan uses it) that
# runs the same statements, as the server has logged them. 120,000 users of the vendor's schema, a role with 100,000 of them.
# Prints the second part of docs/benchmarks.md. SECONDS_EACH, ROUNDS, CONNECTIONS, GATEWAY_PORT and BARE_PORT are environment.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../tests/lib.sh"
cd "$REPO"
. benches/lib.sh

EACH=${SECONDS_EACH:-3} ROUNDS=${ROUNDS:-3} CONNECTIONS=${CONNECTIONS:-16} GATEWAY_PORT=${GATEWAY_PORT:-18582} BARE_PORT=${BARE_PORT:-18583}
PORTOLAN=${CARGO_TARGET_DIR:-$REPO/target}/release/portolan
RUN=$(mktemp -d); chmod 755 "$RUN"
trap 'stop "$RUN/gateway.run"; stop "$RUN/bare.run"; tests/databases.sh stop "$RUN/databases"; rm -rf "$RUN"' EXIT
trap 'exit 130' INT TERM

toolchain
need curl curl; need python3 python3; need wrk wrk
say "building"
cargo build --release --locked --quiet
DRIVER=$(cargo bench --locked --no-run --bench driver --message-format json 2>/dev/null | sed -n 's/.*"executable":"\([^"]*\/driver-[^"]*\)".*/\1/p')
[ -x "$DRIVER" ] || die "the driver was not built"
for port in "$GATEWAY_PORT" "$BARE_PORT"; do port_free "$port" || die "port $port is in use"; done

say "filling the database"
tests/databases.sh start "$RUN/databases" >"$RUN/databases.env"
. "$RUN/databases.env"
export DATABASE=$PORTOLAN_TEST_POSTGRES/postgres
sql() { psql -qXAt -v ON_ERROR_STOP=1 "$DATABASE" "$@"; }
sql -1 -f examples/vendor/vendor.sql
sql -1 <<'SQL'
insert into app_user (tenant_id, login, given, family, job) select 1, 'user' || i, 'Ann', 'Archer ' || i, 'Archer' from generate_series(1, 120000) as n(i);
insert into user_email (user_id, address, kind, is_main) select id, lower(login) || '@example.com', 'work', true from app_user where login like 'user%';
insert into role (tenant_id, name) values (1, 'All');
insert into user_role (role_id, user_id, granted_by)
select r.id, u.id, 'app' from role r, app_user u where r.name = 'All' and u.login like 'user%' and substr(u.login, 5)::int <= 100000;
SQL
sql -c 'vacuum analyze'
ROLE=$(sql -c "select id from role where name = 'All'")
FIRST=$(sql -c "select id from app_user where login = 'user1'")
[ "$(sql -c "select count(*) from user_role where role_id = $ROLE")" = 100000 ] || die "the role is not as large as it should be"

# run_gateway MORE : MORE is what its connections say to the server besides
run_gateway() {
  cat >"$RUN/portolan.yaml" <<YAML
listen: 127.0.0.1:$GATEWAY_PORT
mapping: $REPO/examples/vendor/mapping.yaml
vars: { DATABASE: { value: "$DATABASE$1", secret: true } }
tenants: { acme: { number: 1 } }
clients:
  - { name: bench, profile: tolerant, tenant: acme, bearers: [ { bearer_sha256: $(printf %s bench | sha256sum | cut -d' ' -f1) } ] }
YAML
  start "$RUN/gateway.run" "$RUN/gateway.out" "$PORTOLAN" serve "$RUN/portolan.yaml"
  wait_http "$SCIM/Users/$FIRST" 20 "Authorization: Bearer bench" || { cat "$RUN/gateway.out" >&2; exit 1; }
}
SCIM=http://127.0.0.1:$GATEWAY_PORT/scim/v2
LOG=$RUN/databases/postgres/log

# member N : the body that adds it
member() { printf '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"%s"}]}]}' "$1"; }
STRANGER=$((FIRST + 100001))    # a user who is in no role, and so are those after it
adds() { [ "$1" = "add one member" ]; }
# what was added is taken out again, so that there is always one to add
clean() { sql -c "delete from user_role where role_id = $ROLE and user_id > $FIRST + 99999"; }

# NAME | METHOD | PATH
cases() {
  cat <<CASES
userName eq|GET|/Users?filter=userName%20eq%20%22USER42%22
the same, attributes=userName|GET|/Users?filter=userName%20eq%20%22USER42%22&attributes=userName
GET by id|GET|/Users/$FIRST
a page of 100|GET|/Users?count=100&cursor=
add one member|PATCH|/Groups/$ROLE?excludedAttributes=members
CASES
}

# ask METHOD PATH BODY : one request to the gateway
ask() { curl -fsS -g -X "$1" -H "Authorization: Bearer bench" -H "Content-Type: application/scim+json" ${3:+-d "$3"} "$SCIM$2"; }

# logged FILE METHOD PATH BODY : what the server logs of that request
logged() {
  local file=$1 size until=$((SECONDS + 20)); shift
  size=$(stat -c %s "$LOG")
  ask "$@" >"$file.answer"
  # a read is undone after it is answered, so the one before may still come to its end here
  until tail -c +$((size + 1)) "$LOG" | sed -n '/statement: BEGIN/,$p' >"$file.all"; grep -qE 'statement: (ROLLBACK|COMMIT)' "$file.all"; do
    [ $SECONDS -lt $until ] || die "the server has logged no end of a transaction"
    sleep 0.05
  done
  # when the driver prepares a statement on a connection it looks into the catalogue, once; that is not of the request
  awk '/^\t/ { if (kept) print; next } { kept = !/LOG:  statement: SELECT/ } kept' "$file.all" >"$file"
}

say "what the statements are"
run_gateway "?options=-c%20log_statement%3Dall"
n=0
while IFS='|' read -r name method path; do
  n=$((n + 1)); body=
  if adds "$name"; then body=$(member $STRANGER); clean; fi
  logged "$RUN/$n.log" "$method" "$path" "$body"
done < <(cases)
# a page that begins after another one; any other costs the same
next=$(ask GET "/Users?count=200&cursor=" | python3 -c 'import json, sys; print(json.load(sys.stdin)["nextCursor"])')
logged "$RUN/walk.log" GET "/Users?count=200&cursor=$next"
stop "$RUN/gateway.run"

# through NAME METHOD PATH [BASE PIDFILE] : "rate p50 p99 cpu-µs failures"
through() {
  local pid ticks line body='' next='' base=${4:-$SCIM}
  if adds "$1"; then clean; body=$(member @N@); next=$STRANGER; fi
  pid=$(cat "${5:-$RUN/gateway.run}"); ticks=$(cpu_ticks "$pid")
  line=$(AUTHORIZATION="Bearer bench" METHOD=$2 TARGET=/scim/v2$3 BODY=$body NEXT=$next MEDIA_TYPE=application/scim+json \
    wrk -t1 -c"$CONNECTIONS" -d"${EACH}s" --timeout 10s -s benches/request.lua "$base" | grep '^RESULT')
  ticks=$(($(cpu_ticks "$pid") - ticks))
  awk -v line="$line" -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" 'BEGIN {
    split(line, r, " "); n = r[2] ? r[2] : 1; printf "%.0f %d %d %.1f %d\n", r[2] / r[3], r[4], r[5], ticks / hz * 1e6 / n, r[6] }'
}

# bare NAME LOG CONNECTIONS : the same of the driver
bare() {
  local more=''
  if adds "$1"; then clean; more="$STRANGER $STRANGER"; fi
  "$DRIVER" "$2" "$EACH" "$3" $more | awk '{ printf "%.0f %d %d %.1f 0\n", $1 / $2, $3, $4, $5 }'
}

# served NAME METHOD PATH LOG : the same of the driver behind HTTP, which answers what the gateway has answered
served() {
  local more='' line
  if adds "$1"; then clean; more="$STRANGER $STRANGER"; fi
  start "$RUN/bare.run" "$RUN/bare.out" "$DRIVER" "$4" "127.0.0.1:$BARE_PORT" "$4.answer" $more
  until curl -fsS -o /dev/null "http://127.0.0.1:$BARE_PORT/" 2>/dev/null; do sleep 0.1; done
  # connections are made and statements prepared
  EACH=1 through "$1" "$2" "$3" "http://127.0.0.1:$BARE_PORT" "$RUN/bare.run" >/dev/null
  line=$(through "$1" "$2" "$3" "http://127.0.0.1:$BARE_PORT" "$RUN/bare.run")
  stop "$RUN/bare.run"
  echo "$line"
}

# from the first page to the last, one connection: "pages-a-second p50 p99 cpu-µs failures users"
walk() {
  local pid ticks line
  pid=$(cat "$RUN/gateway.run"); ticks=$(cpu_ticks "$pid")
  line=$(python3 - "$GATEWAY_PORT" <<'PY'
import http.client, json, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
cursor, seen, took = "", set(), []
while cursor is not None:
    began = time.perf_counter()
    connection.request("GET", f"/scim/v2/Users?count=200&cursor={cursor}", headers={"Authorization": "Bearer bench"})
    answer = connection.getresponse()
    body = answer.read()
    took.append((time.perf_counter() - began) * 1e6)
    page = json.loads(body)
    cursor = page.get("nextCursor")
    seen.update(user["id"] for user in page["Resources"])
took.sort()
print(len(took), sum(took) / 1e6, took[len(took) // 2], took[len(took) * 99 // 100], len(seen))
PY
  )
  ticks=$(($(cpu_ticks "$pid") - ticks))
  awk -v line="$line" -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" 'BEGIN {
    split(line, r, " "); printf "%.0f %d %d %.1f 0 %d\n", r[1] / r[2], r[3], r[4], ticks / hz * 1e6 / r[1], r[5] }'
}

row() {
  echo "$(median <"$RUN/ours" | cut -d' ' -f1-5) $(median <"$RUN/theirs" | cut -d' ' -f1-5) $(median <"$RUN/served")" | awk -v name="$1" -v statements="$2" '{
    printf "| %s | %d | %d | %d | %.2f / %.2f | %.2f / %.2f | %.0f | %.0f | %.1f |", name, statements, $1, $6, $2 / 1000, $3 / 1000, $7 / 1000, $8 / 1000, $4, $9, ($9 ? $4 / $9 : 0)
    if ($14) printf " %.0f | %.1f |\n", $14, $4 / $14; else print " | |" }'
}
statements() { grep -c 'LOG:  execute' "$1"; }

run_gateway ""
echo "### $(date -u +%Y-%m-%d)"
echo
echo "$(uname -srm), $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)); load, gateway, driver and PostgreSQL $(psql --version | awk '{ print $3 }') share them."
echo "wrk, $ROUNDS rounds of $EACH s each, interleaved, the median round by requests a second. CPU is that of Portolan or the driver alone."
echo "$CONNECTIONS connections; the pages to the end have one."
echo
echo "| request | statements | Portolan req/s | driver req/s | Portolan p50 / p99 ms | driver p50 / p99 ms | Portolan CPU µs | driver CPU µs | ratio | driver behind HTTP, CPU µs | ratio |"
echo "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
failures=0 n=0
while IFS='|' read -r name method path; do
  n=$((n + 1))
  : >"$RUN/ours"; : >"$RUN/theirs"; : >"$RUN/served"
  for _ in $(seq "$ROUNDS"); do
    through "$name" "$method" "$path" >>"$RUN/ours"
    bare "$name" "$RUN/$n.log" "$CONNECTIONS" >>"$RUN/theirs"
    served "$name" "$method" "$path" "$RUN/$n.log" >>"$RUN/served"
  done
  failures=$((failures + $(awk '{ f += $5 } END { print f }' "$RUN/ours")))
  row "$name" "$(statements "$RUN/$n.log")"
done < <(cases)
clean
: >"$RUN/ours"; : >"$RUN/theirs"; : >"$RUN/served"
for _ in $(seq "$ROUNDS"); do
  walk >>"$RUN/ours"
  bare pages "$RUN/walk.log" 1 >>"$RUN/theirs"
done
walked=$(awk '{ print $6 }' "$RUN/ours" | sort -u)
row "pages of 200 to the end" "$(statements "$RUN/walk.log")"
echo
echo "Memory after the load: $(memory_mib "$(cat "$RUN/gateway.run")") MiB."
living=$(sql -c "select count(*) from app_user where tenant_id = 1 and deleted_at is null")
[ "$walked" = "$living" ] || die "the pages held $walked users of $living"
[ "$failures" = 0 ] || die "$failures requests failed; the numbers above mean nothing"
