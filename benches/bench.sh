#!/usr/bin/env bash
# Holds the service against the floor (floor/main.rs): every row ROUNDS times, one after another in each round, so that whatever
# else the machine does meets all of them. Prints the medians of the rates and of the ratios within a round, as a table.
#
#   LARGE_URL=... SMALL_URL=... bench.sh PROGRAM FLOOR     needs wrk, curl and PostgreSQL's programs
#
# Both databases are seeded (seed_boards.sql). ROUNDS=3, EACH_S=5 seconds a row, CALLERS=32 lifters who lift and log in, OFFSET=9999 of the cursors.

set -euo pipefail

program=$1 floor=$2
rounds=${ROUNDS:-3} each_s=${EACH_S:-5} callers=${CALLERS:-32}
here=$(dirname "${BASH_SOURCE[0]}")
work=$(mktemp -d)
port=9870
declare -A port_of pid_of

finish() {
    kill "${pid_of[@]}" 2>/dev/null || true
    wait
    rm -r "$work"
}
trap finish EXIT

# start NAME COMMAND...: PORT is in its environment and, for the floor, its last word
start() {
    local name=$1
    shift
    port_of[$name]=$((++port))
    PORT=$port "$@" >"$work/$name.log" 2>&1 &
    pid_of[$name]=$!
}
answers() { until curl -sf -o /dev/null "http://127.0.0.1:${port_of[$1]}$2"; do sleep 0.005; kill -0 "${pid_of[$1]}"; done; }
resident_mib() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/${pid_of[$1]}/status"; }

export RATE_LIMIT_ENABLED=false LOG_FORMAT=json STATIC_STORAGE_DIR=$work JWT_SECRET_KEY=access-secret-of-the-bench-0123456789
for size in large small; do
    url=${size^^}_URL
    start $size env DATABASE_URL="${!url}" "$program" serve
    answers $size /ready
done
idle_mib=$(resident_mib large)
for name in constant select pipelined insert; do
    start $name bash -c "DATABASE_URL='$LARGE_URL' exec '$floor' $name \$PORT"
    answers $name /
done

# ---- Who asks for what ----------------------------------------------------------------------------------------------

api=http://127.0.0.1:${port_of[large]}/api/v1
json='Content-Type: application/json'
board=barbell_bench_press
run=$(date +%s)
tokens=()
for n in $(seq "$callers"); do
    email=bench$run-$n@example.com
    curl -sf -o /dev/null "$api/users" -H "$json" -d "{\"username\":\"bench$run-$n\",\"email\":\"$email\",\"password\":\"lift-heavy\"}"
    token=$(curl -sf "$api/users/login" -d "username=$email" -d password=lift-heavy | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
    curl -sf -o /dev/null -X PATCH "$api/users/me" -H "Authorization: Bearer $token" -H "$json" -d '{"weight": 80}'
    tokens+=("$token")
    printf 'GET\t/api/v1/users/me\t%s\t\n' "$token" >>"$work/me"
    printf 'POST\t/api/v1/users/login\t\tusername=%s&password=lift-heavy\n' "$email" >>"$work/logins"
done
# One lifter after another; every tenth lift is heavier than all before it, so a personal best until all is lifted again.
printf '%s\n' "${tokens[@]}" | awk -v path="/api/v1/scores/scenario/$board" '
    { token[NR] = $1 }
    END {
        for (lift = 1; lift <= 1000; lift++)
            for (n = 1; n <= NR; n++)
                printf "POST\t%s\t%s\t{\"weight_lifted\": %.2f}\n", path, token[n], lift % 10 == 0 ? 60 + lift / 20 : 50
    }' >"$work/lifts"
awk -v callers="$callers" 'NR % callers == 1' "$work/lifts" >"$work/lone_lifts"
echo /health >"$work/health"
echo /api/v1/scenarios >"$work/scenarios"
echo /api/v1/standards/90.7 >"$work/standards"
echo / >"$work/floor"
echo "/api/v1/scores/scenario/$board/leaderboard" >"$work/board"
echo /api/v1/energy/leaderboard >"$work/energy"
for path in "/api/v1/scores/scenario/$board/leaderboard" /api/v1/energy/leaderboard; do
    cursor=$(curl -sf -o /dev/null -D - "http://127.0.0.1:${port_of[large]}$path?offset=${OFFSET:-9999}" | tr -d '\r' | awk 'tolower($1) == "x-next-cursor:" { print $2 }')
    [ -n "$cursor" ]
    echo "$path?cursor=$cursor" >"$work/$(if [[ $path = */energy/* ]]; then echo energy; else echo board; fi)_behind"
done
# Lifters in the middle of each board.
psql "$LARGE_URL" -XqAtc "select '/api/v1/scores/scenario/$board/rank/' || user_id from personal_bests
    where scenario_id = '$board' and lifter_active order by score_value desc, reached_at, score_id limit 1000
    offset (select greatest(0, count(*) / 2 - 500) from personal_bests where scenario_id = '$board' and lifter_active)" >"$work/board_ranks"
psql "$LARGE_URL" -XqAtc "select 'GET' || E'\\t' || '/api/v1/energy/rank/' || user_id || E'\\t$token\\t' from energy_standings
    where lifter_active order by energy desc, reached_at, user_id limit 1000
    offset (select greatest(0, count(*) / 2 - 500) from energy_standings where lifter_active)" >"$work/energy_ranks"

# ---- Measuring ------------------------------------------------------------------------------------------------------

# measure ROW SERVER FILE [CONNECTIONS [HEADER]]: appends row, rate, p99 in ms
measure() {
    local row=$1 server=$2 file=$3 connections=${4:-32}
    wrk -t1 -c"$connections" -d"${each_s}s" --latency ${5:+-H "$5"} -s "$here/requests.lua" "http://127.0.0.1:${port_of[$server]}" -- "$work/$file" >"$work/out"
    awk -v row="$row" '
        /99%/ { p99 = $2 + 0; if ($2 ~ /us$/) p99 /= 1000; else if ($2 !~ /ms$/) p99 *= 1000 }
        /Requests\/sec/ { rate = $2 }
        /Non-2xx|Socket errors/ { bad = $0 }
        END { if (bad != "") { print row ": " bad > "/dev/stderr"; exit 1 } print row, rate, p99 }' "$work/out" >>"$work/rates"
    # Log lines of minutes would fill the disk.
    : >"$work/large.log"
    : >"$work/small.log"
}

pgbench_select() {
    printf '\\set id random(1, 100000)\nselect id, name, energy from floor.lifters where id = :id;\n' >"$work/select.sql"
    pgbench -n -M prepared -c 10 -j 1 -T "$each_s" -f "$work/select.sql" "$LARGE_URL" 2>/dev/null |
        awk '/^tps/ { print "pgbench", $3, 0 }' >>"$work/rates"
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds ..." >&2
    # The time to readiness of one more process.
    began=$(date +%s%N)
    start another env DATABASE_URL="$LARGE_URL" "$program" serve
    answers another /ready
    echo "start $((($(date +%s%N) - began) / 1000000)) 0" >>"$work/rates"
    kill "${pid_of[another]}"
    wait "${pid_of[another]}" || true
    unset 'pid_of[another]'
    measure floor_constant constant floor
    measure health large health
    measure scenarios large scenarios
    measure scenarios_gzip large scenarios 32 'Accept-Encoding: gzip'
    measure standards large standards
    pgbench_select
    measure floor_select select floor
    measure floor_pipelined pipelined floor
    measure me large me
    measure board_large large board
    measure board_small small board
    measure energy_large large energy
    measure energy_small small energy
    measure board_behind large board_behind
    measure energy_behind large energy_behind
    measure board_ranks large board_ranks
    measure energy_ranks large energy_ranks
    measure floor_insert insert floor
    measure lifts large lifts
    measure floor_insert_alone insert floor 1
    measure lifts_alone large lone_lifts 1
    wrk -t1 -c64 -d$((each_s + 4))s -s "$here/requests.lua" "http://127.0.0.1:${port_of[large]}" -- "$work/logins" >"$work/flood" &
    flooding=$!
    sleep 2
    measure me_in_flood large me
    wait $flooding
    awk '/Requests\/sec/ { print "logins", $2, 0 }' "$work/flood" >>"$work/rates"
done
loaded_mib=$(resident_mib large)

# ---- The table ------------------------------------------------------------------------------------------------------

awk -v idle="$idle_mib" -v loaded="$loaded_mib" '
    function median(list, count,    i, j, swap, sorted) {
        for (i = 1; i <= count; i++) sorted[i] = list[i]
        for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++) if (sorted[j] + 0 < sorted[i] + 0) { swap = sorted[i]; sorted[i] = sorted[j]; sorted[j] = swap }
        return sorted[int((count + 1) / 2)]
    }
    function of(field, row,    i, list) { for (i = 1; i <= n[row]; i++) list[i] = value[field, row, i]; return median(list, n[row]) }
    function ratio(row, against,    i, list) {
        for (i = 1; i <= n[row]; i++) list[i] = value["rate", row, i] / value["rate", against, i]
        return median(list, n[row])
    }
    function line(what, row) { printf "| %s | %d | %.2f | |\n", what, of("rate", row), of("p99", row) }
    function against(what, row, base, name, asked) {
        printf "| %s | %d | %.2f | %.2f × %s (asked: %s) |\n", what, of("rate", row), of("p99", row), ratio(row, base), name, asked
    }
    { i = ++n[$1]; value["rate", $1, i] = $2; value["p99", $1, i] = $3 }
    END {
        print "| what | per second | p99, ms | |"
        print "| --- | --- | --- | --- |"
        line("floor a: a constant", "floor_constant")
        against("`GET /health`", "health", "floor_constant", "a", "0.85")
        against("`GET /api/v1/scenarios` (254 exercises)", "scenarios", "floor_constant", "a", "0.5")
        against("the same, to those who read gzip", "scenarios_gzip", "floor_constant", "a", "0.5")
        against("`GET /api/v1/standards/90.7`", "standards", "floor_constant", "a", "0.5")
        line("floor b: a select on a pooled connection", "floor_select")
        line("floor b2: the same on two shared clients", "floor_pipelined")
        line("the same by `pgbench -M prepared`, 10 connections, no HTTP", "pgbench")
        printf "| `GET /api/v1/users/me` | %d | %.2f | %.2f × b (asked: 1.0), %.2f × b2 (asked: 0.6) |\n", of("rate", "me"), of("p99", "me"), ratio("me", "floor_select"), ratio("me", "floor_pipelined")
        line("a scenario'"'"'s leaderboard, many lifters", "board_large")
        against("the same, few lifters", "board_small", "board_large", "many", "at most 1.5")
        line("the energy leaderboard, many lifters", "energy_large")
        against("the same, few lifters", "energy_small", "energy_large", "many", "at most 1.5")
        line("a scenario'"'"'s leaderboard behind a cursor at 10,000", "board_behind")
        line("the energy leaderboard behind such a cursor", "energy_behind")
        line("a place in the middle of a scenario'"'"'s board, with 5 neighbours either way", "board_ranks")
        line("a place in the middle of the energy board", "energy_ranks")
        line("floor c: an insert in a transaction", "floor_insert")
        against("a lift, 32 lifters at once", "lifts", "floor_insert", "c", "0.5")
        line("floor c, one connection", "floor_insert_alone")
        against("a lift, one lifter alone", "lifts_alone", "floor_insert_alone", "c", "-")
        printf "| logins, 64 connections | %.1f | | |\n", of("rate", "logins")
        line("`GET /api/v1/users/me` meanwhile", "me_in_flood")
        print ""
        printf "Ready after %d ms. Resident: %s MiB idle, %s MiB after all of this.\n", of("rate", "start"), idle, loaded
    }' "$work/rates"
