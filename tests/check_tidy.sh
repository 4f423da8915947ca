#!/bin/sh
# Runs clang-tidy over the rooms. Exits with 1 on any finding, with 77 without the tool.
# Usage: tests/check_tidy.sh BUILD_FOLDER     (which has compile_commands.json)
set -u
build=$1
cd "$(dirname "$0")/.." || exit 2
command -v clang-tidy-19 >/dev/null || { echo "clang-tidy-19 is not installed"; exit 77; }
[ -f "$build/compile_commands.json" ] || { echo "$build: no compile_commands.json" >&2; exit 2; }

# Only what is built: a source that is not yet in a room's list has no compile command.
files=$(sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$build/compile_commands.json" | sort -u |
    grep -E "^$PWD/(support|ir|frontend|passes|codegen|runtime|report|ahead|api|standalone|cli)/")
# GCC's own warning flags are unknown to clang.
echo "$files" | xargs -r -P 2 -n 4 clang-tidy-19 --quiet -p "$build" --extra-arg=-Wno-unknown-warning-option 2>/dev/null
