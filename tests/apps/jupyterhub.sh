#!/usr/bin/env bash
# A real JupyterHub on loopback: `jupyterhub.sh start` prints the two variables its mapping needs, `jupyterhub.sh stop` ends it.
# Every start begins with an empty database.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

HUB_VERSION=5.5.4
PROXY_VERSION=4.6.3                            # runs on the Node 18 that Debian 12 has
PORT=${JUPYTERHUB_PORT:-18501}                 # what clients speak to
HUB_PORT=${JUPYTERHUB_HUB_PORT:-18502}         # inner: the hub itself
PROXY_PORT=${JUPYTERHUB_PROXY_PORT:-18503}     # inner: its proxy's control port
TOKEN=${JUPYTERHUB_TOKEN:-portolan-test-token}
ADMIN=${JUPYTERHUB_ADMIN_TOKEN:-portolan-admin-token}     # what the test does as an admin of the hub
APP=$CACHE/jupyterhub
DATA=$APP/data

install() {
  need curl curl
  need node nodejs
  need npm npm
  venv "$APP/venv" "jupyterhub==$HUB_VERSION"
  local proxy=$APP/node_modules/configurable-http-proxy/package.json
  grep -q "\"version\": \"$PROXY_VERSION\"" "$proxy" 2>/dev/null ||
    npm install --prefix "$APP" --silent --no-audit --no-fund "configurable-http-proxy@$PROXY_VERSION" >"$CACHE/npm.log" 2>&1 ||
    die "npm could not install configurable-http-proxy; the reason is in $CACHE/npm.log"
}

write_config() {
  cat >"$DATA/config.py" <<PY
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:$PORT"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:$HUB_PORT"
c.JupyterHub.db_url = "sqlite:///$DATA/hub.sqlite"
c.JupyterHub.cookie_secret_file = "$DATA/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.command = ["$APP/node_modules/.bin/configurable-http-proxy"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:$PROXY_PORT"
c.ConfigurableHTTPProxy.pid_file = "$DATA/proxy.pid"
# what the gateway is given: people and groups, nothing else
c.JupyterHub.services = [{"name": "scim", "api_token": "$TOKEN"}, {"name": "admin", "api_token": "$ADMIN"}]
c.JupyterHub.load_roles = [
  {"name": "scim", "scopes": ["admin:users", "admin:groups"], "services": ["scim"]},
  {"name": "admin", "services": ["admin"]},
]
# somebody's server, that takes its time to stop, and a hub that does not wait for it
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "$DATA/home/{username}"
c.Spawner.cmd = ["$APP/venv/bin/python3", "$DATA/server.py"]
c.JupyterHub.tornado_settings = {"slow_stop_timeout": 0.1}
PY
  cat >"$DATA/server.py" <<'PY'
import http.server, os, signal, time, urllib.parse


class Anything(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


def stopped(*_):
    time.sleep(2)
    os._exit(0)


for sign in (signal.SIGINT, signal.SIGTERM):
    signal.signal(sign, stopped)
at = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.HTTPServer((at.hostname, at.port), Anything).serve_forever()
PY
}

case ${1:-} in
  start)
    install
    stop "$APP/pid"
    for port in "$PORT" "$HUB_PORT" "$PROXY_PORT"; do port_free "$port" || die "port $port is in use"; done
    rm -rf "$DATA"; mkdir -p "$DATA"
    write_config
    cd "$DATA"
    start "$APP/pid" "$APP/log" env PATH="$APP/venv/bin:$PATH" "$APP/venv/bin/jupyterhub" -f "$DATA/config.py"
    wait_http "http://127.0.0.1:$PORT/hub/api/" 90 || { tail -20 "$APP/log" >&2; stop "$APP/pid"; die "JupyterHub did not start"; }
    echo "JUPYTERHUB_URL=http://127.0.0.1:$PORT/hub/api"
    echo "JUPYTERHUB_TOKEN=$TOKEN"
    ;;
  stop) stop "$APP/pid" ;;
  *) die "usage: $0 start|stop" ;;
esac
