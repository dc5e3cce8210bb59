#!/usr/bin/env bash
# Puts a backup of the database into a folder, checks it, and only then lets go of the oldest ones.
#
#   backup.sh [FOLDER]
#
# A backup is `repduel-<UTC>.dump` (pg_dump's own format) and `….facts`: what was in the database at the same instant, for the
# restore drill to compare with. The server goes on meanwhile. What fails is said, exits with 1 and costs no earlier backup.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

folder=${1:-${REPDUEL_BACKUPS:-/var/lib/repduel/backups}}
kept=${REPDUEL_BACKUPS_KEPT:-30}
# A command that takes the finished file elsewhere, its path behind it: a backup on the same machine is lost with it.
read -ra elsewhere <<<"${BACKUP_COMMAND:-}"
program=${REPDUEL_PROGRAM:-$here/repduel-backend}
export LOG_LEVEL=${LOG_LEVEL:-warn}

say() { printf '%s\n' "$*" >&2; }
newest() { find "$folder" -maxdepth 1 -name 'repduel-*.dump' | sort | tail -n 1; }

mkdir -p "$folder"
exec 9>"$folder/lock"
flock -n 9 || { say "Another backup is going on."; exit 1; }
umask 077

part=$folder/part
leave() {
    local code=$? last
    trap - EXIT
    rm -f "$part.dump" "$part.facts" "$part.pipe"
    if [ "$code" != 0 ]; then
        last=$(newest)
        say "The backup failed. The last good one is ${last:-nowhere: there is none}."
        exit 1
    fi
}
trap leave EXIT
rm -f "$part".*

# A session that holds one instant of the database, for both the dump and the facts.
mkfifo "$part.pipe"
coproc holder { "$program" with-database psql -XAtq -v ON_ERROR_STOP=1 2>"$part.facts"; }
# shellcheck disable=SC2154 # coproc sets it
{ to=${holder[1]} from=${holder[0]} holder_pid=$holder_PID; }
# Idle in its transaction is what this session is for, for as long as the dump takes.
echo "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read read only; select pg_export_snapshot(), extract(epoch from clock_timestamp())::bigint;" >&"$to"
if ! IFS='|' read -r -t 60 snapshot taken_at <&"$from" || [ -z "$taken_at" ]; then
    cat "$part.facts" >&2
    exit 1
fi

"$program" with-database pg_dump -Fc --snapshot="$snapshot" --lock-wait-timeout=60s --file="$part.dump"
{
    echo "taken at: $taken_at"
    "$program" with-database psql -Xq -v snapshot="$snapshot" -f "$here/facts.sql"
} >"$part.facts"
echo 'commit' >&"$to" || true
exec {to}>&-
wait "$holder_pid" || true

# Whether it can be read to its end.
pg_restore --file=/dev/null "$part.dump"
sync "$part.dump" "$part.facts"
name=$folder/repduel-$(date -u -d "@$taken_at" +%Y%m%dT%H%M%SZ)
mv "$part.facts" "$name.facts"
mv "$part.dump" "$name.dump"
sync "$folder"
say "Backup $name.dump: $(stat -c %s "$name.dump") bytes."

if [ ${#elsewhere[@]} -gt 0 ] && ! "${elsewhere[@]}" "$name.dump"; then
    say "It could not be taken elsewhere: ${elsewhere[0]} failed."
    exit 1
fi

# The newest ones stay, whatever their age.
find "$folder" -maxdepth 1 -name 'repduel-*.dump' | sort -r | tail -n "+$((kept + 1))" | while read -r old; do
    rm -f "$old" "${old%.dump}.facts"
done
