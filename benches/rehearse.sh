#!/usr/bin/env bash
# The bench with few lifters, on the cluster of TEST_DATABASE_URL: rehearse.sh FOLDER-OF-PROGRAMS

set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}") programs=$1
url=$("$here/prepare.sh" "$TEST_DATABASE_URL" "$programs/repduel-backend" repduel_bench 1000 10000)
LARGE_URL=$url SMALL_URL=$url "$here/bench.sh" "$programs/repduel-backend" "$programs/floor"
