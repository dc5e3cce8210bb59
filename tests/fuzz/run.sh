#!/usr/bin/env bash
# Holds the running server against its own OpenAPI document: schemathesis calls every route with what the document says it
# takes and with what it says it does not, and checks every answer.
#
#   cluster.sh with DIR fast TEST_DATABASE_URL fuzz/run.sh EXAMPLES [ARGUMENT...]
#
# EXAMPLES bounds the requests of each kind to each route; the arguments go to `schemathesis run`. The exit code tells whether
# anything was found. What was found and what the server said stays in .dev/fuzz (report, server.log).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=tests/fuzz
environment=.dev/fuzz
database=repduel_fuzz_$$

die() { printf '%s\n' "$*" >&2; exit 1; }

[ $# -ge 1 ] && [ -n "${TEST_DATABASE_URL-}" ] || die "Call this with 'make fuzz-api'."
examples=$1
shift

# ---- schemathesis, in an environment of its own ---------------------------------------------------------------------

wanted=$(sha256sum <"$here/requirements.txt")
mkdir -p "$environment"
exec 8>"$environment/lock"
flock 8
if [ "$(cat "$environment/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing schemathesis in $environment ..." >&2
    rm -rf "$environment/venv"
    python3 -m venv "$environment/venv"
    "$environment/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    echo "$wanted" >"$environment/installed"
fi
exec 8>&-

# ---- A server with a database of its own ----------------------------------------------------------------------------

# psql runs in the cluster that TEST_DATABASE_URL names.
sql() { PGOPTIONS='-c client_min_messages=warning' "$(tests/cluster.sh bindir)/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }

server=
leave() {
    code=$?
    trap - EXIT
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    sql "$TEST_DATABASE_URL" -c "drop database if exists $database with (force)" || true
    rm -rf "$pictures"
    exit "$code"
}
pictures=$(mktemp -d)
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

url=${TEST_DATABASE_URL%/*}/$database
sql "$TEST_DATABASE_URL" -c "create database $database"
export FUZZ_ADMIN_TOKEN=admin-token-of-the-fuzzer-0123456789 FUZZ_STORE_TOKEN=store-token-of-the-fuzzer
env -i DATABASE_URL="$url" PORT=0 LOG_FORMAT=json JWT_SECRET_KEY=access-secret-of-the-fuzzer-0123456789 \
    REFRESH_JWT_SECRET_KEY=refresh-secret-of-the-fuzzer-0123456789 ADMIN_API_TOKEN=$FUZZ_ADMIN_TOKEN \
    STRIPE_WEBHOOK_SECRET=whsec_of_the_fuzzer REVENUECAT_WEBHOOK_AUTH_TOKEN=$FUZZ_STORE_TOKEN \
    STATIC_STORAGE_DIR="$pictures" RATE_LIMIT_ENABLED=false "${CARGO_TARGET_DIR:-target}/debug/repduel-backend" serve >"$environment/server.log" 2>&1 &
server=$!
for _ in {1..300}; do
    address=$(sed -n 's/.*"message":"listening","address":"\([^"]*\)".*/\1/p' "$environment/server.log")
    if [ -n "$address" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.1
done
if [ -z "$address" ]; then
    cat "$environment/server.log" >&2
    die "The server does not start; its log stands above."
fi
sql "$url" -f "$here/seed.sql"

# ---- The questions --------------------------------------------------------------------------------------------------

export FUZZ_BASE_URL=http://$address
SCHEMATHESIS_HOOKS=$here/hooks.py PYTHONDONTWRITEBYTECODE=1 \
    "$environment/venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run \
    "$FUZZ_BASE_URL/openapi.json" --max-examples "$examples" "$@" | tee "$environment/report"
# A run that asked nothing found nothing either.
tested=$(sed -n 's/^ *Tested: *//p' "$environment/report")
[ "${tested:-0}" -gt 0 ] || die "No route was tested."
echo "routes: $tested passed, 0 failed"
