#!/usr/bin/env bash
# Runs peers' own test suites against PostgreSQL, direct and through the register
# guard's gateway in observing mode, and compares what passes.
#
#   tools/peersuites/run.sh [WORK] [SUITE…]
#
# WORK (default: a new temporary folder) keeps sources and results, so that a second run goes faster.
# SUITES: pgx libpq (lib/pq) regress isolation pipeline; default all.
# It fetches pgx and lib/pq from the Go module proxy and PostgreSQL 15 from Debian's
# source packages (needs deb-src, a C compiler, bison, flex), builds it, and starts a
# server of its own as user postgres if it is root.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-$(mktemp -d)}
shift || true
suites=${*:-pgx libpq regress isolation pipeline}
direct=${DIRECT_PORT:-5755} through=${THROUGH_PORT:-6755}
mkdir -p "$work/out"
chmod 755 "$work"

# unprivileged runs a command as postgres where we are root: PostgreSQL refuses to be root.
unprivileged() {
	if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi
}

build_postgres() {
	[ -x "$work/pg/bin/postgres" ] && [ -e "$work/built" ] && return
	(cd "$work" && apt-get source --download-only postgresql-15 >/dev/null && tar xf postgresql-15_*.orig.tar.bz2)
	(
		cd "$work"/postgresql-15.*/
		./configure --prefix="$work/pg" --without-readline --with-openssl --with-icu --with-libxml >"$work/configure.log" 2>&1
		make -j"$(nproc)" install >"$work/make.log" 2>&1
		for part in src/test/regress src/test/isolation src/test/modules/libpq_pipeline contrib/hstore contrib/ltree contrib/spi; do
			make -C $part >>"$work/make.log" 2>&1
		done
		make -C contrib/hstore install >>"$work/make.log" 2>&1
		make -C contrib/ltree install >>"$work/make.log" 2>&1
	)
	touch "$work/built"
}

start() {
	mkdir -p "$work/run"
	if [ "$(id -u)" = 0 ]; then chown -R postgres "$work/run" "$work/out" "$work"/postgresql-15.*/src/test; fi
	if [ ! -d "$work/run/data" ]; then
		unprivileged "'$work/pg/bin/initdb' -D '$work/run/data' -A trust -U postgres --no-locale -E UTF8 --no-sync" >/dev/null
		printf "port=%s\nunix_socket_directories='%s'\nmax_connections=300\nfsync=off\nautovacuum=off\nmax_prepared_transactions=20\nlog_min_messages=fatal\n" \
			"$direct" "$work/run" >>"$work/run/data/postgresql.conf"
	fi
	unprivileged "'$work/pg/bin/pg_ctl' -D '$work/run/data' -l '$work/run/log' -w start" >/dev/null
	(cd "$here" && go build -o "$work/observe" ./internal/register/wire/observe)
	"$work/observe" -listen "127.0.0.1:$through" -upstream "127.0.0.1:$direct" 2>"$work/observe.log" &
	gateway=$!
	trap 'kill $gateway; unprivileged "$work/pg/bin/pg_ctl -D $work/run/data -m immediate stop" >/dev/null' EXIT
	sleep 1
}

sql() { "$work/pg/bin/psql" -h 127.0.0.1 -p "$direct" -U postgres -qAtX "$@"; }

# count says how many tests of `go test -json` passed and failed, and lists the failed ones.
count() {
	grep -c '"Action":"pass".*"Test":' "$1" >"$1.passed" || true
	grep '"Action":"fail".*"Test":' "$1" | sed 's/.*"Package":"\([^"]*\)","Test":"\([^"]*\)".*/\1 \2/' | sort >"$1.failed" || true
	echo "$(cat "$1.passed") passed, $(wc -l <"$1.failed") failed"
}

module() { # name, version
	[ -d "$work/$1" ] && return
	local dir
	dir=$(cd "$here" && GOFLAGS=-mod=mod go mod download -json "$2" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	cp -r "$dir" "$work/$1"
	chmod -R u+w "$work/$1"
}

run_pgx() { # port
	module pgx "github.com/jackc/pgx/v5@$(cd "$here" && go list -m -f '{{.Version}}' github.com/jackc/pgx/v5)"
	sql -c 'drop database if exists pgx_test' -c 'create database pgx_test' postgres
	sql -c 'create extension hstore' -c 'create extension ltree' -c "create domain uint64 as numeric(20,0)" pgx_test >/dev/null
	sql -c "do \$\$ begin create user pgx_pw password 'secret'; exception when duplicate_object then null; end \$\$" postgres
	(cd "$work/pgx" && PGX_TEST_DATABASE="host=127.0.0.1 port=$1 user=postgres dbname=pgx_test sslmode=disable" \
		PGX_TEST_TCP_CONN_STRING="host=127.0.0.1 port=$1 user=postgres dbname=pgx_test sslmode=disable" \
		go test -p 1 -count=1 -json ./... >"$work/out/pgx.$1" 2>/dev/null) || true
	count "$work/out/pgx.$1"
}

run_libpq() {
	module libpq github.com/lib/pq@v1.12.3
	sql -c 'drop database if exists pqgo' -c 'create database pqgo' postgres
	sql -c "do \$\$ begin create role pqgo superuser login password 'unused'; exception when duplicate_object then null; end \$\$" postgres
	sql -c 'create extension hstore' pqgo >/dev/null
	(cd "$work/libpq" && PGHOST=127.0.0.1 PGPORT=$1 PGUSER=pqgo PGDATABASE=pqgo PGSSLMODE=disable \
		go test -p 1 -count=1 -json ./... >"$work/out/libpq.$1" 2>/dev/null) || true
	count "$work/out/libpq.$1"
}

run_regress() {
	unprivileged "mkdir -p '$work/out/regress$1/testtablespace' && cd '$work'/postgresql-15.*/src/test/regress && ./pg_regress --inputdir=. --outputdir='$work/out/regress$1' \
		--bindir='$work/pg/bin' --dlpath=. --host=127.0.0.1 --port=$1 --user=postgres --schedule=parallel_schedule --max-concurrent-tests=20" >"$work/out/regress.$1" 2>&1 || true
	echo "$(grep -c '\.\.\. ok' "$work/out/regress.$1") passed, $(grep -c 'FAILED  ' "$work/out/regress.$1") failed"
}

run_isolation() {
	unprivileged "mkdir -p '$work/out/isolation$1' && cd '$work'/postgresql-15.*/src/test/isolation && PATH=\$PWD:\$PATH ./pg_isolation_regress --inputdir=. --outputdir='$work/out/isolation$1' \
		--bindir='$work/pg/bin' --dlpath=../regress --host=127.0.0.1 --port=$1 --user=postgres --schedule=isolation_schedule" >"$work/out/isolation.$1" 2>&1 || true
	echo "$(grep -c '\.\.\. ok' "$work/out/isolation.$1") passed, $(grep -c 'FAILED  ' "$work/out/isolation.$1") failed"
}

run_pipeline() {
	local tool passed=0 failed=0
	tool=$(echo "$work"/postgresql-15.*/src/test/modules/libpq_pipeline/libpq_pipeline)
	: >"$work/out/pipeline.$1"
	for t in $(LD_LIBRARY_PATH="$work/pg/lib" "$tool" tests); do
		if LD_LIBRARY_PATH="$work/pg/lib" "$tool" "$t" "host=127.0.0.1 port=$1 user=postgres dbname=postgres" 10000 >>"$work/out/pipeline.$1" 2>&1; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1)) && echo "failed $t" >>"$work/out/pipeline.$1"
		fi
	done
	echo "$passed passed, $failed failed"
}

build_postgres
start
for suite in $suites; do
	echo "$suite direct:  $(run_"$suite" "$direct")"
	echo "$suite through: $(run_"$suite" "$through")"
done
