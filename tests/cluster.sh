#!/usr/bin/env bash
# A private PostgreSQL cluster in a directory: what `make run` and `make test` keep their data in.
#
#   cluster.sh start DIR [durable|fast]   start it, made first if need be; prints its URL
#   cluster.sh stop DIR                   stop it; the data stay
#   cluster.sh status DIR                 say whether it runs; exit code 3 when it does not
#   cluster.sh follow DIR PRIMARY         make and start a copy in DIR that follows the cluster in PRIMARY; prints its URL
#   cluster.sh promote DIR                let it follow nobody any more, and take writes
#   cluster.sh pool DIR PORT MODE [LINE...]
#                                         be a PgBouncer on this port in front of it, in this pool mode, with these lines in
#                                         its configuration, until it is ended
#   cluster.sh url DIR                    print its URL
#   cluster.sh psql DIR [ARGUMENT...]     open psql in its database
#   cluster.sh remove DIR                 stop it and delete it, data and all
#   cluster.sh with DIR durable|fast VARIABLE COMMAND...
#                                         run COMMAND with the URL in VARIABLE; the last one out stops the cluster
#   cluster.sh bindir                     print where PostgreSQL's programs are
#   cluster.sh install [PACKAGE...]       install Debian packages; PostgreSQL, if it is missing, when none is named
#   cluster.sh unpack DIR PACKAGE...      put the files of Debian packages into DIR and install nothing: for packages that
#                                         would start a server of their own
#
# `durable` keeps PostgreSQL's defaults. `fast` never waits for the disk: a crash of the machine may spoil the data,
# which are then made anew, so it is for tests only.
#
# DIR holds `password` and `port`, the lock files, and normally `data` and `log`. When root calls and the user that
# the server runs as cannot enter DIR, data and log live under /var/tmp, and `DIR/location` says where.

set -euo pipefail
# The caller's PGHOST, PGDATA … mean another server.
unset "${!PG@}"

oldest_version=13

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

# ---- PostgreSQL's programs ------------------------------------------------------------------------------------------

# Sets `bin` and `version` to the newest server programs there are, or to those of major version $1; fails if none.
find_programs() {
    local candidate found
    bin='' version=0
    for candidate in "$(dirname "$(readlink -f "$(command -v initdb)")")" "$(pg_config --bindir 2>/dev/null)" \
        /usr/lib/postgresql/*/bin; do
        # A client or a development package alone brings pg_config, but no server.
        [[ $candidate = /* && -x $candidate/initdb && -x $candidate/pg_ctl && -x $candidate/psql ]] || continue
        found=$("$candidate/initdb" --version | awk '{print int($3)}')
        [[ $found -ge $oldest_version && $found -gt $version && $found = "${1-$found}" ]] || continue
        bin=$candidate version=$found
    done
    [ -n "$bin" ]
} 2>/dev/null

# Finds the programs, installing them first where there are none.
need_programs() {
    find_programs || install_postgresql
    find_programs || die "The packages of this system bring no PostgreSQL $oldest_version or later. Install one and try again."
}

# A subshell, so that its trap and its lock are gone with it.
install_postgresql() (
    conf=/etc/postgresql-common/createcluster.conf
    lock_installation "the server of PostgreSQL $oldest_version or later" postgresql
    # Another run may have installed it while this one waited.
    if find_programs; then return; fi
    apt "Fetching the lists of packages ..." update
    # Debian's package makes and starts a cluster for the whole machine unless it is told not to. Nobody asked for one;
    # the machine's own setting is put back afterwards.
    apt "Installing PostgreSQL (1 of 2) ..." install --no-install-recommends postgresql-common
    trap '"${privileged[@]}" mv "$conf.before" "$conf"' EXIT
    "${privileged[@]}" sed -i.before 's/^#* *create_main_cluster.*/create_main_cluster = false/' "$conf"
    apt "Installing PostgreSQL (2 of 2) ..." install --no-install-recommends postgresql
)

install_packages() {
    lock_installation "$*" "$@"
    apt "Fetching the lists of packages ..." update
    apt "Installing $* ..." install --no-install-recommends "$@"
    exec 8<&-
}

# Needs no privileges, unless the lists of packages are missing. A subshell, so that its trap is gone with it.
unpack_packages() (
    target=$1
    shift
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        die "Missing: the files of Debian's packages $*, for whose tools there is no other source here."
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    if ! apt-get -qq download "$@" 2>/dev/null; then
        lock_installation "$*" "$@"
        apt "Fetching the lists of packages ..." update
        apt-get -qq download "$@"
    fi
    mkdir -p "$target"
    for package in ./*.deb; do
        dpkg-deb --extract "$package" "$target"
    done
)

# Makes sure that packages can be installed, or says what is missing ($1) and what a person should install (the rest).
# The second of two callers waits, as what it wants may be there by then; dpkg's directory is their lock.
lock_installation() {
    local missing=$1
    shift
    privileged=()
    if [ "$EUID" != 0 ]; then privileged=(sudo -n); fi
    if ! command -v apt-get >/dev/null || ! "${privileged[@]}" true 2>/dev/null; then
        die "Missing: $missing. It cannot be installed from here; install it (on Debian and Ubuntu:" \
            "'apt-get install $*' as root) and try again."
    fi
    exec 8</var/lib/dpkg
    flock 8
}

# Says $1, then runs apt-get with the other arguments, its output kept from view unless it fails.
apt() {
    local log attempt
    say "$1"
    shift
    log=$(mktemp)
    # The machine's own daily update may be at work, and apt-get waits for some of its locks only.
    for attempt in {1..100}; do
        if "${privileged[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -y "$@" </dev/null >"$log" 2>&1 \
            7>&- 8<&-; then
            # An unreachable server is a mere warning to `update`, but the reason why the next step fails.
            grep '^W:' "$log" >&2 || true
            rm -f "$log"
            return
        fi
        grep -q 'Could not get lock' "$log" || break
        if [ "$attempt" = 1 ]; then say "Waiting for another run of apt-get ..."; fi
        sleep 5
    done
    cat "$log" >&2
    rm -f "$log"
    die "'apt-get $*' failed; what it said stands above."
}

# ---- Where a cluster is and whose it is -----------------------------------------------------------------------------

# Sets `dir` (absolute), `base` (where data and log are) and the user that the server runs as.
open_cluster() {
    local owner=''
    dir=$(cd -P -- "$1" && pwd -P) || exit 1
    base=$dir
    if [ -f "$dir/location" ]; then
        base=$(cat "$dir/location")
        # `remove` deletes this directory: believe only what `start` writes.
        [[ $base =~ ^/var/tmp/repduel-[0-9a-f]{12}$ ]] || die "$dir/location names no directory of this script: $base"
    fi
    if [ -d "$base/data" ]; then owner=$(stat -c %U "$base/data"); fi
    as_user=()
    if [ "$EUID" = 0 ]; then
        # PostgreSQL refuses to run as root. Debian's package brings a user for it.
        if [ -z "$owner" ] || [ "$owner" = root ]; then
            owner=postgres
            id postgres >/dev/null 2>&1 || owner=nobody
        fi
        as_user=(setpriv "--reuid=$(id -u "$owner")" "--regid=$(id -g "$owner")" --clear-groups --)
    elif [ -n "$owner" ] && [ "$owner" != "$(id -un)" ]; then
        die "The cluster in $dir belongs to user $owner: call as that user or as root, or have them remove it."
    fi
    server_user=${owner:-$(id -un)}
}

# Runs a command as the user of the server. That user may not be able to enter the current directory, and the server
# must not inherit the locks, which it would hold for as long as it runs.
as_server() { (cd / && export LC_ALL=C && exec "${as_user[@]}" "$@" </dev/null) 7>&- 9>&-; }

# The server's user must be able to enter, whatever the caller's umask.
make_directory() { (umask 022 && mkdir -p -- "$1"); }

give_to_server() { [ "$EUID" != 0 ] || chown "$server_user:" "$1"; }

# Moves `base` to /var/tmp when the server's user cannot enter the directory, as in a checkout below /root.
settle_location() {
    if [ "$base" = "$dir" ]; then
        if as_server test -x "$dir"; then return; fi
        base=/var/tmp/repduel-$(printf %s "$dir" | sha256sum | cut -c 1-12)
        say "User $server_user, whom PostgreSQL runs as, cannot enter $dir: the data are kept in $base."
        echo "$base" >"$dir/location"
    fi
    # Everybody may write to /var/tmp, so make sure that nobody else has put a directory of this name there.
    make_directory "$base"
    [[ ! -L $base && -O $base ]] || die "$base belongs to somebody else: remove it and try again."
}

# One start or stop of a cluster at a time.
lock_cluster() {
    exec 9>"$dir/lock"
    if ! flock -n 9; then
        say "Waiting for another start or stop of the cluster in $dir ..."
        flock 9
    fi
}

unlock_cluster() { exec 9>&-; }

# Prints the server's process id if it runs. After a crash the number in postmaster.pid may be another process's by
# now: only the server itself has the data directory as its working directory.
server_pid() {
    local pid
    pid=$(as_server head -n 1 "$base/data/postmaster.pid" 2>/dev/null) || return 1
    as_server test "/proc/$pid/cwd" -ef "$base/data" || return 1
    echo "$pid"
}

cluster_url() { echo "postgres://repduel:$(cat "$dir/password")@127.0.0.1:$(cat "$dir/port")/repduel"; }

# Runs a client program; the password goes through the environment, as everybody can read a command line.
client() {
    local program=$1
    shift
    PGHOST=127.0.0.1 PGPORT=$(cat "$dir/port") PGUSER=repduel PGPASSWORD=$(cat "$dir/password") PGCONNECT_TIMEOUT=10 \
        "$bin/$program" "$@" 7>&- 9>&-
}

# ---- Start and stop -------------------------------------------------------------------------------------------------

start_cluster() {
    local mode=$1 made_by
    need_programs
    lock_cluster
    # Once more: meanwhile the user for the server may have been installed, or another start may have moved the data.
    open_cluster "$dir"
    settle_location
    if [ -d "$base/data" ] && [ ! -s "$dir/password" ]; then discard_data "$mode"; fi
    if ! server_pid >/dev/null; then
        if [ -d "$base/data" ]; then
            made_by=$(as_server cat "$base/data/PG_VERSION")
            if ! find_programs "$made_by"; then
                [ "$mode" = fast ] || die "The data in $base were made by PostgreSQL $made_by, which is not installed:" \
                    "install it, or remove $dir to begin anew."
                discard_data "$mode"
                find_programs
            fi
        fi
        if [ -f "$base/log" ]; then mv "$base/log" "$base/log.old"; fi
        (umask 077 && : >"$base/log")
        give_to_server "$base/log"
        if [ ! -d "$base/data" ]; then make_data "$mode"; fi
        say "Starting PostgreSQL $version in $dir ..."
        if ! launch "$mode" && [ "$mode" = fast ]; then
            say "It does not start. Test data may be lost, so they are made anew ..."
            discard_data "$mode"
            make_data "$mode"
            launch "$mode" || true
        fi
        server_pid >/dev/null || fail_with_log "PostgreSQL does not start."
    fi
    ensure_database
    unlock_cluster
}

fail_with_log() {
    tail -n 20 "$base/log" >&2
    die "$1 The last lines of $base/log stand above."
}

# Gets data out of the way that no longer belong to DIR, because DIR was deleted and made again, or cannot be used.
discard_data() {
    local aside
    if server_pid >/dev/null; then stop_server; fi
    if [ "$1" = fast ]; then
        rm -rf "$base/data"
    else
        aside=$base/data.$(date +%Y%m%d-%H%M%S)
        mv "$base/data" "$aside"
        say "The data of an earlier cluster, whose password is gone, were moved to $aside."
    fi
}

# Made under another name and renamed when complete, so that an interrupted attempt leaves nothing half-made.
make_data() {
    local mode=$1 locale=C options=()
    say "Making a PostgreSQL $version cluster in $base ..."
    if [ ! -s "$dir/password" ]; then
        (umask 077 && od -An -vN24 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password.new")
        mv "$dir/password.new" "$dir/password"
    fi
    if locale -a 2>/dev/null | grep -qix 'C.utf-\?8'; then locale=C.UTF-8; fi
    if [ "$mode" = fast ]; then options=(--no-sync); fi
    rm -rf "$base/data.new" "$base/password.initdb"
    mkdir "$base/data.new"
    give_to_server "$base/data.new"
    install -m 600 "$dir/password" "$base/password.initdb"
    give_to_server "$base/password.initdb"
    as_server "$bin/initdb" -D "$base/data.new" --encoding=UTF8 --locale="$locale" --username=repduel \
        --auth=scram-sha-256 --pwfile="$base/password.initdb" "${options[@]}" >>"$base/log" 2>&1 ||
        fail_with_log "initdb failed."
    rm "$base/password.initdb"
    mv "$base/data.new" "$base/data"
}

launch() {
    local attempt port pid settings='-c max_connections=200'
    if [ "$1" = fast ]; then
        settings='-c max_connections=400 -c fsync=off -c synchronous_commit=off -c full_page_writes=off'
    fi
    # A stale postmaster.pid is the server's own business, except that it takes any living process for a server.
    pid=$(as_server head -n 1 "$base/data/postmaster.pid" 2>/dev/null) || pid=''
    if [ -n "$pid" ] && [ -d "/proc/$pid" ]; then rm "$base/data/postmaster.pid"; fi
    # The port stays the same from start to start unless it is taken. The second attempt keeps it as well: the last
    # processes of a killed server may need a moment to go.
    for attempt in 1 2 3 4 5; do
        port=$(cat "$dir/port" 2>/dev/null) || port=''
        if [ -z "$port" ] || [ "$attempt" -gt 2 ] || port_taken "$port"; then
            port=$(free_port)
            echo "$port" >"$dir/port"
        fi
        # No unix socket: its path may be too long, and TCP does.
        if as_server "$bin/pg_ctl" start -D "$base/data" -l "$base/log" -s -w -t 120 \
            -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' $settings" >/dev/null 2>&1; then
            return 0
        fi
        sleep 1
    done
    return 1
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range that the kernel gives to outgoing connections, which would sooner or later take it.
free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)) && port_taken "$port"; do :; done
    echo "$port"
}

ensure_database() {
    local there _
    # A server that somebody else's start has just launched may still be recovering.
    for _ in {1..60}; do
        if client pg_isready -q; then break; fi
        sleep 1
    done
    there=$(client psql -XAtqw -d postgres -c "select 1 from pg_database where datname = 'repduel'") ||
        die "The server on port $(cat "$dir/port") does not accept the password in $dir/password."
    [ -n "$there" ] || client psql -XAtqw -d postgres -c 'create database repduel'
}

# A streaming replica of the cluster in $1. It has that one's user and password.
follow_cluster() {
    local primary=$1
    need_programs
    lock_cluster
    open_cluster "$dir"
    settle_location
    (umask 077 && cp "$primary/password" "$dir/password" && : >"$base/log")
    give_to_server "$base/log"
    mkdir "$base/data"
    give_to_server "$base/data"
    chmod 700 "$base/data"
    PGPASSWORD=$(cat "$primary/password") as_server "$bin/pg_basebackup" --write-recovery-conf --checkpoint=fast \
        --pgdata="$base/data" --host=127.0.0.1 --port="$(cat "$primary/port")" --username=repduel >>"$base/log" 2>&1 ||
        fail_with_log "pg_basebackup failed."
    launch fast || fail_with_log "PostgreSQL does not start."
    unlock_cluster
}

# Takes the place of this process, so that who started it can end it. PgBouncer as well refuses to run as root.
pool_cluster() {
    local port=$1 mode=$2 pooler unpacked
    shift 2
    unpacked=$(dirname "${BASH_SOURCE[0]}")/../.dev/tools
    if ! pooler=$(PATH=$PATH:/usr/sbin command -v pgbouncer); then
        [ -x "$unpacked/usr/sbin/pgbouncer" ] || die "PgBouncer is missing; 'make pooler' fetches it."
        make_directory "$base/pooler"
        # The server's user may not be able to enter the checkout.
        cp "$unpacked"/usr/sbin/pgbouncer "$unpacked"/usr/lib/*-linux-gnu/*.so* "$base/pooler"
        pooler=$base/pooler/pgbouncer
        export LD_LIBRARY_PATH=$base/pooler
    fi
    (umask 077 && printf '"repduel" "%s"\n' "$(cat "$dir/password")" >"$base/pooler.users")
    {
        printf '[databases]\n* = host=127.0.0.1 port=%s\n[pgbouncer]\n' "$(cat "$dir/port")"
        printf 'listen_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\npool_mode = %s\n' "$port" "$mode"
        printf 'auth_type = scram-sha-256\nauth_file = %s\nadmin_users = repduel\n' "$base/pooler.users"
        printf '%s\n' "$@"
    } >"$base/pooler.ini"
    give_to_server "$base/pooler.users"
    cd /
    exec 7>&- 9>&-
    exec "${as_user[@]}" "$pooler" "$base/pooler.ini" </dev/null
}

promote_cluster() { as_server "$bin/pg_ctl" promote -D "$base/data" -s -w -t 60; }

stop_cluster() {
    lock_cluster
    open_cluster "$dir"
    if server_pid >/dev/null; then
        say "Stopping PostgreSQL in $dir ..."
        stop_server
    fi
    unlock_cluster
}

# Whatever version runs, the newest pg_ctl stops it.
stop_server() {
    find_programs || die "PostgreSQL's programs are gone; end process $(server_pid) by hand."
    as_server "$bin/pg_ctl" stop -D "$base/data" -s -m fast -w -t 120 >&2
}

remove_cluster() {
    stop_cluster
    if [ "$base" != "$dir" ]; then rm -rf "$base"; fi
    rm -rf "$dir"
}

# ---- A cluster for the length of a command --------------------------------------------------------------------------

# Everybody who uses the cluster holds a shared lock. Who can make it exclusive is the last, and stops the cluster.
run_with() {
    local mode=$1 variable=$2 child code signal
    shift 2
    exec 7>"$dir/users"
    flock -s 7
    trap leave EXIT
    start_cluster "$mode"
    export "$variable=$(cluster_url)"
    # The command gets a process group of its own, and what ends this script is passed on to all of it: otherwise
    # the cluster would be stopped under tests that still run, or not at all.
    set -m
    "$@" </dev/null 7>&- &
    child=$!
    set +m
    for signal in INT TERM HUP; do
        # shellcheck disable=SC2064 # the values of now are meant
        trap "kill -$signal -- -$child 2>/dev/null || true" "$signal"
    done
    # A signal ends `wait`, though not the command.
    while true; do
        code=0
        wait "$child" || code=$?
        kill -0 "$child" 2>/dev/null || break
    done
    exit "$code"
}

leave() {
    local code=$?
    trap '' INT TERM HUP
    if flock -n -x 7; then stop_cluster; else say "The cluster in $dir is left running for others who use it."; fi
    exit "$code"
}

# ---- The command line -----------------------------------------------------------------------------------------------

[ $# -ge 1 ] || usage
command=$1
shift

case $command in
bindir)
    find_programs || die "PostgreSQL $oldest_version or later is not installed; '$0 install' installs it."
    echo "$bin"
    exit
    ;;
install)
    if [ $# -gt 0 ]; then install_packages "$@"; else need_programs; fi
    exit
    ;;
unpack)
    [ $# -ge 2 ] || usage
    case $1 in /*) ;; *) set -- "$PWD/$1" "${@:2}" ;; esac
    unpack_packages "$@"
    exit
    ;;
start | stop | status | follow | promote | pool | url | psql | remove | with) [ $# -ge 1 ] || usage ;;
*) usage ;;
esac

dir=$1
shift
case $command in
start | with)
    case ${1-durable} in durable | fast) ;; *) usage ;; esac
    make_directory "$dir"
    ;;
follow)
    [ $# = 1 ] || usage
    make_directory "$dir"
    ;;
pool | url | psql) [[ -s $dir/password && -s $dir/port ]] || die "There is no cluster in $dir; start one first." ;;
*)
    if [ ! -d "$dir" ]; then
        if [ "$command" != status ]; then exit 0; fi
        echo "There is no cluster in $dir."
        exit 3
    fi
    ;;
esac
open_cluster "$dir"

case $command in
start)
    start_cluster "${1-durable}"
    cluster_url
    ;;
stop) stop_cluster ;;
follow)
    follow_cluster "$1"
    cluster_url
    ;;
pool)
    [ $# -ge 2 ] || usage
    pool_cluster "$@"
    ;;
promote)
    need_programs
    promote_cluster
    ;;
status)
    if pid=$(server_pid); then
        echo "The cluster in $dir runs: process $pid, port $(cat "$dir/port")."
    else
        echo "The cluster in $dir does not run."
        exit 3
    fi
    ;;
url) cluster_url ;;
psql)
    find_programs || die "PostgreSQL's programs are missing; '$0 install' installs them."
    client psql -d repduel "$@"
    ;;
remove) remove_cluster ;;
with)
    [ $# -ge 3 ] || usage
    run_with "$@"
    ;;
esac
