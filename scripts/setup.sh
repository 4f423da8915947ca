#!/bin/sh
# Installs the Debian packages that are missing, and nothing else. Called by ./run and .ci/run.
# Usage: scripts/setup.sh build|test|ci
#   build  what the tool is built from
#   test   and what its tests need
#   ci     and the second compiler, the formatter and the linter
set -eu

build='gcc libc6-dev cmake ninja-build llvm-19-dev zlib1g-dev libjansson-dev'
test='libcmocka-dev'
ci='doxygen clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19'

case ${1:-build} in
build) wanted=$build ;;
test) wanted="$build $test" ;;
ci) wanted="$build $test $ci" ;;
*) echo "usage: scripts/setup.sh build|test|ci" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "setup: this is not Debian; the build needs what these packages hold: $wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing and only root can install them:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "setup: installing$missing"
$as_root apt-get update -q
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
