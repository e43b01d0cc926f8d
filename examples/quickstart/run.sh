#!/usr/bin/env bash
# From a fresh checkout to a running gateway: installs what building needs, builds, starts `portolan demo`.
# Everything after the script's name goes to it: run.sh --listen 127.0.0.1:9090
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing needs root and there is no sudo here; please install: $missing"
  fi
}

install() {
  say "installing $missing"
  local log; log=$(mktemp)
  if command -v apt-get >/dev/null; then
    as_root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends gcc libc6-dev make cmake' >"$log" 2>&1
  elif command -v dnf >/dev/null; then as_root dnf install -yq gcc make cmake >"$log" 2>&1
  elif command -v apk >/dev/null; then as_root apk add -q gcc musl-dev make cmake >"$log" 2>&1
  elif command -v brew >/dev/null; then brew install -q cmake >"$log" 2>&1
  else die "found no apt-get, dnf, apk or brew; please install: $missing"
  fi || { tail -5 "$log" >&2; die "could not install $missing; everything that was said is in $log"; }
  rm -f "$log"
}

# rustup puts cargo here and tells only new shells about it
PATH=$PATH:$HOME/.cargo/bin
command -v cargo >/dev/null || die "there is no cargo. Get Rust from https://rustup.rs, open a new shell, and run this again"

missing=
command -v cc >/dev/null || missing="a C compiler"
command -v cmake >/dev/null || missing="${missing:+$missing and }cmake"
[ -z "$missing" ] || install
command -v cc >/dev/null || die "there is still no C compiler; on macOS: xcode-select --install"

program=${CARGO_TARGET_DIR:-target}/release/portolan
[ -x "$program" ] || say "building; the first time takes a few minutes"
cargo build --release --locked --quiet
exec "$program" demo "$@"
