# Words shared by the apps written in PHP. Source it after tests/lib.sh, with APP set to the app's folder in the cache.
# Debian's packages of such apps want a web server and ask questions when they are installed. So they are unpacked into the cache and
# installed nowhere; PHP's own server runs them.

# php_with MODULE… : the interpreter, with Debian's packages of these modules.
php_with() {
  need php php-cli
  local module has missing=()
  has=$(php -m)
  for module; do grep -qix "$module" <<<"$has" || missing+=("php-$module"); done
  [ ${#missing[@]} = 0 ] && return 0
  packages "${missing[@]}"
}

# unpacked PACKAGE… : their files are below $APP/root.
unpacked() {
  [ "$(cat "$APP/root/.holds" 2>/dev/null)" = "$*" ] && return 0
  need dpkg-deb dpkg
  rm -rf "$APP/root" "$APP/debs"; mkdir -p "$APP/root" "$APP/debs"
  say "fetching $*"
  # apt fetches as a user who may not write here, warns, and goes on
  (cd "$APP/debs" && { apt-get download -qq "$@" || { as_root apt-get update -qq && apt-get download -qq "$@"; }; }) >"$CACHE/apt.log" 2>&1 ||
    die "could not fetch $*; the reason is in $CACHE/apt.log"
  local deb
  for deb in "$APP"/debs/*.deb; do dpkg-deb -x "$deb" "$APP/root"; done
  rm -rf "$APP/debs"
  echo "$*" >"$APP/root/.holds"
}

# a_database VARIABLE : that variable tells where a database server is; unless somebody has set it, one is started for this app alone.
a_database() {
  [ -z "${!1:-}" ] || return 0
  local folder
  folder=$(mktemp -d); chmod 755 "$folder"      # the servers run as users of their own
  echo "$folder" >"$APP/databases"
  eval "$("$REPO/tests/databases.sh" start "$folder")"
}

# serve PORT FOLDER : PHP's own server, several requests at a time, with the warnings of old code kept out of the answers.
serve() {
  port_free "$1" || die "port $1 is in use"
  cd "$2"
  start "$APP/pid" "$APP/log" env PHP_CLI_SERVER_WORKERS=4 php -d display_errors=0 -d log_errors=0 -d opcache.enable_cli=1 \
    -d max_execution_time=300 -d memory_limit=256M -d post_max_size=16M -S "127.0.0.1:$1" -t "$2"
}

# ended : what `serve` and `a_database` started.
ended() {
  stop "$APP/pid"
  [ ! -s "$APP/databases" ] || { "$REPO/tests/databases.sh" stop "$(cat "$APP/databases")"; rm -f "$APP/databases"; }
}
