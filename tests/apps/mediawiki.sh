#!/usr/bin/env bash
# A real MediaWiki on loopback: `mediawiki.sh start` prints the variables its mapping needs, `mediawiki.sh stop` ends it.
# Every start begins with an empty database, an SQLite file.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
APP=$CACHE/mediawiki
. "$REPO/tests/apps/php.sh"

PORT=${MEDIAWIKI_PORT:-18531}
SITE=$APP/root/usr/share/mediawiki
DATA=$APP/data
PASSWORD=portolan-admin

install() {
  # the package has links to where it would be installed
  rm -rf "$DATA" "$SITE"/{LocalSettings.php,extensions,images}; mkdir -p "$DATA" "$SITE"/{extensions,images}
  (cd "$SITE" && php -d display_errors=0 maintenance/install.php --dbtype sqlite --dbpath "$DATA" --dbname wiki --server "http://127.0.0.1:$PORT" --scriptpath "" \
    --pass "$PASSWORD" Portolan Admin) >"$APP/install.log" 2>&1 || return
  # a wiki that is only asked: no mail, no jobs, no limits on how often
  cat >>"$SITE/LocalSettings.php" <<'PHP'
$wgEnableEmail = true;
$wgEmailAuthentication = false;
$wgMainCacheType = CACHE_NONE;
$wgRateLimits = [];
$wgPasswordAttemptThrottle = [];
$wgAccountCreationThrottle = [];
$wgJobRunRate = 0;
PHP
}

case ${1:-} in
  start)
    php_with sqlite3 mbstring xml intl
    unpacked mediawiki mediawiki-classes
    ended
    install || { tail -20 "$APP/install.log" >&2; die "MediaWiki could not be installed"; }
    serve "$PORT" "$SITE"
    wait_http "http://127.0.0.1:$PORT/api.php?action=query&meta=siteinfo&format=json" 60 || { tail -20 "$APP/log" >&2; ended; die "MediaWiki did not start"; }
    echo "MEDIAWIKI_URL=http://127.0.0.1:$PORT"
    echo "MEDIAWIKI_USER=Admin"
    echo "MEDIAWIKI_PASSWORD=$PASSWORD"
    ;;
  stop) ended ;;
  *) die "usage: $0 start|stop" ;;
esac
