# What run.sh and scale.sh share: a PostgreSQL of its own with an invented register in it, guards before it,
# a pooler, and medians. To be sourced.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${PGBIN:-$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")}
work=$(mktemp -d "${TMPDIR:-/tmp}/registerbench.XXXXXX")
declare -A port=() pid=()
chmod 755 "$work"

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }

# PostgreSQL refuses to run as root.
unprivileged() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "cd / && $*"; else bash -c "$*"; fi; }

# free_port finds one that nobody listens on.
free_port() {
	local p
	while p=$((20000 + RANDOM % 12000)) && (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done
	echo "$p"
}

finish() {
	local p
	for p in "${pid[@]}"; do kill "$p" 2>/dev/null || true; done
	for p in "${pid[@]}"; do wait "$p" 2>/dev/null || true; done
	[ ! -d "$work/run/data" ] || unprivileged "'$bin/pg_ctl' -D '$work/run/data' -m immediate stop" >/dev/null || true
	rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

start_postgres() {
	mkdir "$work/run"
	if [ "$(id -u)" = 0 ]; then chown postgres "$work/run"; fi
	unprivileged "'$bin/initdb' -D '$work/run/data' -A trust -U postgres --no-locale -E UTF8 --no-sync" >/dev/null
	port[direct]=$(free_port)
	# wal_level minimal: what is loaded in the transaction that makes the table is not written twice.
	cat >>"$work/run/data/postgresql.conf" <<-CONF
		port = ${port[direct]}
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$work/run'
		shared_buffers = 512MB
		maintenance_work_mem = 256MB
		max_connections = 300
		wal_level = minimal
		max_wal_senders = 0
		autovacuum = off
		synchronize_seqscans = off
	CONF
	unprivileged "'$bin/pg_ctl' -D '$work/run/data' -l '$work/run/log' -w start" >/dev/null
}

# psql_at WAY USER ARGUMENT… reads no start-up file and stops at the first error.
psql_at() {
	local way=$1 user=$2
	shift 2
	PGOPTIONS='' "$bin/psql" -h 127.0.0.1 -p "${port[$way]}" -U "$user" -d postgres -qAtX -v ON_ERROR_STOP=1 "$@"
}

# load_register ROWS makes voters by invented distributions: ten columns, some 190 bytes each with the index.
load_register() {
	psql_at direct postgres <<-SQL
		BEGIN;
		CREATE TABLE public.voters (
			id bigint NOT NULL, family text NOT NULL, given text NOT NULL, born date NOT NULL, street text NOT NULL,
			house int NOT NULL, postcode text NOT NULL, ward int NOT NULL, registered date NOT NULL, at_risk boolean NOT NULL);
		INSERT INTO public.voters SELECT i,
			'Family' || substr(md5((i % 50021)::text), 1, 5 + (i % 9)::int), 'Given' || substr(md5((i % 4099)::text), 1, 3 + (i % 6)::int),
			date '1926-01-01' + (i * 7919 % 30000)::int, 'Street of the ' || substr(md5((i / 40)::text), 1, 6 + (i / 40 % 12)::int) || ', Upper Town of ' || md5((i / 20000)::text), (i % 140)::int + 1,
			chr(65 + (i / 4000 % 26)::int) || (i / 100 % 90 + 10) || ' ' || (i % 9 + 1) || 'XX', (i / 1500)::int,
			date '2010-01-01' + (i * 31 % 5000)::int, i % 100003 = 77
			FROM generate_series(1::bigint, $1) AS i;
		ALTER TABLE public.voters ADD PRIMARY KEY (id);
		COMMIT;
		VACUUM (FREEZE, ANALYZE) public.voters;
		CREATE ROLE clerk LOGIN; CREATE ROLE thief LOGIN; CREATE ROLE watcher LOGIN;
		GRANT SELECT ON public.voters TO clerk, thief;
		GRANT SELECT (id, at_risk) ON public.voters TO watcher;
		CHECKPOINT;
	SQL
}

# guard_config WAY: port and configuration; the policy comes from standard input. More lines follow as arguments.
guard_config() {
	local way=$1
	shift
	mkdir -p "$work/$way"
	port[$way]=$(free_port)
	cat >"$work/$way/register.toml"
	cat >"$work/$way/portcullis.toml" <<-TOML
		[register]
		listen = "127.0.0.1:${port[$way]}"
		upstream = "127.0.0.1:${port[direct]}"
		policy = "register.toml"
		data = "data"
		keys = "keys"
		catalogue = "postgres://watcher@127.0.0.1:${port[direct]}/postgres?sslmode=disable"
		$(printf '%s\n' "$@")
	TOML
}

# start_guard WAY USER waits until it answers a look-up. It has a session of its own, as a service has and as PostgreSQL's processes
# and pgbouncer give themselves: Linux shares the processor among sessions first, and it would get a part of this script's.
start_guard() {
	local way=$1 user=$2
	setsid "$work/portcullis" serve --config "$work/$way/portcullis.toml" >"$work/$way.log" 2>&1 &
	pid[$way]=$!
	for _ in $(seq 300); do
		if PGAPPNAME=desk psql_at "$way" "$user" -c 'SELECT id FROM voters WHERE id = 1' >/dev/null 2>&1; then return; fi
		kill -0 "${pid[$way]}" 2>/dev/null || break
		sleep 0.2
	done
	say "the guard $way does not answer:"
	tail -5 "$work/$way.log" >&2
	return 1
}

build() {
	say "building"
	if [ -n "${PORTCULLIS:-}" ]; then cp "$PORTCULLIS" "$work/portcullis"; else (cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$work/portcullis" ./cmd/portcullis); fi
	(cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$work/observe" ./internal/register/wire/observe)
}

median() { sort -n | awk '{a[NR] = $1} END {if (NR) print (NR % 2) ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2}'; }
cpu_ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; } # user and system time, in hundredths of a second
load_now() { cut -d' ' -f1 /proc/loadavg; }

machine() {
	printf '%s, %s cores, %s GB, Linux %s; %s\n' "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)" "$(nproc)" \
		"$(awk '/^MemTotal/ {printf "%.0f", $2 / 1048576}' /proc/meminfo)" "$(uname -r)" "$(date -u '+%Y-%m-%d %H:%M UTC')"
}
versions() {
	printf '%s; %s; %s' "$("$bin/postgres" --version)" "$("$work/portcullis" version 2>/dev/null | head -1)" "$(cd "$here" && go env GOVERSION)"
	if [ -n "${bouncer:-}" ]; then printf '; %s' "$("$bouncer" --version | head -1)"; fi
	printf '\n'
}
