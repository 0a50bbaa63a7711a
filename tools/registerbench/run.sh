#!/usr/bin/env bash
# Measures the register guard in one run and in turns: PostgreSQL direct, pgbouncer where installed, the guard
# observing (its ledger written behind), and the guard enforcing with the ledger synced before any row leaves.
#
#   tools/registerbench/run.sh [ROUNDS [ROWS [SECONDS]]]      default 5 rounds, 2,000,000 voters, 5 s per look-up bench
#
# It starts a PostgreSQL of its own and prints a Markdown table. Every ratio is to direct within the same round and
# measured right beside it; the table has the medians of the rounds. The order of the ways is turned round with every round. Nothing else
# should run on the machine: the load average is printed for every round, and what it was before. On a busy one the ratios are
# worth little, for a proxy gets one share of the processor where PostgreSQL's many processes get many; "CPU of all" (client,
# PostgreSQL, and what is between them) hardly depends on it, and two cores that have nothing else to do give as much as that allows.
#
#   PORTCULLIS=FILE   measure this program instead of building one
#   ONLY='copy tps8'  only these measures
#   PGBIN=DIR         PostgreSQL's programs
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
rounds=${1:-5} rows=${2:-2000000} seconds_each=${3:-5}
measures=${ONLY:-tps8 tps64 voter8 copy select}
before=$(cut -d' ' -f1-3 /proc/loadavg)

policy() { # mode
	cat <<-TOML
		mode = "$1"
		[[protected]]
		relation = "public.voters"
		key = "id"
		anonymous = "at_risk"
		[[protected]]
		relation = "public.pgbench_accounts"
		key = "aid"
		[identity]
		default_role = "clerk"
		default_purpose = "enquiry"
		[[purpose]]
		name = "enquiry"
		[[role]]
		name = "clerk"
		[[person]]
		name = "clerk"
		role = "clerk"
		[[budget]]
		name = "each"
		per = "person"
		hour = 1000000000
		day = 1000000000
		days30 = 1000000000
		year = 1000000000
	TOML
}

build
start_postgres
say "loading $rows voters and pgbench's own table"
load_register "$rows"
psql_at direct postgres -c 'UPDATE voters SET at_risk = false WHERE at_risk' -c 'VACUUM (FREEZE, ANALYZE) voters' # the whole is read here
"$bin/pgbench" -h 127.0.0.1 -p "${port[direct]}" -U postgres -i -s 10 -q postgres >/dev/null 2>&1
psql_at direct postgres -c 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk'
# shellcheck disable=SC2016
printf '%s\n' '\set id random(1, :rows)' 'SELECT id, family, given, born, street, house, postcode, ward, registered FROM voters WHERE id = :id;' >"$work/voter.sql"

ways="direct observing synced"
guard_config observing 'log_behind = true' < <(policy observe)
guard_config synced < <(policy enforce)
start_guard observing clerk
start_guard synced clerk
if bouncer=$(command -v pgbouncer || command -v /usr/sbin/pgbouncer); then
	port[pgbouncer]=$(free_port)
	cat >"$work/pgbouncer.ini" <<-INI
		[databases]
		postgres = host=127.0.0.1 port=${port[direct]} dbname=postgres
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = ${port[pgbouncer]}
		auth_type = trust
		auth_file = $work/userlist.txt
		pool_mode = session
		default_pool_size = 100
		unix_socket_dir =
		ignore_startup_parameters = extra_float_digits,options
		pidfile = $work/run/pgbouncer.pid
		logfile = $work/run/pgbouncer.log
	INI
	echo '"clerk" ""' >"$work/userlist.txt"
	unprivileged "'$bouncer' -q -d '$work/pgbouncer.ini'" >/dev/null 2>&1 || true
	for _ in $(seq 50); do [ -s "$work/run/pgbouncer.pid" ] && break || sleep 0.1; done
	if pid[pgbouncer]=$(cat "$work/run/pgbouncer.pid" 2>/dev/null) && psql_at pgbouncer clerk -c 'SELECT 1' >/dev/null 2>&1; then
		ways="direct pgbouncer observing synced"
	else
		say "pgbouncer did not start; it is left out"
		unset 'pid[pgbouncer]'
	fi
fi

TIMEFORMAT='%U %S'
client() { { time "$@" 2>&3; } 3>&2 2>"$work/client.cpu"; } # and notes its CPU
backends() { awk '{print $16 + $17}' "/proc/$postmaster/stat"; } # CPU of those that have ended
postmaster=$(head -1 "$work/run/data/postmaster.pid")

# Each prints how many transactions or rows, and in how many seconds.
pgbench_at() { # way clients arguments…
	local way=$1 clients=$2
	shift 2
	client "$bin/pgbench" -h 127.0.0.1 -p "${port[$way]}" -U clerk -n -M simple -c "$clients" -j 2 -T "$seconds_each" "$@" postgres 2>"$work/pgbench.err" |
		awk '/^number of transactions actually processed/ {n = $NF; sub("/.*", "", n)} /^tps/ {t = $3} END {print n, n / t}'
	if grep -q '^pgbench: error' "$work/pgbench.err"; then say "pgbench through $way: $(grep -m1 '^pgbench: error' "$work/pgbench.err")"; fi
}
drained() { echo "$rows $(client "$work/observe" -upstream "clerk@127.0.0.1:${port[$1]}/postgres" -drain "$2" | cut -d' ' -f1)"; }
run_one() { # what way
	case $1 in
	tps8) pgbench_at "$2" 8 -S ;;
	tps64) pgbench_at "$2" 64 -S ;;
	voter8) pgbench_at "$2" 8 -f "$work/voter.sql" -D rows="$rows" ;;
	copy) drained "$2" 'copy voters to stdout' ;;
	select) drained "$2" 'select * from voters' ;;
	esac
}

# measure what way: a line "rate, the proxy's own CPU, that of client, PostgreSQL and proxy together", CPU in ns for each.
measure() {
	local p=${pid[$2]:-} began=0 served n seconds
	if [ -n "$p" ]; then began=$(cpu_ticks "$p"); fi
	served=$(backends)
	read -r n seconds < <(run_one "$1" "$2")
	sleep 0.5 # until its backends have ended
	if [ -n "$p" ]; then began=$(($(cpu_ticks "$p") - began)); fi
	served=$(($(backends) - served))
	awk -v n="$n" -v s="$seconds" -v own="$began" -v served="$served" '{printf "%.1f %.0f %.0f\n", n / s, own * 1e7 / n, ((own + served) * 1e7 + ($1 + $2) * 1e9) / n}' "$work/client.cpu"
}

for round in $(seq "$rounds"); do
	turn=$ways
	if [ $((round % 2)) = 0 ]; then turn=$(echo "$ways" | tr ' ' '\n' | tac | tr '\n' ' '); fi
	say "round $round of $rounds, load $(load_now): $turn"
	load_now >>"$work/loads"
	for what in $measures; do
		for way in $turn; do
			measure "$what" "$way" >"$work/one"
			cut -d' ' -f1 "$work/one" >>"$work/$what.$way"
			cut -d' ' -f2 "$work/one" >>"$work/$what.$way.cpu"
			cut -d' ' -f3 "$work/one" >>"$work/$what.$way.all"
		done
		for way in $ways; do # the ratio within the round
			paste "$work/$what.$way" "$work/$what.direct" | tail -1 | awk '{printf "%.4f\n", $1 / $2}' >>"$work/$what.$way.ratio"
		done
		say "  $what: $(for way in $ways; do printf '%s %s (%s)  ' "$way" "$(tail -1 "$work/$what.$way")" "$(tail -1 "$work/$what.$way.ratio")"; done)"
	done
done

declare -A title=(
	[tps8]='`pgbench -S`, simple protocol, 8 clients, per second' [tps64]='the same, 64 clients' [voter8]='look-up of one voter, 9 columns, 8 clients'
	[copy]='one big COPY, rows/s' [select]='one big SELECT, rows/s')
declare -A target=([tps8.observing]=0.60 [tps64.synced]=0.55 [copy.observing]=0.95 [select.observing]=0.95 [copy.synced]=0.65 [select.synced]=0.65)
verdict() { awk -v got="$1" -v want="$2" 'BEGIN {print (got >= want) ? "met" : "**missed**"}'; }

echo
echo "Register guard, $(machine)"
versions
echo "$rows voters of 10 columns, $rounds rounds in alternating order, medians; load average before $before, at the rounds' beginnings $(paste -sd' ' "$work/loads")"
echo
echo '| Measure | Way | Rate | Ratio to direct (lowest–highest) | Own CPU, ns each | CPU of all, ns each | Target |'
echo '|---|---|---:|---:|---:|---:|---|'
for what in $measures; do
	for way in $ways; do
		rate=$(median <"$work/$what.$way") ratio=$(median <"$work/$what.$way.ratio") cpu=$(median <"$work/$what.$way.cpu" | cut -d. -f1) all=$(median <"$work/$what.$way.all" | cut -d. -f1) want=${target[$what.$way]:-}
		told=
		if [ -n "$want" ]; then told="≥ $want $(verdict "$ratio" "$want")"; fi
		case $what.$way in
		copy.synced | select.synced) told="$told; ≥ 900,000 rows/s $(verdict "$rate" 900000); CPU ≤ 300 ns $(verdict 300 "$cpu")" ;;
		copy.observing | select.observing) told="$told; CPU ≤ 300 ns $(verdict 300 "$cpu")" ;;
		esac
		if [ "$way" = direct ]; then cpu=–; fi
		if [ "$way" = pgbouncer ]; then all=–; fi # it keeps PostgreSQL's processes
		printf '| %s | %s | %.0f | %.2f (%.2f–%.2f) | %s | %s | %s |\n' "${title[$what]}" "$way" "$rate" "$ratio" \
			"$(sort -n "$work/$what.$way.ratio" | head -1)" "$(sort -n "$work/$what.$way.ratio" | tail -1)" "$cpu" "$all" "$told"
	done
done
echo
du -sb "$work/synced/data/ledger" | awk '{print "Ledger of the enforcing guard: " $1 " bytes."}'
