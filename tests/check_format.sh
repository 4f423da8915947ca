#!/bin/sh
# Compares the sources with .clang-format. Exits with 1 and names the files that differ, with 77 without the tool.
# Usage: tests/check_format.sh [--fix]
set -u
cd "$(dirname "$0")/.." || exit 2
command -v clang-format-19 >/dev/null || { echo "clang-format-19 is not installed"; exit 77; }

files() {
    for folder in support ir frontend passes codegen runtime report ahead api cli include tests examples bench; do
        [ -d "$folder" ] && find "$folder" -type f \( -name '*.c' -o -name '*.h' \) -print0
    done
}

if [ "${1:-}" = --fix ]; then
    files | xargs -0 -r clang-format-19 -i
    exit
fi
if ! files | xargs -0 -r clang-format-19 --dry-run -Werror 2>/dev/null; then
    files | xargs -0 -r -n 1 sh -c 'clang-format-19 --dry-run -Werror "$1" 2>/dev/null || echo "$1"' sh
    echo "these files differ from .clang-format; put them right with: ./run format" >&2
    exit 1
fi
