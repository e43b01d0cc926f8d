#!/usr/bin/env bash
# The API of a real Zabbix on loopback: `zabbix.sh start` prints the variables its mapping needs, `zabbix.sh stop` ends it.
# Its server is not started: people and groups are the web part's. Every start begins with an empty database: on the PostgreSQL of
# PORTOLAN_TEST_POSTGRES, or on one of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
APP=$CACHE/zabbix
. "$REPO/tests/apps/php.sh"

PORT=${ZABBIX_PORT:-18521}
SITE=$APP/root/usr/share/zabbix
SCHEMA=$APP/root/usr/share/zabbix-server-pgsql
NAME=portolan_zabbix             # the database

write_config() {
  # the package looks for it in /etc
  sed -i "s#'/etc/zabbix/zabbix.conf.php'#__DIR__ . '/../../../conf/zabbix.conf.php'#" "$SITE/include/classes/core/CConfigFile.php"
  cat >"$SITE/conf/zabbix.conf.php" <<PHP
<?php
\$DB = ['TYPE' => 'POSTGRESQL', 'SERVER' => '127.0.0.1', 'PORT' => '${PORTOLAN_TEST_POSTGRES##*:}', 'DATABASE' => '$NAME', 'USER' => 'portolan',
  'PASSWORD' => 'portolan', 'SCHEMA' => '', 'ENCRYPTION' => false, 'KEY_FILE' => '', 'CERT_FILE' => '', 'CA_FILE' => '', 'VERIFY_HOST' => false,
  'CIPHER_LIST' => '', 'DOUBLE_IEEE754' => true];
\$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
PHP
}

# call METHOD PARAMS [AUTH] : the result, found by a Python expression over `result`.
call() {
  curl -fsS -H 'Content-Type: application/json' -d "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$1\", \"params\": $2${4:+, \"auth\": \"$4\"}}" \
    "http://127.0.0.1:$PORT/api_jsonrpc.php" | python3 -c "import json, sys; result = json.load(sys.stdin)['result']; print($3)"
}

case ${1:-} in
  start)
    php_with pgsql mbstring xml bcmath gd
    need curl curl
    unpacked zabbix-frontend-php zabbix-server-pgsql
    ended
    a_database PORTOLAN_TEST_POSTGRES
    psql -q "$PORTOLAN_TEST_POSTGRES/postgres" -c "DROP DATABASE IF EXISTS $NAME" -c "CREATE DATABASE $NAME" >"$APP/install.log" 2>&1
    # of the data what people need; the rest is templates of what to watch, which take a minute
    { zcat "$SCHEMA/schema.sql.gz"; zcat "$SCHEMA/data.sql.gz" | grep -E "^INSERT INTO ((role|role_rule|users|usrgrp|users_groups|hstgrp|config|module) |media_type .*values \\('[13]')"; } | psql -q -1 "$PORTOLAN_TEST_POSTGRES/$NAME" >>"$APP/install.log" 2>&1 ||
      { ended; die "the tables could not be made; the reason is in $APP/install.log"; }
    write_config
    serve "$PORT" "$SITE"
    wait_http "http://127.0.0.1:$PORT/robots.txt" 60 || { tail -20 "$APP/log" >&2; ended; die "Zabbix did not start"; }
    session=$(call user.login '{"username": "Admin", "password": "zabbix"}' result)
    token=$(call token.create '{"name": "scim", "userid": "1"}' 'result["tokenids"][0]' "$session")
    echo "ZABBIX_URL=http://127.0.0.1:$PORT"
    echo "ZABBIX_ROLE=1"                # that of plain users
    echo "ZABBIX_GROUP=8"               # "Guests"
    echo "ZABBIX_DISABLED=9"            # "Disabled"
    echo "ZABBIX_MEDIA=1"               # "Email"
    echo "ZABBIX_TOKEN=$(call token.generate "[\"$token\"]" 'result[0]["token"]' "$session")"
    ;;
  stop) ended ;;
  *) die "usage: $0 start|stop" ;;
esac
