#!/usr/bin/env bash
# Measures, in one run and in turns: PostgreSQL direct, pgbouncer where installed, the register
# guard observing (its ledger written behind), and the guard enforcing with its ledger synced before any row leaves.
#
#   tools/registerbench/run.sh [ROUNDS [ROWS [SECONDS]]]
#
# It starts a PostgreSQL of its own. Medians are of the rounds; ratios are to direct.
# Nothing else should run on the machine: the load average is printed before and after.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-5} rows=${2:-2000000} seconds_each=${3:-5}
work=$(mktemp -d)
chmod 755 "$work"
bin=${PGBIN:-$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")}
base=${BASE_PORT:-5875}
unprivileged() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
pids=
finish() {
	# shellcheck disable=SC2086
	kill $pids 2>/dev/null || true
	wait 2>/dev/null || true
	unprivileged "'$bin/pg_ctl' -D '$work/run/data' -m immediate stop" >/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

mkdir "$work/run"
if [ "$(id -u)" = 0 ]; then chown postgres "$work/run"; fi
unprivileged "'$bin/initdb' -D '$work/run/data' -A trust -U postgres --no-locale -E UTF8 --no-sync" >/dev/null
printf "port=%s\nunix_socket_directories='%s'\nshared_buffers=512MB\nmax_connections=300\nautovacuum=off\n" "$base" "$work/run" >>"$work/run/data/postgresql.conf"
unprivileged "'$bin/pg_ctl' -D '$work/run/data' -l '$work/run/log' -w start" >/dev/null
if [ -n "${PORTCULLIS:-}" ]; then cp "$PORTCULLIS" "$work/portcullis"; else (cd "$here" && CGO_ENABLED=0 go build -o "$work/portcullis" ./cmd/portcullis); fi
(cd "$here" && go build -o "$work/observe" ./internal/register/wire/observe)

pgbench -h 127.0.0.1 -p "$base" -U postgres -i -s 10 -q postgres >/dev/null 2>&1
psql -h 127.0.0.1 -p "$base" -U postgres -qAtX -c "create table bulk as select n as id, 'Family '||n as family, 'Given '||n as given,
	date '1950-06-15' + n % 20000 as born, 'Street '||n as street from generate_series(1, $rows) n; alter table bulk add primary key (id)" -c "vacuum analyze bulk" postgres

declare -A port=([direct]=$base [observing]=$((base + 1)) [synced]=$((base + 2)) [pgbouncer]=$((base + 3)))
declare -A pid=()
ways="direct observing synced"
for way in observing synced; do
	mode=observe behind=true
	[ $way = synced ] && mode=enforce behind=false
	mkdir "$work/$way"
	cat >"$work/$way/register.toml" <<-TOML
		mode = "$mode"
		[[protected]]
		relation = "public.pgbench_accounts"
		key = "aid"
		[[protected]]
		relation = "public.bulk"
		key = "id"
		[identity]
		default_role = "clerk"
		[[role]]
		name = "clerk"
		[[budget]]
		name = "each"
		per = "person"
		hour = 1000000000
		day = 1000000000
		days30 = 1000000000
		year = 1000000000
		[normals]
		off = true
	TOML
	cat >"$work/$way/portcullis.toml" <<-TOML
		[register]
		listen = "127.0.0.1:${port[$way]}"
		upstream = "127.0.0.1:$base"
		policy = "register.toml"
		data = "data"
		keys = "keys"
		catalogue = "postgres://postgres@127.0.0.1:$base/postgres?sslmode=disable"
		log_behind = $behind
	TOML
	"$work/portcullis" serve --config "$work/$way/portcullis.toml" >"$work/$way.log" 2>&1 &
	pid[$way]=$!
	pids="$pids $!"
done
if bouncer=$(command -v pgbouncer || command -v /usr/sbin/pgbouncer); then
	printf '[databases]\npostgres = host=127.0.0.1 port=%s dbname=postgres user=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%s\nauth_type=any\npool_mode=session\ndefault_pool_size=100\nunix_socket_dir=\npidfile=%s\n' \
		"$base" "${port[pgbouncer]}" "$work/run/pgbouncer.pid" >"$work/pgbouncer.ini"
	unprivileged "'$bouncer' -q -d '$work/pgbouncer.ini'" >/dev/null 2>&1
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$work/run/pgbouncer.pid" ] || sleep 0.3; done
	pid[pgbouncer]=$(cat "$work/run/pgbouncer.pid")
	pids="$pids ${pid[pgbouncer]}"
	ways="direct pgbouncer observing synced"
fi
for way in observing synced; do
	for _ in $(seq 300); do
		psql -h 127.0.0.1 -p "${port[$way]}" -U postgres -qAtX -c 'select id from bulk limit 1' postgres >/dev/null 2>&1 && break
		sleep 0.2
	done
done

ticks() { awk '{print $14+$15}' "/proc/$1/stat"; } # user and system time, in hundredths of a second
median() { sort -n | awk '{a[NR]=$1} END {print (NR%2) ? a[(NR+1)/2] : (a[NR/2]+a[NR/2+1])/2}'; }
measure() { # way what value-command…: appends the value, and the guard's CPU for each
	local way=$1 what=$2 before=0 value
	shift 2
	[ -n "${pid[$way]:-}" ] && before=$(ticks "${pid[$way]}")
	value=$("$@")
	echo "$value" >>"$work/$what.$way"
	if [ -n "${pid[$way]:-}" ]; then
		echo "$(ticks "${pid[$way]}") $before $value $seconds_each $rows $what" |
			awk '{n = ($6 ~ /^tps/) ? $3*$4 : $5; printf "%.0f\n", ($1-$2)*1e7/n}' >>"$work/cpu.$what.$way"
	fi
}
bench() { pgbench -h 127.0.0.1 -p "${port[$1]}" -U postgres -S -n -M "$2" -c "$3" -j 2 -T "$seconds_each" postgres 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'; }
drain() {
	local seconds
	seconds=$("$work/observe" -upstream "postgres@127.0.0.1:${port[$1]}/postgres" -drain "$2" | cut -d' ' -f1)
	echo "$rows $seconds" | awk '{print $1/$2}'
}
uptime
for _ in $(seq "$rounds"); do
	for way in $ways; do
		measure "$way" tps8 bench "$way" simple 8
		measure "$way" tps64 bench "$way" simple 64
		measure "$way" tps64-prepared bench "$way" prepared 64
		measure "$way" copy drain "$way" 'copy bulk to stdout'
		measure "$way" select drain "$way" 'select * from bulk'
	done
done
uptime
echo "transactions a second with 8 and 64 clients; rows a second of one big COPY and SELECT; the guard's own CPU per transaction or row"
for what in tps8 tps64 tps64-prepared copy select; do
	direct=$(median <"$work/$what.direct")
	for way in $ways; do
		m=$(median <"$work/$what.$way")
		cpu=
		[ -e "$work/cpu.$what.$way" ] && cpu="  CPU of its own $(median <"$work/cpu.$what.$way" | cut -d. -f1) ns"
		echo "$what $way: $m  ratio $(echo "$m $direct" | awk '{printf "%.2f", $1/$2}')$cpu"
	done
done
du -sb "$work"/synced/data/ledger | awk '{print "ledger of the enforcing guard: " $1 " bytes"}'
