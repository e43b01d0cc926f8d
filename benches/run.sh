#!/usr/bin/env bash
# What the gateway costs: SCIM requests through Portolan beside the app's own calls through nginx as a plain proxy, to the
# same app, one after the other on this machine. Prints a markdown page. SECONDS_EACH, ROUNDS and ports are environment.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../tests/lib.sh"
cd "$REPO"
. benches/lib.sh

EACH=${SECONDS_EACH:-3} ROUNDS=${ROUNDS:-3}
APP_PORT=${APP_PORT:-18580} PROXY_PORT=${PROXY_PORT:-18581} GATEWAY_PORT=${GATEWAY_PORT:-18582}
PORTOLAN=${CARGO_TARGET_DIR:-$REPO/target}/release/portolan
RUN=$(mktemp -d); chmod 755 "$RUN"
trap 'stop "$RUN/gateway.run"; stop "$RUN/proxy.run"; stop "$RUN/app.run"; rm -rf "$RUN"' EXIT
trap 'exit 130' INT TERM

PATH=$PATH:/usr/sbin
toolchain
need curl curl; need python3 python3; need wrk wrk; need nginx nginx-light
say "building"
cargo build --release --locked --quiet
for port in $APP_PORT $PROXY_PORT $GATEWAY_PORT; do port_free "$port" || die "port $port is in use"; done

user() { printf '{"id":%d,"login":"user%d","first_name":"Ann","last_name":"Archer %d","email":"user%d@example.com","state":"enabled"}' "$1" "$1" "$1" "$1"; }
mkdir "$RUN/answers"
printf '{"data":[%s],"meta":{"total":1}}' "$(user 42)" >"$RUN/answers/found.json"
printf '{"data":[%s],"meta":{"total":100}}' "$(for i in $(seq 100); do user "$i"; [ "$i" = 100 ] || printf ,; done)" >"$RUN/answers/page.json"

nginx_conf() { sed -e "s|@DIR@|$RUN|g; s|@ROLE@|$1|g; s|@APP_PORT@|$APP_PORT|g; s|@PROXY_PORT@|$PROXY_PORT|g; s|@USER@|$(user 42)|g"; }
run_nginx() {
  nginx_conf "$1" <"benches/$1.conf" >"$RUN/$1.conf"
  nginx_conf "$1" <benches/nginx.conf >"$RUN/$1.nginx"
  start "$RUN/$1.run" "$RUN/$1.out" nginx -e "$RUN/$1.error.log" -c "$RUN/$1.nginx"
}

cat >"$RUN/portolan.yaml" <<YAML
listen: 127.0.0.1:$GATEWAY_PORT
mapping: $REPO/benches/acme.yaml
vars: { ACME_URL: "http://127.0.0.1:$APP_PORT", ACME_TOKEN: { value: bench, secret: true } }
clients:
  - { name: bench, profile: tolerant, bearers: [ { bearer_sha256: $(printf %s bench | sha256sum | cut -d' ' -f1) } ] }
YAML
SCIM=http://127.0.0.1:$GATEWAY_PORT/scim/v2
run_gateway() { start "$RUN/gateway.run" "$RUN/gateway.out" "$PORTOLAN" serve "$RUN/portolan.yaml"; }

# milliseconds from exec to the first 200, asking every millisecond
first_answer() {
  python3 - "$PORTOLAN" "$RUN/portolan.yaml" "$GATEWAY_PORT" <<'PY'
import http.client, statistics, subprocess, sys, time
program, config, port = sys.argv[1:]
def once():
    began = time.perf_counter()
    process = subprocess.Popen([program, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and time.perf_counter() - began < 20:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
                connection.request("GET", "/scim/v2/Users/42", headers={"Authorization": "Bearer bench"})
                if connection.getresponse().status == 200:
                    return (time.perf_counter() - began) * 1000
            except OSError:
                pass
            time.sleep(0.001)
        sys.exit("the gateway did not answer")
    finally:
        process.terminate()
        process.wait()
print(f"{statistics.median(once() for _ in range(5)):.0f}")
PY
}

served() { curl -fsS "http://127.0.0.1:$APP_PORT/served" | awk 'NR == 3 { print $3 }'; }

# measure PIDFILE CONNECTIONS URL : "rate p50 p99 cpu-µs calls failures", with the request in the environment
measure() {
  local pid before calls line ticks
  pid=$(cat "$1"); before=$(cpu_ticks "$pid"); calls=$(served)
  line=$(wrk -t1 -c"$2" -d"${EACH}s" --timeout 10s -s benches/request.lua "$3" | grep '^RESULT')
  ticks=$(($(cpu_ticks "$pid") - before)); calls=$(($(served) - calls - 1))
  awk -v line="$line" -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" -v calls="$calls" 'BEGIN {
    split(line, r, " "); n = r[2] ? r[2] : 1
    printf "%.0f %d %d %.1f %.1f %d\n", r[2] / r[3], r[4], r[5], ticks / hz * 1e6 / n, calls / n, r[6] }'
}

SCIM_PATCH='"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]'
PERSON='{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"user42","name":{"givenName":"Ann","familyName":"Archer"},"emails":[{"type":"work","value":"user42@example.com"}],"active":true}'
RECORD='{"login":"user42","first_name":"Ann","last_name":"Archer","email":"user42@example.com","state":"enabled"}'

# NAME | SCIM: method, path, body | the app's own call: method, path, body
cases() {
  cat <<CASES
GET by id|GET|/Users/42||GET|/users/42|
userName eq|GET|/Users?filter=userName%20eq%20%22user42%22||GET|/users?login=user42&page=1&per_page=100|
a page of 100|GET|/Users?count=100||GET|/users?page=1&per_page=100|
POST|POST|/Users|$PERSON|POST|/users|$RECORD
PATCH active|PATCH|/Users/42|{$SCIM_PATCH,"Operations":[{"op":"replace","path":"active","value":false}]}|POST|/users/42/deactivate|
PATCH add member|PATCH|/Groups/7|{$SCIM_PATCH,"Operations":[{"op":"add","path":"members","value":[{"value":"42"}]}]}|PUT|/teams/7/people/42|
CASES
}

run_nginx app; wait_http "http://127.0.0.1:$APP_PORT/users/42" 10
run_nginx proxy; wait_http "http://127.0.0.1:$PROXY_PORT/users/42" 10
start_ms=$(first_answer)
run_gateway; wait_http "$SCIM/Users/42" 20 "Authorization: Bearer bench"
idle=$(memory_mib "$(cat "$RUN/gateway.run")"); idle_nginx=$(memory_mib "$(cat "$RUN/proxy.run")")

echo "# Portolan beside nginx, $(date -u +%Y-%m-%d)"
echo
echo "$(uname -srm), $(nproc) cores ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)); load, both proxies and the app share them."
echo "wrk, $ROUNDS rounds of $EACH s each, interleaved, the median round by requests a second. CPU is that of the proxy alone."
echo
echo "| request | c | Portolan req/s | nginx req/s | ratio | Portolan p50 / p99 ms | nginx p50 / p99 ms | Portolan CPU µs | nginx CPU µs | app calls |"
echo "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
failures=0
while IFS='|' read -r name method path body own_method own_path own_body; do
  for connections in 1 16; do
    : >"$RUN/ours"; : >"$RUN/theirs"
    for _ in $(seq "$ROUNDS"); do
      AUTHORIZATION="Bearer bench" METHOD=$method TARGET=/scim/v2$path BODY=$body MEDIA_TYPE=application/scim+json \
        measure "$RUN/gateway.run" "$connections" "$SCIM" >>"$RUN/ours"
      AUTHORIZATION="Bearer bench" METHOD=$own_method TARGET=$own_path BODY=$own_body MEDIA_TYPE=application/json \
        measure "$RUN/proxy.run" "$connections" "http://127.0.0.1:$PROXY_PORT" >>"$RUN/theirs"
    done
    failures=$((failures + $(cat "$RUN/ours" "$RUN/theirs" | awk '{ f += $6 } END { print f }')))
    echo "$(median <"$RUN/ours") $(median <"$RUN/theirs")" | awk -v name="$name" -v c="$connections" '{
      printf "| %s | %d | %d | %d | %.2f | %.2f / %.2f | %.2f / %.2f | %.0f | %.0f | %.0f |\n",
        name, c, $1, $7, ($7 ? $1 / $7 : 0), $2 / 1000, $3 / 1000, $8 / 1000, $9 / 1000, $4, $10, $5 }'
  done
done < <(cases)

echo
echo "| | Portolan | nginx |"
echo "|---|--:|--:|"
echo "| start to first answer, ms | $start_ms | |"
echo "| memory when idle, MiB | $idle | $idle_nginx |"
echo "| memory after the load, MiB | $(memory_mib "$(cat "$RUN/gateway.run")") | $(memory_mib "$(cat "$RUN/proxy.run")") |"
[ "$failures" = 0 ] || die "$failures requests failed; the numbers above mean nothing"
