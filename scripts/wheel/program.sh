#!/usr/bin/env bash
# Builds the program that the wheel and the container carry: the Swift runtime and all C libraries linked in, so that it
# needs nothing but glibc and the compiler's runtime (libgcc_s), which every Linux with glibc has. OpenBLAS is looked for
# when the program runs, as ever.
#
#   scripts/wheel/program.sh FILE      where the stripped program goes
set -euo pipefail
cd "$(dirname "$0")/../.."
file=$1
scratch=$PWD/.build-wheel
libraries=$scratch/static-libraries
mkdir -p "$libraries" "$(dirname "$file")"

# A folder that holds archives alone, named before the system's: the linker takes the first that it finds.
folder=$(pkg-config --variable=libdir libpng)
for library in png16 turbojpeg z sqlite3 yaml gmp; do
  archive=$folder/lib$library.a
  [ -f "$archive" ] || { echo "wheel: there is no $archive; install the -dev package with the archive" >&2; exit 1; }
  ln -sf "$archive" "$libraries/"
done
ln -sf "$(${CC:-cc} -print-file-name=libstdc++.a)" "$libraries/"
for package in libpng libturbojpeg zlib sqlite3 yaml-0.1 gmp; do
  printf 'Name: %s\nDescription: linked into the program\nVersion: %s\nCflags: %s\nLibs: -L%s %s\n' \
    "$package" "$(pkg-config --modversion "$package")" "$(pkg-config --cflags "$package")" \
    "$libraries" "$(pkg-config --libs-only-l "$package")" >"$libraries/$package.pc"
done
${CC:-cc} -O2 -c scripts/wheel/glibc_floor.c -o "$libraries/glibc_floor.o"

PKG_CONFIG_PATH=$libraries ${SWIFT:-swift} build -c release --product gradleak --static-swift-stdlib \
  --scratch-path "$scratch" -Xlinker "$libraries/glibc_floor.o" \
  -Xlinker --wrap=hypot -Xlinker --wrap=hypotf -Xlinker --wrap=arc4random \
  -Xlinker --as-needed
${STRIP:-strip} -o "$file.new" "$scratch/release/gradleak"
chmod 755 "$file.new"
mv "$file.new" "$file"
