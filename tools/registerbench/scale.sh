#!/usr/bin/env bash
# The register in its real size: a clerk works undisturbed while a thief is stopped after exactly the allowed
# rows, and the list of those who must be told is exported, with the times of all of it.
#
#   tools/registerbench/scale.sh [VOTERS [ALLOWED]]      default 40,000,000 voters (7.6 GB), 5,000 a day
#
# 25 GB of the disk (KEEP_GB) must stay free; where they would not it says so and measures nothing.
#
#   PORTCULLIS=FILE   measure this program instead of building one
#   PGBIN=DIR         PostgreSQL's programs
set -euo pipefail

voters=${1:-40000000} allowed=${2:-5000}
need=$((voters * 210 / 1000000000 + 1)) keep=${KEEP_GB:-25}
free=$(df --output=avail -B1G "${TMPDIR:-/tmp}" | tail -1 | tr -d ' ')
if [ $((free - need)) -lt "$keep" ]; then
	echo "SKIPPED: $voters voters take $need GB, $free GB are free in ${TMPDIR:-/tmp}, and $keep GB are to stay free. Give fewer voters, another TMPDIR, or KEEP_GB." >&2
	exit 0
fi

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN {printf "%.1f s", b - a}'; }
failed=0
check() { # what is compared, got, want
	if [ "$2" = "$3" ]; then echo "- $1: $2"; else
		echo "- **WRONG** $1: $2, want $3"
		failed=1
	fi
}

build
"$work/portcullis" register token "$work/carol.token" | sed -n 's/^token_sha256 = "\(.*\)"/\1/p' >"$work/carol.sum"
"$work/portcullis" register token "$work/dave.token" | sed -n 's/^token_sha256 = "\(.*\)"/\1/p' >"$work/dave.sum"
start_postgres
say "loading $voters voters"
began=$(now)
load_register "$voters"
loaded=$(since "$began")
size=$(psql_at direct postgres -c "SELECT pg_size_pretty(pg_total_relation_size('voters'))")

guard_config enforcing "integers = $((voters + 1000000))" <<-TOML
	mode = "enforce"
	[[supervisor]]
	name = "carol"
	token_sha256 = "$(cat "$work/carol.sum")"
	[[supervisor]]
	name = "dave"
	token_sha256 = "$(cat "$work/dave.sum")"
	[[protected]]
	relation = "public.voters"
	key = "id"
	anonymous = "at_risk"
	[identity]
	default_purpose = "enquiry"
	[[purpose]]
	name = "enquiry"
	[[role]]
	name = "clerk"
	[[person]]
	name = "clerk"
	role = "clerk"
	[[person]]
	name = "thief"
	role = "clerk"
	[[budget]]
	name = "each clerk"
	per = "person"
	role = "clerk"
	day = $allowed
TOML
began=$(now)
start_guard enforcing clerk
started=$(since "$began")
register() { "$work/portcullis" --config "$work/enforcing/portcullis.toml" register "$@"; }

# The clerk: fifty look-ups a second by a schedule, so that waiting shows. pgbench logs the time of each.
# shellcheck disable=SC2016
printf '%s\n' '\set id random(1, :half)' 'SELECT id, family, given, born, street, house, postcode FROM voters WHERE id = :half + :id % 2000 * 2;' >"$work/clerk.sql"
clerk() { # name of the log, seconds
	(cd "$work" && "$bin/pgbench" -h 127.0.0.1 -p "${port[enforcing]}" -U clerk -n -c 2 -R 50 -T "$2" -f clerk.sql -D half=$((voters / 2)) \
		-l --log-prefix="$1" postgres >"$1.out" 2>"$1.err") || true
}
latency() { # of a log, milliseconds; the latency counts from when a look-up was due
	cat "$work/$1".[0-9]* | awk '{print $3 / 1000}' | sort -n | awk '{a[NR] = $1} END {printf "%d look-ups, median %.1f ms, 99th percentile %.1f ms, slowest %.1f ms", NR, a[int((NR + 1) / 2)], a[int(NR * 0.99)], a[NR]}'
}

say "the clerk alone"
clerk alone 15
say "the clerk, and the thief"
clerk beside 20 &
clerk_at_work=$!
sleep 2

# steal NAME COMMAND…: what arrives, how it ended and after how long. Entries at risk would stop it sooner: they are left out.
steal() {
	local name=$1 began
	shift
	began=$(now)
	psql_at enforcing thief "$@" >"$work/loot.$name" 2>"$work/ended.$name" || true
	since "$began" >"$work/took.$name"
}
where='WHERE id % 100003 <> 77'
began=$(now)
steal copy -c "COPY (SELECT * FROM voters $where) TO STDOUT"
copied=$(wc -l <"$work/loot.copy")
# What was stopped goes on: other ways, all at once, for somebody who has nothing left.
steal select -c "SELECT * FROM voters $where AND id > $((voters / 2))" &
thieves=$!
steal page -c "SELECT * FROM voters $where ORDER BY id DESC LIMIT 40" &
thieves="$thieves $!"
steal one -c "SELECT * FROM voters WHERE id = $((voters - 5))" &
thieves="$thieves $!"
steal again -c "SELECT * FROM voters WHERE id = 1" & # had before: it costs nothing
# shellcheck disable=SC2086
wait $thieves $!
stopped=$(since "$began")
wait "$clerk_at_work" || true
before=$(date -u +%FT%TZ)

say "the list"
asked=$(now)
request=$(register request what-read thief --reason 'a copy was stopped' --token-file "$work/carol.token" | grep -o 'what-read-[0-9a-f]*' | head -1)
register approve "$request" --token-file "$work/dave.token" >"$work/approve.out"
register what-read thief --request "$request" --token-file "$work/carol.token" --export "$work/list" >"$work/what-read.out"
exported=$(since "$asked")
asked=$(now)
register who-read 1 --reason 'the voter asks' --token-file "$work/carol.token" >"$work/who-read.out"
answered=$(since "$asked")
asked=$(now)
register verify >"$work/verify.out"
verified=$(since "$asked")

tail -n +2 "$work/list" | sort >"$work/list.sorted"
cut -f1 "$work/loot.copy" | sort >"$work/loot.sorted"
cat "$work"/loot.{select,page,one} >"$work/loot.more"

echo
echo "Register guard before $voters voters ($size), $(machine)"
versions
echo "Load average now $(cut -d' ' -f1-3 /proc/loadavg), $before. Loading took $loaded, the guard was ready after $started."
echo
check 'rows that the thief got' "$copied" "$allowed"
check 'different voters among them' "$(uniq "$work/loot.sorted" | wc -l)" "$allowed"
check 'rows that the thief got afterwards in other ways' "$(wc -l <"$work/loot.more")" 0
check 'a record that the thief had before, again' "$(cut -d'|' -f1 "$work/loot.again")" 1
check 'voters on the list, for notification' "$(wc -l <"$work/list.sorted")" "$allowed"
check 'the list and what left differ in lines' "$(comm -3 "$work/list.sorted" "$work/loot.sorted" | wc -l)" 0
check "the clerk's errors" "$(cat "$work"/{alone,beside}.err | grep -c 'ERROR\|error:' || true)" 0
check 'times that voter 1 was read by the thief, by the ledger' "$(grep -c thief "$work/who-read.out" || true)" 2
echo "- the thief was told: $(head -1 "$work/ended.copy")"
echo "- stopped after $(cat "$work/took.copy"); the other ways after $stopped altogether"
echo "- the clerk alone: $(latency alone); beside the thief: $(latency beside)"
echo "- asked for, approved and exported in $exported; who-read in $answered; verified in $verified: $(head -1 "$work/verify.out")"
exit $failed
