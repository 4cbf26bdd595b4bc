#!/usr/bin/env bash
# Installs what gradleak needs and the machine lacks: OpenBLAS, libpng, libjpeg-turbo, SQLite, libyaml, zlib and GMP,
# from the distribution. Does nothing when all is there. Swift 6 itself must be installed already.
set -euo pipefail

if ! command -v swift >/dev/null 2>&1; then
  echo "setup: no 'swift' on the PATH; install Swift 6.2 or later from https://swift.org/install" >&2
  exit 1
fi

case "$(uname -s)" in
  Darwin)
    command -v brew >/dev/null 2>&1 || {
      echo "setup: install Homebrew first (https://brew.sh), or libpng and jpeg-turbo yourself" >&2
      exit 1
    }
    for formula in pkgconf libpng jpeg-turbo libyaml gmp; do
      brew list --versions "$formula" >/dev/null 2>&1 || brew install "$formula"
    done
    exit 0
    ;;
esac

missing=()
for package in libopenblas-dev libpng-dev libturbojpeg0-dev libsqlite3-dev libyaml-dev zlib1g-dev libgmp-dev pkg-config; do
  # Ubuntu names the TurboJPEG headers differently.
  [ "$package" = libturbojpeg0-dev ] && [ -f /usr/include/turbojpeg.h ] && continue
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: install these packages with your distribution's tool: ${missing[*]}" >&2
  exit 1
fi
echo "setup: installing ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
for package in "${missing[@]}"; do
  if [ "$package" = libturbojpeg0-dev ] && ! apt-cache show libturbojpeg0-dev >/dev/null 2>&1; then
    package=libturbojpeg-dev
  fi
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$package"
done
