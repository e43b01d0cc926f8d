#!/usr/bin/env bash
# The databases that tests need: tests/databases.sh start FOLDER | stop FOLDER. A private PostgreSQL and a private MariaDB in
# that folder, on free ports of loopback; `start` prints where they are as lines to be sourced. Nothing outlives `stop`.
# What is written is not kept safe from power cuts: that makes them fast.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# = 2 ] || die "usage: $0 start|stop FOLDER"
folder=$2

# as USER COMMAND… : database servers refuse to run as root.
as() {
  local user=$1; shift
  if [ "$(id -u)" = 0 ]; then setpriv --reuid="$user" --regid="$user" --init-groups "$@"; else "$@"; fi
}

# ours FOLDER USER : a folder that the server may write.
ours() {
  mkdir -p "$1"
  [ "$(id -u)" != 0 ] || chown "$2" "$1"
}

on_postgres() { PGPASSWORD=portolan psql -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U portolan -d postgres -c "$1"; }

begin() {
  # the package's own cluster is not wanted: neither made, nor started
  if ! command -v pg_ctlcluster >/dev/null && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  need pg_ctlcluster postgresql
  need mariadbd mariadb-server
  need setpriv util-linux
  pg=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  mkdir -p "$folder"
  chmod 755 "$folder"

  # a disk that a test can fill, where one may be mounted; not for MariaDB, which does not survive it
  small=
  mkdir -p "$folder/small"
  if as_root mount -t tmpfs -o size=24m,mode=777 portolan "$folder/small" 2>/dev/null; then
    small=$folder/small
    ours "$small/postgres" postgres
  else
    say "no small disk can be mounted here, so no test can fill one"
  fi

  ours "$folder/postgres" postgres
  echo portolan >"$folder/password"; chmod 644 "$folder/password"
  (cd "$folder/postgres" && LC_ALL=C.UTF-8 as postgres "$pg/initdb" -D data -U portolan --pwfile="$folder/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1) ||
    { cat "$folder/initdb.log" >&2; die "initdb failed"; }
  pg_port=$(free_port)
  cat >>"$folder/postgres/data/postgresql.conf" <<CONF
port = $pg_port
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder/postgres'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
shared_buffers = 64MB
log_statement = none
CONF
  (cd "$folder/postgres" && as postgres "$pg/pg_ctl" -D data -l "$folder/postgres/log" -w -t 60 start >/dev/null) ||
    { cat "$folder/postgres/log" >&2; die "PostgreSQL did not start"; }

  # here, as tests are at it side by side, and two cannot make the same at once
  on_postgres "CREATE EXTENSION citext SCHEMA pg_catalog"
  [ -z "$small" ] || on_postgres "CREATE TABLESPACE small LOCATION '$small/postgres'"

  ours "$folder/mariadb" mysql
  as mysql mariadb-install-db --no-defaults --datadir="$folder/mariadb/data" --auth-root-authentication-method=normal --skip-test-db >"$folder/install.log" 2>&1 ||
    { cat "$folder/install.log" >&2; die "mariadb-install-db failed"; }
  maria_port=$(free_port)
  as mysql setsid mariadbd --no-defaults --datadir="$folder/mariadb/data" --socket="$folder/mariadb/socket" --pid-file="$folder/mariadb/pid" \
    --bind-address=127.0.0.1 --port="$maria_port" --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --skip-log-bin \
    --innodb-buffer-pool-size=128M --max-connections=300 --character-set-server=utf8mb4 >"$folder/mariadb.log" 2>&1 </dev/null &
  local until=$((SECONDS + 60))
  until mariadb-admin --no-defaults --socket="$folder/mariadb/socket" -uroot ping >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { cat "$folder/mariadb.log" >&2; die "MariaDB did not start"; }
    sleep 0.1
  done
  mariadb --no-defaults --socket="$folder/mariadb/socket" -uroot -e \
    "CREATE USER portolan@127.0.0.1 IDENTIFIED BY 'portolan'; GRANT ALL ON *.* TO portolan@127.0.0.1 WITH GRANT OPTION"

  echo "export PORTOLAN_TEST_POSTGRES=postgres://portolan:portolan@127.0.0.1:$pg_port"
  [ -z "$small" ] || echo "export PORTOLAN_TEST_SMALL=$small"
  echo "export PORTOLAN_TEST_MARIADB=mariadb://portolan:portolan@127.0.0.1:$maria_port"
}

end() {
  pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  if [ -e "$folder/postgres/data/postmaster.pid" ]; then
    (cd "$folder/postgres" && as postgres "$pg/pg_ctl" -D data -m immediate -w stop >/dev/null) || true
  fi
  if [ -e "$folder/mariadb/pid" ]; then
    local pid until=$((SECONDS + 20))
    pid=$(cat "$folder/mariadb/pid")
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
      [ $SECONDS -lt $until ] || { kill -KILL "$pid"; break; }
      sleep 0.1
    done
  fi
  ! mountpoint -q "$folder/small" || as_root umount "$folder/small"
  rm -rf "$folder"
}

case $1 in
  start) begin ;;
  stop) end ;;
  *) die "usage: $0 start|stop FOLDER" ;;
esac
