#!/usr/bin/env bash
# Puts a new build in the place of the one that serves, without losing a request; or leaves that one serving and exits with 1.
#
#   redeploy.sh            pull, build, change the schema, start the idle colour, ask it, let it in, stop the other one
#   redeploy.sh rollback   the same with the build that served before; nothing is pulled, built or changed
#
# The new build is asked by its private socket, and kept from the port by a hold file, until it has answered well for a while.
# Only then are there two servers on the port, and the old one is drained. If what comes through Caddy is not well after that,
# the old one is started again. Run it as the user `deploy`, who may run systemctl by sudo.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Everything below can be set from outside, for a rehearsal on another folder.
root=${REPDUEL_ROOT:-/srv/repduel}
run=${REPDUEL_RUN:-/run/repduel}
# What talks to the service manager, and what puts the secrets into the environment of `check` and `migrate`.
read -ra systemctl <<<"${REPDUEL_SYSTEMCTL:-$([ "$EUID" = 0 ] || echo sudo) systemctl}"
read -ra with_secrets <<<"${REPDUEL_WITH_SECRETS-doppler run --project repduel --config prd_backend --}"
# What the units say: `check` and `migrate` must not be content with less than the server. The secrets may say otherwise here, too.
export APP_ENV=${APP_ENV:-production}
# A command that puts a finished program at the path it is given, instead of pulling and building here.
read -ra build <<<"${REPDUEL_BUILD:-}"
# How the world reaches the server, by this machine's own Caddy.
public=${REPDUEL_PUBLIC_URL:-https://api.repduel.com}
read -ra public_curl <<<"${REPDUEL_PUBLIC_CURL:---connect-to ::127.0.0.1:}"
# Seconds for which the new build must answer well before it is let in, and once more when it serves alone. What ends by itself
# mostly does so in its first seconds: longer than those ten.
probation=${REPDUEL_PROBATION_SECONDS:-15}
settle=${REPDUEL_SETTLE_SECONDS:-10}
# Seconds until the new build says that it is ready, and until its first good answer; less when nobody else serves any more.
patience=${REPDUEL_PATIENCE_SECONDS:-60}
patience_alone=10
# Releases that are kept, to go back to.
releases_kept=5

unit() { echo "repduel-backend@$1"; }
say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- What to do when it goes wrong ----------------------------------------------------------------------------------

new='' old='' stage=begun

# Whatever ends the script, the state is one that serves. Runs once, with the exit code.
leave() {
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ "$stage" = over ] || [ "$stage" = begun ]; then exit "$code"; fi
    set +e
    if [ "$stage" = alone ]; then
        say "Going back: starting $old again."
        "${systemctl[@]}" start "$(unit "$old")" || say "The $old colour does not start either: see 'journalctl -u $(unit "$old")'."
    fi
    "${systemctl[@]}" stop "$(unit "$new")"
    rm -f "$root/$new.hold"
    if [ -n "$old" ]; then say "Nothing has changed: the $old colour serves as before."; fi
    exit 1
}

# ---- Steps ----------------------------------------------------------------------------------------------------------

# Sets `candidate` to a program that was built from what is newest.
obtain() {
    candidate=$root/candidate.$$
    if [ "$1" = rollback ]; then
        [ -x "$root/$new/bin/repduel-backend" ] || die "There is no earlier build to go back to."
        cp "$root/$new/bin/repduel-backend" "$candidate"
        return
    fi
    if [ ${#build[@]} -gt 0 ]; then
        say "Fetching the build: ${build[*]}"
        "${build[@]}" "$candidate" || die "There is no new build: the command failed."
        return
    fi
    [ -z "$(git status --porcelain --untracked-files=no)" ] || die "The checkout has changes of its own: commit or drop them."
    say "Pulling and building ..."
    git pull --quiet --ff-only || die "The checkout cannot be brought up to date."
    cargo build --release --locked || die "It does not build."
    cp "${CARGO_TARGET_DIR:-target}/release/repduel-backend" "$candidate"
}

# Sets `commit`, and `release` to a folder that nobody writes to any more.
store() {
    chmod 755 "$candidate"
    commit=$("$candidate" --version | sed -n 's/^repduel-backend .* (\(.*\))$/\1/p') || true
    [ -n "$commit" ] || die "The build does not say what it is."
    release=$root/releases/$(date -u +%Y%m%dT%H%M%S.%3N)-$commit
    mkdir -p "$release/bin"
    mv "$candidate" "$release/bin/repduel-backend"
    # What the timers run.
    cp systemd/backup.sh systemd/restore-drill.sh systemd/facts.sql tests/cluster.sh "$release/bin"
    (cd "$release" && sha256sum bin/* >SHA256SUMS)
    sync "$release"/bin/* "$release/SHA256SUMS" "$release"
    chmod -R a-w "$release"
}

# Sets `old` to the colour that serves ('' if none does) and `new` to the other one.
colours() {
    local colour
    for colour in blue green; do
        if "${systemctl[@]}" is-active --quiet "$(unit $colour)"; then old+=$colour; fi
    done
    if [ "$old" = bluegreen ]; then
        # An earlier redeploy was killed. The enabled one is the last that was found good.
        old=blue
        if "${systemctl[@]}" is-enabled --quiet "$(unit green)"; then old=green; fi
    fi
    new=blue
    if [ "$old" = blue ]; then new=green; fi
}

# Asks the new build by its private socket, or whoever answers by Caddy.
ask_private() { curl -sS --max-time 3 --unix-socket "$run/$new/http.sock" "$@" 2>&1; }
ask_public() { curl -sS --max-time 5 "${public_curl[@]}" "$@" 2>&1; }

is_ready() { [[ $1 = *'"status":"ready"'* && $1 = *"\"build\":\"$commit\""* ]]; }

process() { "${systemctl[@]}" show -p MainPID --value "$(unit "$new")"; }

# Asks the new build for its readiness: by $1, at $2, for $3 seconds on end, the first good answer within $4 seconds. Its process
# must stay the same: one that ended and was started again would answer well, too.
watch() {
    local ask=$1 url=$2 seconds=$3 patience=$4 pid answer until
    pid=$(process)
    until=$((SECONDS + patience))
    while answer=$("$ask" "$url/ready"); ! is_ready "$answer"; do
        if [ "$(process)" != "$pid" ]; then say "The new build ended: see 'journalctl -u $(unit "$new")'."; return 1; fi
        if [ $SECONDS -ge $until ]; then say "Build $commit is not ready after $patience s. The last answer: $answer"; return 1; fi
        sleep 0.2
    done
    until=$((SECONDS + seconds))
    while [ $SECONDS -lt $until ]; do
        sleep 0.5
        answer=$("$ask" "$url/ready") || true
        if [ "$(process)" != "$pid" ]; then say "The new build ended: see 'journalctl -u $(unit "$new")'."; return 1; fi
        if ! is_ready "$answer"; then say "Build $commit is not ready any more: $answer"; return 1; fi
    done
}

# What everybody's first minute needs.
smoke() {
    local path status
    for path in /health /health/db /openapi.json /api/v1/scenarios /api/v1/energy/leaderboard; do
        status=$(ask_private -o /dev/null -w '%{http_code}' "http://local$path") || true
        [ "$status" = 200 ] || { say "$path answers $status."; return 1; }
    done
}

prune() {
    local kept=0 folder
    while read -r folder; do
        if [ "$folder" -ef "$root/current" ] || [ "$folder" -ef "$root/blue" ] || [ "$folder" -ef "$root/green" ]; then continue; fi
        kept=$((kept + 1))
        if [ $kept -gt $releases_kept ]; then chmod -R u+w "$folder" && rm -rf "$folder"; fi
    done < <(find "$root/releases" -mindepth 1 -maxdepth 1 -type d | sort -r)
}

# ---- In their order -------------------------------------------------------------------------------------------------

case ${1-} in '' | rollback) ;; *) die "usage: redeploy.sh [rollback]" ;; esac
exec 9>"$root/redeploy.lock"
flock -n 9 || die "Another redeploy is going on."
trap leave EXIT
trap 'exit 1' INT TERM HUP
rm -f "$root"/candidate.* "$root"/*.next
# Building and asking must not take the cores from the server, which systemd starts with a rank of its own.
renice -n 10 -p $$ >/dev/null

colours
obtain "${1-}"
store
say "Build $commit is to take over ${old:+from the $old colour }as $new."
"${with_secrets[@]}" "$release/bin/repduel-backend" check >&2 || die "This machine is not fit for build $commit. Nothing has changed."
if [ "${1-}" != rollback ]; then
    "${with_secrets[@]}" "$release/bin/repduel-backend" migrate || die "The schema cannot be changed. Nothing has changed."
fi

stage=starting
"${systemctl[@]}" stop "$(unit "$new")" # of a redeploy that was killed
ln -s "$release" "$root/$new.next"
mv -T "$root/$new.next" "$root/$new"
if [ -n "$old" ]; then : >"$root/$new.hold"; fi
timeout "$patience" "${systemctl[@]}" start "$(unit "$new")" || die "Build $commit does not start: see 'journalctl -u $(unit "$new")'."
watch ask_private http://local "$probation" "$patience" || die "Build $commit is not let in."
smoke || die "Build $commit is not let in."

rm -f "$root/$new.hold"
if [ -n "$old" ]; then
    stage=alone
    say "Build $commit has been let in; the $old colour finishes what it has in hand."
    "${systemctl[@]}" stop "$(unit "$old")"
fi
watch ask_public "$public" "$settle" "$patience_alone" || die "Build $commit does not serve well."

"${systemctl[@]}" enable --quiet "$(unit "$new")"
if [ -n "$old" ]; then "${systemctl[@]}" disable --quiet "$(unit "$old")"; fi
stage=over
ln -s "$release" "$root/current.next"
mv -T "$root/current.next" "$root/current"
prune
say "Build $commit serves."
