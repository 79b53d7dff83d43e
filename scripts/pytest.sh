#!/bin/sh
# pytest.sh MARKERS [ARGUMENTS…]: runs the tests that the marker expression selects, with a PostgreSQL server of their
# own beside them (MINIDESK_TEST_POSTGRES_URL), which is stopped at the end whatever happens.
set -eu
cd "$(dirname "$0")/.."
markers=$1
shift

# A test starts the product in processes of its own, some hundred times in all; none of them should compile it again.
unset PYTHONDONTWRITEBYTECODE

# The tests make and delete half a million small files, a PostgreSQL database being 500 of them. In memory that costs
# nothing; an ext4 without a journal looks at each lately deleted file before it makes one, half a second a database.
# What is measured is measured on the disk.
room() { [ "${1:-0}" -ge "$2" ]; }
disk=${TMPDIR:-/tmp} in_memory=
if [ "$markers" != bench ] && room "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" 2000000 &&
    room "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" 8000000; then
    export TMPDIR=/dev/shm
    # What a test that passed has written need not stay.
    in_memory="-o tmp_path_retention_policy=failed"
fi
dir= tests=$(mktemp -d)
trap 'rm -rf "$tests"; [ -z "$dir" ] || sh scripts/postgres.sh stop "$dir"' EXIT
trap 'exit 130' INT TERM HUP

case ",${MINIDESK_TEST_WITHOUT:-}," in *,chromium,*) markers="($markers) and not browser" ;; esac
case ",${MINIDESK_TEST_WITHOUT:-}," in
*,postgresql,*) markers="($markers) and not postgres" ;;
*)
    dir=$(mktemp -d)
    MINIDESK_TEST_POSTGRES_URL=$(sh scripts/postgres.sh start "$dir")
    export MINIDESK_TEST_POSTGRES_URL
    ;;
esac
status=0
TMPDIR=$tests .venv/bin/python -m pytest -m "$markers" $in_memory "$@" || status=$?
if [ "$status" = 1 ] && [ -n "$in_memory" ]; then
    left=$(TMPDIR=$disk mktemp -d)
    cp -R "$tests/." "$left"
    echo "What the failed tests have written: $left" >&2
fi
exit "$status"
