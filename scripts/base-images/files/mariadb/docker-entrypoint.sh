#!/bin/sh
# Starts MariaDB as the public `mariadb` image does: MARIADB_ROOT_PASSWORD, MARIADB_USER, MARIADB_PASSWORD,
# MARIADB_DATABASE, --datadir and /docker-entrypoint-initdb.d mean the same. Until the database is set up the server
# listens on its unix socket only: `mariadb-admin ping -h 127.0.0.1` is true no sooner than it should be.
set -eu

case "${1:-}" in
-*) set -- mariadbd "$@" ;;
esac
if [ "${1:-}" != mariadbd ]; then
  exec "$@"
fi

data=/var/lib/mysql
for argument; do
  case "$argument" in --datadir=*) data="${argument#--datadir=}" ;; esac
done

# Quotes a value as an SQL string, and a name as an SQL identifier.
text() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }
name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

root() { mariadb --no-defaults --protocol=socket -u root "$@"; }

run_init_files() {
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
    *.sh) echo "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
    *.sql) echo "running $file"; root ${MARIADB_DATABASE:+-D "$MARIADB_DATABASE"} <"$file" ;;
    '/docker-entrypoint-initdb.d/*') ;;
    *) echo "ignoring $file" ;;
    esac
  done
}

set_up() {
  if [ -z "${MARIADB_ROOT_PASSWORD:-}" ]; then
    echo "MARIADB_ROOT_PASSWORD is not set: give the database's superuser a password" >&2
    exit 1
  fi
  mkdir -p "$data"
  mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null
  "$@" --skip-networking --innodb-flush-log-at-trx-commit=0 &
  server=$!
  until root -e '' 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || exit 1
    sleep 0.05
  done
  # From here on the accounts are as the grants say; the root of the socket goes by its password too.
  {
    if [ -n "${MARIADB_DATABASE:-}" ]; then
      echo "CREATE DATABASE IF NOT EXISTS $(name "$MARIADB_DATABASE");"
    fi
    if [ -n "${MARIADB_USER:-}" ]; then
      echo "CREATE USER $(text "$MARIADB_USER")@'%' IDENTIFIED BY $(text "${MARIADB_PASSWORD:-}");"
      if [ -n "${MARIADB_DATABASE:-}" ]; then
        echo "GRANT ALL ON $(name "$MARIADB_DATABASE").* TO $(text "$MARIADB_USER")@'%';"
      fi
    fi
  } | root
  run_init_files
  {
    echo "CREATE USER root@'%' IDENTIFIED BY $(text "$MARIADB_ROOT_PASSWORD");"
    echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
    echo "ALTER USER root@localhost IDENTIFIED BY $(text "$MARIADB_ROOT_PASSWORD");"
  } | root
  kill -TERM "$server"
  wait "$server" || true
}

[ -d "$data/mysql" ] || set_up "$@"
exec "$@"
