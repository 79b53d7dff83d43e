#!/bin/sh
# system-packages.sh: makes sure that the programs the tests drive are there. Installs them where it may (root or sudo);
# elsewhere prints the line to run and stops. MINIDESK_TEST_WITHOUT=chromium,postgresql does without, outside CI.
set -eu

have() {
    case $1 in
    chromium) command -v chromium >/dev/null ;;
    postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
    esac
}

without=",${MINIDESK_TEST_WITHOUT:-},"
if [ "${CI:-}" = true ] && [ "$without" != ",," ]; then
    echo "CI leaves nothing out: unset MINIDESK_TEST_WITHOUT." >&2
    exit 1
fi

missing=
for package in chromium postgresql; do
    case $without in
    *,$package,*) echo "*** TESTS THAT NEED $package ARE LEFT OUT, because MINIDESK_TEST_WITHOUT says so ***" >&2 ;;
    *) have $package || missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then root=none
elif [ "$(id -u)" = 0 ]; then root=
elif sudo -n true 2>/dev/null; then root=sudo
else root=none; fi

if [ "$root" = none ]; then
    echo "The tests need$missing. Install with:" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    echo "or do without: make test MINIDESK_TEST_WITHOUT=$(echo $missing | tr ' ' ,)" >&2
    exit 1
fi

echo "installing Debian packages:$missing"
# Debian's PostgreSQL would make and start a cluster of its own; the tests make theirs (scripts/postgres.sh).
no_cluster=/etc/postgresql-common/createcluster.d/minidesk-tests.conf
case $missing in
*postgresql*)
    $root mkdir -p "$(dirname $no_cluster)"
    echo "create_main_cluster = false" | $root tee $no_cluster >/dev/null
    ;;
esac
log=$(mktemp)
if $root apt-get update -qq >"$log" 2>&1 &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >>"$log" 2>&1; then
    status=0
else
    status=1
    tail -n 20 "$log" >&2
    echo "Installing$missing failed; the lines above are apt's." >&2
fi
$root rm -f $no_cluster
rm -f "$log"
exit $status
