#!/bin/sh
# Starts PostgreSQL as the public `postgres` image does: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA and
# /docker-entrypoint-initdb.d mean the same, so that one Dockerfile fits both images. Until the database is set up the
# server listens on the unix socket only: `pg_isready -h 127.0.0.1` is true no sooner than it should be.
set -eu

case "${1:-}" in
-*) set -- postgres "$@" ;;
esac
if [ "${1:-}" != postgres ]; then
  exec "$@"
fi

user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"

# Quotes a value as an SQL string, and a name as an SQL identifier.
text() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }
name() { printf '"%s"' "$(printf %s "$1" | sed 's/"/""/g')"; }

run_init_files() {
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
    *.sh) echo "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
    *.sql) echo "running $file"; psql -v ON_ERROR_STOP=1 -qX -U "$user" -d "$database" -f "$file" ;;
    *.sql.gz) echo "running $file"; gunzip -c "$file" | psql -v ON_ERROR_STOP=1 -qX -U "$user" -d "$database" ;;
    '/docker-entrypoint-initdb.d/*') ;;
    *) echo "ignoring $file" ;;
    esac
  done
}

set_up() {
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo "POSTGRES_PASSWORD is not set: give the database's superuser a password" >&2
    exit 1
  fi
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  # The cluster was made with the image: copying it takes a fifth of the time that initdb takes.
  cp -R /usr/share/postgresql-cluster/. "$PGDATA"
  # Not by pg_ctl, which looks only ten times a second whether the server has started or stopped.
  postgres -D "$PGDATA" -c listen_addresses='' -c fsync=off -c log_checkpoints=off &
  server=$!
  until pg_isready -q; do
    kill -0 "$server" 2>/dev/null || exit 1
    sleep 0.01
  done
  {
    if [ "$user" = postgres ]; then
      echo "ALTER ROLE postgres PASSWORD $(text "$POSTGRES_PASSWORD");"
    else
      echo "CREATE ROLE $(name "$user") SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS LOGIN PASSWORD $(text "$POSTGRES_PASSWORD");"
    fi
    if [ "$database" != postgres ]; then
      echo "CREATE DATABASE $(name "$database") OWNER $(name "$user");"
    fi
  } | psql -v ON_ERROR_STOP=1 -qX -U postgres -d postgres
  run_init_files
  kill -INT "$server"
  wait "$server"
}

[ -s "$PGDATA/PG_VERSION" ] || set_up
exec "$@"
