#!/usr/bin/env bash
# What a flood of wrong passwords does to everybody else: the rate of GET /users/me alone, and while 64 connections try
# passwords, one account from one address (which the limits stop) and many accounts from many (which they cannot). Then how long
# a failed login takes, by why it fails: the medians of 50 of each.
#
#   DATABASE_URL=... login_flood.sh PROGRAM      needs wrk and curl; the database is one of its own

set -euo pipefail

program=$1 port=9871
api=http://127.0.0.1:$port/api/v1
work=$(mktemp -d)

server=
serve() {
    env -i DATABASE_URL="$DATABASE_URL" PORT=$port LOG_FORMAT=json STATIC_STORAGE_DIR="$work" RATE_LIMIT_ENABLED="$1" \
        JWT_SECRET_KEY=access-secret-of-the-bench-0123456789 "$program" serve >"$work/log" 2>&1 &
    server=$!
    until curl -sf -o /dev/null "http://127.0.0.1:$port/ready"; do sleep 0.1; kill -0 $server; done
}
stop() { kill $server; wait $server || true; }
trap 'stop; rm -r "$work"' EXIT
serve true

json='Content-Type: application/json'
for name in ada gone; do
    curl -sf -o /dev/null "$api/users" -H "$json" -d "{\"username\":\"$name\",\"email\":\"$name@example.com\",\"password\":\"lift-heavy\"}" || true
done
psql "$DATABASE_URL" -qc "update users set is_active = false where username = 'gone'"
token=$(curl -sf "$api/users/login" -d username=ada@example.com -d password=lift-heavy | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

cat >"$work/one.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = "username=mary@example.com&password=guess"
LUA
cat >"$work/many.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
local number = 0
request = function()
  number = number + 1
  wrk.headers["X-Forwarded-For"] = string.format("203.%d.%d.%d", math.floor(number / 65536) % 256, math.floor(number / 256) % 256, number % 256)
  return wrk.format(nil, nil, nil, "username=lifter" .. number .. "@example.com&password=guess")
end
LUA

rate() { wrk -t1 -c32 -d5s --latency -H "Authorization: Bearer $token" "$api/users/me" | awk '/99%/ { p99 = $2 } /Requests\/sec/ { rate = $2 } END { print rate " requests/s, p99 " p99 }'; }
echo "GET /users/me alone: $(rate)"
for flood in one many; do
    wrk -t1 -c64 -d9s -s "$work/$flood.lua" "$api/users/login" >"$work/flood" &
    flooding=$!
    sleep 2
    echo "GET /users/me while 64 connections try passwords ($flood): $(rate)"
    wait $flooding
    echo "  the flood: $(awk '/Requests\/sec/ { print $2 " answers/s" }' "$work/flood")"
    sleep 2
done

stop
serve false
# In turn, so that whatever else the machine does meets all of them alike.
for _ in {1..50}; do
    for kind in nobody:lift-heavy ada:lift-light gone:lift-heavy; do
        curl -s -o /dev/null -w '%{time_total}\n' "$api/users/login" -d "username=${kind%:*}@example.com" -d "password=${kind#*:}" >>"$work/${kind%:*}"
    done
done
median() { sort -n "$work/$1" | sed -n 25p; }
echo "a login to an account that is not there: $(median nobody) s"
echo "a login with a wrong password:           $(median ada) s"
echo "a login of an inactive user:             $(median gone) s"
