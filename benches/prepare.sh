#!/usr/bin/env bash
# Makes a database beside the one of URL, brings it up to date and fills it with lifters and scores, unless it has them from the
# last time. Prints its URL.
#
#   prepare.sh URL PROGRAM NAME LIFTERS SCORES     needs psql

set -euo pipefail

url=$1 program=$2 name=$3 lifters=$4 scores=$5
own=${url%/*}/$name filled="$lifters lifters, $scores scores"

query() { psql "$url" -XqAtc "$1"; }
if [ "$(query "select shobj_description(oid, 'pg_database') from pg_database where datname = '$name'")" != "$filled" ]; then
    echo "Filling $name: $filled ..." >&2
    query "drop database if exists $name" 2>/dev/null
    query "create database $name"
    env -i PATH="$PATH" DATABASE_URL="$own" JWT_SECRET_KEY=access-secret-of-the-bench-0123456789 "$program" migrate >&2
    psql "$own" -Xq -v lifters="$lifters" -v scores="$scores" -f "$(dirname "${BASH_SOURCE[0]}")/seed_boards.sql" >&2
    query "comment on database $name is '$filled'"
else
    env -i PATH="$PATH" DATABASE_URL="$own" JWT_SECRET_KEY=access-secret-of-the-bench-0123456789 "$program" migrate >&2
fi
echo "$own"
