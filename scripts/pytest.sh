#!/bin/sh
# pytest.sh MARKERS [ARGUMENTS…]: runs the tests that the marker expression selects, with a PostgreSQL server of their
# own beside them (MINIDESK_TEST_POSTGRES_URL), which is stopped at the end whatever happens.
set -eu
cd "$(dirname "$0")/.."
markers=$1
shift

case ",${MINIDESK_TEST_WITHOUT:-}," in *,chromium,*) markers="($markers) and not browser" ;; esac
case ",${MINIDESK_TEST_WITHOUT:-}," in
*,postgresql,*) markers="($markers) and not postgres" ;;
*)
    dir=$(mktemp -d)
    trap 'sh scripts/postgres.sh stop "$dir"' EXIT
    trap 'exit 130' INT TERM HUP
    MINIDESK_TEST_POSTGRES_URL=$(sh scripts/postgres.sh start "$dir")
    export MINIDESK_TEST_POSTGRES_URL
    ;;
esac
.venv/bin/python -m pytest -m "$markers" "$@"
