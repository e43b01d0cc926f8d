#!/usr/bin/env bash
# A vendor's PostgreSQL and the gateway in front of it, from a fresh checkout: installs PostgreSQL if it is missing, makes
# a private cluster that listens on no port, builds, and serves on 127.0.0.1:8081.
# Everything after the script's name goes to `portolan serve`: run.sh --listen 127.0.0.1:9090
# The cluster lives in $VENDOR_DATA (default: portolan-vendor in the temporary folder) and is kept; delete it to begin again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. examples/build.sh

VENDOR_DATA=${VENDOR_DATA:-${TMPDIR:-/tmp}/portolan-vendor}
here=examples/vendor

# the newest of those that distributions put aside, else what the shell finds
find_postgres() {
  local bin
  for bin in "$(dirname "$(command -v initdb || echo /-/-)")" $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V); do
    [ ! -x "$bin/initdb" ] || [ ! -x "$bin/psql" ] || postgres=$bin
  done
  [ -n "${postgres:-}" ]
}

install_postgres() {
  missing=PostgreSQL
  # Debian would make and start a cluster of its own, which nobody asked for
  if command -v apt-get >/dev/null && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root sh -c 'mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf'
  fi
  install postgresql other_postgres
}

other_postgres() {
  if command -v dnf >/dev/null; then as_root dnf install -yq postgresql-server
  elif command -v apk >/dev/null; then as_root apk add -q postgresql
  elif command -v brew >/dev/null; then brew install -q postgresql@15 && PATH=$PATH:$(brew --prefix postgresql@15)/bin
  else return 1
  fi
}

# PostgreSQL refuses to run as root
as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

sql() { as_owner "$postgres/psql" -qX -v ON_ERROR_STOP=1 -h "$VENDOR_DATA" "$@"; }

start_postgres() {
  if [ ! -e "$VENDOR_DATA/made" ]; then
    [ ! -e "$VENDOR_DATA" ] || die "$VENDOR_DATA was not made whole by this script; delete it, or name another place in VENDOR_DATA"
    mkdir -m 700 "$VENDOR_DATA"
    [ "$(id -u)" != 0 ] || chown postgres "$VENDOR_DATA"
    as_owner "$postgres/initdb" -D "$VENDOR_DATA/cluster" -U owner -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
  fi
  as_owner "$postgres/pg_ctl" -D "$VENDOR_DATA/cluster" -l "$VENDOR_DATA/log" -s -w \
    -o "-c listen_addresses='' -c unix_socket_directories='$VENDOR_DATA'" start
  trap 'as_owner "$postgres/pg_ctl" -D "$VENDOR_DATA/cluster" -s -m fast stop' EXIT
  if [ ! -e "$VENDOR_DATA/made" ]; then
    sql -U owner -d postgres -c 'create database vendor'
    sql -U owner -d vendor -1 <"$here/vendor.sql"
    # the gateway's own user: rows, and nothing else
    sql -U owner -d vendor -1 <<'SQL'
create role portolan login;
grant select, insert, update, delete on app_user, user_email, role, user_role to portolan;
SQL
    as_owner touch "$VENDOR_DATA/made"
  fi
}

find_postgres || { install_postgres; find_postgres || die "PostgreSQL is installed, and there is no initdb"; }
build
start_postgres
say "the database: psql -h $VENDOR_DATA -U owner vendor"
export VENDOR_DATABASE="postgres://portolan@localhost/vendor?host=$VENDOR_DATA"
"$program" serve "$here/portolan.yaml" "$@" &
gateway=$!
trap 'kill $gateway 2>/dev/null || true' INT TERM
while kill -0 $gateway 2>/dev/null; do wait $gateway || true; done
