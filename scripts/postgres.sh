#!/bin/sh
# A throw-away PostgreSQL server for tests, on 127.0.0.1 and a free port, with its files in DIR.
#   postgres.sh start DIR   makes and starts it; prints its address, postgresql+asyncpg://…
#   postgres.sh stop DIR    stops that server and removes DIR
# PostgreSQL refuses to run as root; then the user `postgres` of Debian's package runs it.
set -eu
action=$1 dir=$2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

case $action in
start)
    mkdir -p "$dir"
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    (umask 077 && echo "$password" >"$dir/password")
    [ "$(id -u)" != 0 ] || chown -R postgres "$dir"
    as_owner "$bin/initdb" -D "$dir/data" -U minidesk -E UTF8 --locale=C.UTF-8 \
        --auth=scram-sha-256 --pwfile="$dir/password" --no-sync >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; exit 1; }
    # Nothing here outlives the tests, so nothing has to reach the disk.
    as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start -o "\
        -c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= \
        -c max_connections=200 -c fsync=off -c full_page_writes=off -c synchronous_commit=off" >&2 ||
        { cat "$dir/server.log" >&2; exit 1; }
    echo "postgresql+asyncpg://minidesk:$password@127.0.0.1:$port/postgres"
    ;;
stop)
    [ ! -f "$dir/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop >&2 || true
    rm -rf "$dir"
    ;;
esac
