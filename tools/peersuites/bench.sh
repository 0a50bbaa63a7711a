#!/usr/bin/env bash
# Measures, in one run and in turns, PostgreSQL direct, pgbouncer where installed, and the
# register guard's gateway in observing mode: once passing all (pass), once reading
# a key of every row (keys).
#
#   tools/peersuites/bench.sh [ROUNDS [ROWS [SECONDS]]]
#
# It starts a PostgreSQL of its own. Medians are of the rounds; ratios are to direct.
# Nothing else should run on the machine: a load average is printed before and after.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-5} rows=${2:-2000000} seconds_each=${3:-5}
work=$(mktemp -d)
chmod 755 "$work"
bin=${PGBIN:-$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")}
base=${BASE_PORT:-5855}
unprivileged() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
pids=
finish() {
	# shellcheck disable=SC2086
	kill $pids 2>/dev/null || true
	unprivileged "'$bin/pg_ctl' -D '$work/run/data' -m immediate stop" >/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

mkdir "$work/run"
if [ "$(id -u)" = 0 ]; then chown postgres "$work/run"; fi
unprivileged "'$bin/initdb' -D '$work/run/data' -A trust -U postgres --no-locale -E UTF8 --no-sync" >/dev/null
printf "port=%s\nunix_socket_directories='%s'\nshared_buffers=1GB\nmax_connections=200\nautovacuum=off\n" "$base" "$work/run" >>"$work/run/data/postgresql.conf"
unprivileged "'$bin/pg_ctl' -D '$work/run/data' -l '$work/run/log' -w start" >/dev/null
(cd "$here" && go build -o "$work/observe" ./internal/register/wire/observe)

declare -A port=([direct]=$base [pass]=$((base + 1)) [keys]=$((base + 2)) [pgbouncer]=$((base + 3)))
declare -A pid=()
ways="direct pass keys"
for way in pass keys; do
	key=-1
	[ $way = keys ] && key=0
	"$work/observe" -listen "127.0.0.1:${port[$way]}" -upstream "127.0.0.1:$base" -key $key 2>"$work/$way.log" &
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
	ways="direct pgbouncer pass keys"
fi
sleep 1

pgbench -h 127.0.0.1 -p "$base" -U postgres -i -s 10 -q postgres >/dev/null 2>&1
psql -h 127.0.0.1 -p "$base" -U postgres -qAtX -c "create unlogged table bulk as select n as id, 'Family '||n as family, 'Given '||n as given,
	date '1950-06-15' + n % 20000 as born, 'Street '||n as street from generate_series(1, $rows) n" postgres

ticks() { awk '{print $14+$15}' "/proc/$1/stat"; } # user and system time, in hundredths of a second
median() { sort -n | awk '{a[NR]=$1} END {print (NR%2) ? a[(NR+1)/2] : (a[NR/2]+a[NR/2+1])/2}'; }
uptime
for _ in $(seq "$rounds"); do
	for way in $ways; do
		before=0
		[ -n "${pid[$way]:-}" ] && before=$(ticks "${pid[$way]}")
		pgbench -h 127.0.0.1 -p "${port[$way]}" -U postgres -S -n -c 8 -j 2 -T "$seconds_each" postgres 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$work/tps.$way"
		if [ -n "${pid[$way]:-}" ]; then
			echo "$(ticks "${pid[$way]}") $before $(tail -1 "$work/tps.$way") $seconds_each" | awk '{print ($1-$2)*1e7/$3/$4}' >>"$work/cpu.tps.$way"
		fi
		for what in copy select; do
			text="copy bulk to stdout"
			[ $what = select ] && text="select * from bulk"
			before=0
			[ -n "${pid[$way]:-}" ] && before=$(ticks "${pid[$way]}")
			seconds=$("$work/observe" -upstream "postgres@127.0.0.1:${port[$way]}/postgres" -drain "$text" | cut -d' ' -f1)
			echo "$rows $seconds" | awk '{print $1/$2}' >>"$work/$what.$way"
			if [ -n "${pid[$way]:-}" ]; then
				echo "$(ticks "${pid[$way]}") $before $rows" | awk '{print ($1-$2)*1e7/$3}' >>"$work/cpu.$what.$way"
			fi
		done
	done
done
uptime
echo "the gateway's own CPU: per transaction (tps) or row"
for what in tps copy select; do
	direct=$(median <"$work/$what.direct")
	for way in $ways; do
		m=$(median <"$work/$what.$way")
		cpu=
		[ -e "$work/cpu.$what.$way" ] && cpu="  CPU of its own $(median <"$work/cpu.$what.$way" | cut -d. -f1) ns"
		echo "$what $way: $m  ratio $(echo "$m $direct" | awk '{printf "%.2f", $1/$2}')$cpu"
	done
done
