#!/usr/bin/env bash
# A real Directus on loopback, by hand: `directus.sh start` prints the variables its mapping needs, `directus.sh stop` ends it. tests/run.sh
# leaves it out, as npm takes ten minutes to compile it. Every start begins with an empty database.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

VERSION=10.13.4
PORT=${DIRECTUS_PORT:-18541}
TOKEN=${DIRECTUS_TOKEN:-portolan-test-token}
ADMIN=admin@example.com
APP=$CACHE/directus
DATA=$APP/data

install() {
  need curl curl
  need node nodejs
  need npm npm
  grep -q "\"version\": \"$VERSION\"" "$APP/node_modules/directus/package.json" 2>/dev/null ||
    npm install --prefix "$APP" --silent --no-audit --no-fund "directus@$VERSION" >"$CACHE/npm.log" 2>&1 ||
    die "npm could not install directus; the reason is in $CACHE/npm.log"
}

case ${1:-} in
  start)
    install
    stop "$APP/pid"
    port_free "$PORT" || die "port $PORT is in use"
    rm -rf "$DATA"; mkdir -p "$DATA/uploads" "$DATA/extensions"
    cat >"$DATA/.env" <<ENV
HOST=127.0.0.1
PORT=$PORT
PUBLIC_URL=http://127.0.0.1:$PORT
DB_CLIENT=sqlite3
DB_FILENAME=$DATA/data.db
KEY=portolan-test
SECRET=portolan-test
ADMIN_EMAIL=$ADMIN
ADMIN_PASSWORD=portolan-admin
TELEMETRY=false
SERVE_APP=false
CACHE_ENABLED=false
RATE_LIMITER_ENABLED=false
STORAGE_LOCAL_ROOT=$DATA/uploads
EXTENSIONS_PATH=$DATA/extensions
ENV
    cd "$DATA"
    node "$APP/node_modules/directus/cli.js" bootstrap >"$APP/install.log" 2>&1 || die "the tables could not be made; the reason is in $APP/install.log"
    start "$APP/pid" "$APP/log" node "$APP/node_modules/directus/cli.js" start
    wait_http "http://127.0.0.1:$PORT/server/ping" 120 || { tail -20 "$APP/log" >&2; stop "$APP/pid"; die "Directus did not start"; }
    session=$(curl -fsS -H 'Content-Type: application/json' -d "{\"email\": \"$ADMIN\", \"password\": \"portolan-admin\"}" "http://127.0.0.1:$PORT/auth/login" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["access_token"])')
    curl -fsS -o "$APP/me.json" -X PATCH -H "Authorization: Bearer $session" -H 'Content-Type: application/json' -d "{\"token\": \"$TOKEN\"}" "http://127.0.0.1:$PORT/users/me"
    echo "DIRECTUS_URL=http://127.0.0.1:$PORT"
    echo "DIRECTUS_USER=$ADMIN"
    echo "DIRECTUS_TOKEN=$TOKEN"
    ;;
  stop) stop "$APP/pid" ;;
  *) die "usage: $0 start|stop" ;;
esac
