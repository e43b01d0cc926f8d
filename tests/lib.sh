# Shell words shared by the scripts in tests/, benches/ and .ci/. Source it; it starts nothing by itself.
# Everything fetched lives in one cache folder, so a second run needs no network and `rm -rf .cache` is a clean slate.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${PORTOLAN_CACHE:-$REPO/.cache}
mkdir -p "$CACHE"
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo -n "$@"
  else return 1
  fi
}

# packages NAME… : installs Debian packages.
packages() {
  command -v apt-get >/dev/null || die "please install: $*"
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@" >"$CACHE/apt.log" 2>&1 ||
    { as_root apt-get update -qq >>"$CACHE/apt.log" 2>&1 &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@" >>"$CACHE/apt.log" 2>&1; } ||
    die "could not install $*; the reason is in $CACHE/apt.log"
}

# need COMMAND PACKAGE… : installs the Debian packages unless the command is there already.
need() {
  local command=$1; shift
  command -v "$command" >/dev/null && return 0
  command -v apt-get >/dev/null || die "'$command' is missing; please install it (Debian: $*)"
  packages "$@"
  command -v "$command" >/dev/null || die "'$command' is still missing after installing $*"
}

# toolchain : what compiling needs.
toolchain() {
  PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || die "there is no cargo; get Rust from https://rustup.rs"
  need cc gcc libc6-dev
  need make make
  need cmake cmake
}

# venv FOLDER REQUIREMENT… : a Python environment holding exactly these, made anew when the list changes.
venv() {
  local folder=$1; shift
  [ "$(cat "$folder/.holds" 2>/dev/null)" = "$*" ] && return 0
  need python3 python3 python3-venv
  rm -rf "$folder"
  if ! python3 -m venv "$folder" >"$CACHE/venv.log" 2>&1; then    # Debian ships python3 without ensurepip
    as_root apt-get install -yqq --no-install-recommends python3-venv >>"$CACHE/venv.log" 2>&1 &&
      python3 -m venv --clear "$folder" >>"$CACHE/venv.log" 2>&1 ||
      die "could not make a Python environment; the reason is in $CACHE/venv.log"
  fi
  "$folder/bin/pip" install -q "$@" >>"$CACHE/venv.log" 2>&1 || die "pip could not install $*; the reason is in $CACHE/venv.log"
  echo "$*" >"$folder/.holds"
}

# wait_http URL SECONDS [HEADER] : until the URL answers 2xx. Polls; there is no fixed pause that a slow machine could outlast.
wait_http() {
  local until=$((SECONDS + $2))
  until curl -fsS -o /dev/null -m 5 ${3:+-H "$3"} "$1" 2>/dev/null; do
    [ $SECONDS -lt $until ] || { say "no answer from $1 within $2 s"; return 1; }
    sleep 0.1
  done
}

# port_free PORT : nobody listens there.
port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start PIDFILE LOGFILE COMMAND… : in a process group of its own, so that `stop` reaches its children and nobody else's.
start() {
  local pidfile=$1 logfile=$2; shift 2
  setsid "$@" >"$logfile" 2>&1 </dev/null &
  echo $! >"$pidfile"
}

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# stop PIDFILE : ends the group that `start` made: politely, then after ten seconds firmly.
stop() {
  [ -s "$1" ] || return 0
  local pid until=$((SECONDS + 10))
  pid=$(cat "$1")
  kill -TERM -- "-$pid" 2>/dev/null
  while kill -0 -- "-$pid" 2>/dev/null; do
    [ $SECONDS -lt $until ] || { kill -KILL -- "-$pid" 2>/dev/null; break; }
    sleep 0.1
  done
  rm -f "$1"
}

# free_port : one that nobody listens on now. Somebody may take it before we do; then starting fails, loudly.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
