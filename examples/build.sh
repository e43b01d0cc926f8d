# From a fresh checkout to a built program, for the examples. Source it in the repository's root; it installs what
# building needs and leaves the program's path in `program`.

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing needs root and there is no sudo here; please install: $missing"
  fi
}

# install DEBIAN-PACKAGES COMMAND… : by apt-get, or by the command for another system.
install() {
  say "installing $missing"
  local log packages=$1; shift
  log=$(mktemp)
  if command -v apt-get >/dev/null; then
    as_root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends $packages" >"$log" 2>&1
  elif [ $# -gt 0 ]; then "$@" >"$log" 2>&1
  else die "found no way to install them here; please install: $missing"
  fi || { tail -5 "$log" >&2; die "could not install $missing; everything that was said is in $log"; }
  rm -f "$log"
}

build_tools() {
  if command -v dnf >/dev/null; then as_root dnf install -yq gcc make cmake
  elif command -v apk >/dev/null; then as_root apk add -q gcc musl-dev make cmake
  elif command -v brew >/dev/null; then brew install -q cmake
  else say "found no apt-get, dnf, apk or brew"; return 1
  fi
}

build() {
  # rustup puts cargo here and tells only new shells about it
  PATH=$PATH:$HOME/.cargo/bin
  command -v cargo >/dev/null || die "there is no cargo. Get Rust from https://rustup.rs, open a new shell, and run this again"
  missing=
  command -v cc >/dev/null || missing="a C compiler"
  command -v cmake >/dev/null || missing="${missing:+$missing and }cmake"
  [ -z "$missing" ] || install "gcc libc6-dev make cmake" build_tools
  command -v cc >/dev/null || die "there is still no C compiler; on macOS: xcode-select --install"
  program=${CARGO_TARGET_DIR:-target}/release/portolan
  [ -x "$program" ] || say "building; the first time takes a few minutes"
  cargo build --release --locked --quiet
}
