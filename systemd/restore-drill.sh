#!/usr/bin/env bash
# Proves that the newest backup can be restored: into a PostgreSQL of its own, made for the drill and removed after it.
#
#   restore-drill.sh [FOLDER]
#
# Compares the rows and the contents of every table and the sums of the ledgers with what was noted at the instant of the backup,
# and says how long the restore took (the recovery time) and how old the data were (the recovery point). Exits with 1 if anything
# differs, or if the backup is older than it may be.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

folder=${1:-${REPDUEL_BACKUPS:-/var/lib/repduel/backups}}
scratch=${REPDUEL_DRILL:-${folder%/*}/drill}
# A day and what a nightly run may be late.
age_max_s=${REPDUEL_BACKUP_AGE_MAX_SECONDS:-$((26 * 3600))}
cluster=$here/cluster.sh
[ -x "$cluster" ] || cluster=$here/../tests/cluster.sh

say() { printf '%s\n' "$*" >&2; }
die() { say "The drill failed: $*"; exit 1; }

[ -d "$folder" ] || die "there is no $folder."
dump=$(find "$folder" -maxdepth 1 -name 'repduel-*.dump' | sort | tail -n 1)
[ -n "$dump" ] || die "there is no backup in $folder."
facts=${dump%.dump}.facts
[ -s "$facts" ] || die "$facts is missing."
taken_at=$(sed -n 's/^taken at: //p' "$facts")

# Before the clock starts: a machine that is restored to has its PostgreSQL already.
trap '"$cluster" remove "$scratch"' EXIT
"$cluster" remove "$scratch"
url=$("$cluster" start "$scratch" fast)
bin=$("$cluster" bindir)
PGPASSWORD=$(cat "$scratch/password")
PGPORT=$(cat "$scratch/port")
export PGPASSWORD PGPORT PGHOST=127.0.0.1 PGUSER=repduel PGDATABASE=${url##*/}

age_s=$(($(date +%s) - taken_at))
began=$(date +%s%N)
"$bin/pg_restore" --no-owner --no-privileges --exit-on-error --jobs=2 --dbname="$PGDATABASE" "$dump" || die "$dump cannot be restored."
took_ms=$((($(date +%s%N) - began) / 1000000))

"$bin/psql" -Xq -f "$here/facts.sql" >"$scratch/facts" || die "the copy cannot be read."
if ! diff <(grep -v '^taken at: ' "$facts") "$scratch/facts" >&2; then
    die "the copy differs from the original (< it, > the copy)."
fi
grep -E '^(scores|users|xp_events|personal_bests): |^experience|^lifters|^kilograms' "$scratch/facts"
printf 'tables alike: %d\n' "$(grep -c ' rows, ' "$scratch/facts")"
printf 'recovery time: %d.%03d s\n' $((took_ms / 1000)) $((took_ms % 1000))
printf 'recovery point: %d s before the drill\n' "$age_s"
[ "$age_s" -le "$age_max_s" ] || die "the backup is older than $age_max_s s."
say "The drill succeeded: $dump can be restored."
