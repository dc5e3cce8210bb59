# `make run` and `make test` need Rust and nothing else: the rest is installed or made when it is missing.
# PostgreSQL runs as a private cluster in .dev, which tests/cluster.sh looks after.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
# The targets are steps in an order, and cargo uses all cores by itself.
.NOTPARALLEL:
.DEFAULT_GOAL := help

PORT ?= 9999
FUZZ_SECONDS ?= 600

# A shell that was open when Rust was installed does not find cargo yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

# ---- Run and test ---------------------------------------------------------------------------------------------------

define TRY_IT

RepDuel is about to serve http://127.0.0.1:$(PORT). Try it from a second terminal:

  curl http://127.0.0.1:$(PORT)/health
  curl http://127.0.0.1:$(PORT)/api/v1/users -H 'Content-Type: application/json' -d '{"username": "ada", "email": "ada@example.com", "password": "lift-heavy"}'
  TOKEN=$$(curl -s http://127.0.0.1:$(PORT)/api/v1/users/login -d username=ada@example.com -d password=lift-heavy |
           sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
  curl http://127.0.0.1:$(PORT)/api/v1/users/me -H "Authorization: Bearer $$TOKEN"

Ctrl-C stops the server. The database stays up, with its data in .dev/pg; `make db-stop` stops it.

endef

.PHONY: run
run: port-free build .dev/secrets.env ## Build and start the server (PORT=9999) with a database of its own
	@$(info $(TRY_IT))
	url=$$(tests/cluster.sh start .dev/pg durable)
	set -a
	source .dev/secrets.env
	DATABASE_URL=$$url APP_ENV=development HOST=127.0.0.1 PORT=$(PORT) BASE_URL=http://127.0.0.1:$(PORT)
	STATIC_STORAGE_DIR=$$PWD/.dev/static
	mkdir -p "$$STATIC_STORAGE_DIR"
	# The server prefers these to DATABASE_URL, and they mean somebody else's database.
	unset DATABASE_URL_INTERNAL DATABASE_URL_LOCAL DATABASE_URL_REMOTE
	exec "$${CARGO_TARGET_DIR:-target}/release/repduel-backend" serve

.PHONY: test
test: tools browser python monitoring operations ## Run all tests on a throw-away database (ARGS go to cargo test, and leave the fuzzing out)
	@ulimit -Sn "$$(ulimit -Hn)" # tests with thousands of connections
	tests/cluster.sh with .dev/test fast TEST_DATABASE_URL cargo test --locked $(ARGS)
	$(if $(strip $(ARGS)),,tests/cluster.sh with .dev/test fast TEST_DATABASE_URL tests/fuzz/run.sh 10 --seed 1)
	$(if $(strip $(ARGS)),,$(MAKE) --no-print-directory bench-rehearsal)

.PHONY: fuzz-api
fuzz-api: tools python ## Hold the server against its own API document (EXAMPLES=200 for each route, ARGS go to schemathesis)
	@cargo build --locked
	tests/cluster.sh with .dev/test fast TEST_DATABASE_URL tests/fuzz/run.sh $(or $(EXAMPLES),200) $(ARGS)

# What reaches new code is kept in fuzz/corpus, what fails in fuzz/artifacts, what was said in .dev/fuzz. An input that takes
# longer than a second fails as well: all of them are small.
.PHONY: fuzz
fuzz: fuzz-tools ## Fuzz one target after another (FUZZ_SECONDS=600 each)
	@mkdir -p .dev/fuzz
	for target in $$(cargo +nightly fuzz list); do
		corpus=fuzz/corpus/$$target log=.dev/fuzz/$$target.log
		mkdir -p $$corpus
		if ! cargo +nightly fuzz run $$target $$corpus fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=1 -print_final_stats=1 >$$log 2>&1; then
			tail -n 50 $$log >&2
			exit 1
		fi
		awk -v target=$$target '/DONE +cov:/ { edges = $$4; inputs = $$8 } /^Done / { runs = $$2; seconds = $$5 }
			END { sub("/.*", "", inputs); printf "%-12s %10d inputs in %d s, %d edges of the program seen, %d inputs kept\n", target, runs, seconds, edges, inputs }' $$log
	done

# Better said now than after the build.
.PHONY: port-free
port-free:
	@if (exec 3<>/dev/tcp/127.0.0.1/$(PORT)) 2>/dev/null; then
		echo "Port $(PORT) is in use: end what uses it, or choose another with 'make run PORT=...'." >&2
		exit 1
	fi

# Made once: new keys would end every session of the development database.
.dev/secrets.env:
	@mkdir -p .dev
	umask 077
	for name in JWT_SECRET_KEY REFRESH_JWT_SECRET_KEY ADMIN_API_TOKEN; do
		echo "$$name=$$(od -An -vN32 -tx1 /dev/urandom | tr -d ' \n')"
	done >$@.new
	mv $@.new $@

# ---- Build and check ------------------------------------------------------------------------------------------------

.PHONY: build
build: tools ## Build the release binary
	cargo build --release --locked

.PHONY: check
check: fmt-check lint check-caddy ## Check format, lints and the Caddyfile

.PHONY: fmt
fmt: rustfmt caddy ## Format the code
	PATH=$$PATH:.dev/tools/usr/bin caddy fmt --overwrite Caddyfile
	cargo fmt
	cargo fmt --manifest-path fuzz/Cargo.toml

.PHONY: fmt-check
fmt-check: rustfmt ## Check the format
	cargo fmt --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

# The fuzz targets have a workspace and a lock file of their own, which follows ours.
.PHONY: lint
lint: clippy ## Run clippy; a warning is an error
	cargo clippy --all-targets --all-features --locked -- -D warnings
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}" --all-targets -- -D warnings

.PHONY: check-caddy
check-caddy: caddy
	@export PATH=$$PATH:.dev/tools/usr/bin
	if ! said=$$(caddy validate --config Caddyfile --adapter caddyfile 2>&1); then
		echo "$$said" >&2
		exit 1
	fi
	caddy fmt Caddyfile | diff Caddyfile -

.PHONY: openapi
openapi: tools ## Rewrite tests/api/openapi.json, the API document that a test compares with
	@# Not straight into the file: a failed build would leave it empty.
	mkdir -p .dev
	cargo run -q --locked -- openapi >.dev/openapi.json
	cp .dev/openapi.json tests/api/openapi.json

# Databases of their own beside the development one, filled the first time and kept.
BENCH_LARGE ?= 1000000 10000000
BENCH_SMALL ?= 10000 100000

.PHONY: wrk
wrk:
	@command -v wrk >/dev/null || tests/cluster.sh install wrk

.PHONY: bench
bench: build wrk ## Hold the service against the least that hyper and PostgreSQL cost (ROUNDS=3, EACH_S=5 seconds a row)
	@cargo build --release --locked --features floor --bin floor
	target=$${CARGO_TARGET_DIR:-target}/release
	url=$$(tests/cluster.sh start .dev/pg durable)
	export PATH=$$PATH:$$(tests/cluster.sh bindir)
	export LARGE_URL=$$(benches/prepare.sh $$url $$target/repduel-backend repduel_bench_large $(BENCH_LARGE))
	export SMALL_URL=$$(benches/prepare.sh $$url $$target/repduel-backend repduel_bench_small $(BENCH_SMALL))
	benches/bench.sh $$target/repduel-backend $$target/floor

# Says nothing about speed: few lifters, one second a row, a build that is not optimised. So that the bench goes on working.
.PHONY: bench-rehearsal
bench-rehearsal: tools wrk
	@cargo build --locked --features floor --bins
	export PATH=$$PATH:$$(tests/cluster.sh bindir) ROUNDS=1 EACH_S=1 CALLERS=4 OFFSET=100
	tests/cluster.sh with .dev/test fast TEST_DATABASE_URL benches/rehearse.sh "$${CARGO_TARGET_DIR:-target}/debug"

.PHONY: bench-boards
bench-boards: build ## Show what a page of a board reads where there are a million lifters
	@url=$$(tests/cluster.sh start .dev/pg durable)
	export PATH=$$PATH:$$(tests/cluster.sh bindir)
	large=$$(benches/prepare.sh $$url "$${CARGO_TARGET_DIR:-target}/release/repduel-backend" repduel_bench_large $(BENCH_LARGE))
	psql "$$large" -Xqf benches/explain_boards.sql

.PHONY: bench-logins
bench-logins: build wrk ## Try passwords on 64 connections and show what everybody else notices
	@url=$$(tests/cluster.sh start .dev/pg durable)
	tests/cluster.sh psql .dev/pg -qc 'drop database if exists repduel_flood' -c 'create database repduel_flood'
	PATH=$$PATH:$$(tests/cluster.sh bindir) DATABASE_URL=$${url%/*}/repduel_flood \
		benches/login_flood.sh "$${CARGO_TARGET_DIR:-target}/release/repduel-backend"

# ---- Operate --------------------------------------------------------------------------------------------------------

.PHONY: redeploy
redeploy: tools ## On the server: pull, build and take over without losing a request, or leave everything as it is
	@systemd/redeploy.sh

.PHONY: rollback
rollback: ## On the server: go back to the build that served before
	@systemd/redeploy.sh rollback

# With the address from Doppler on the server; a DATABASE_URL in the environment counts instead.
BACKUPS ?= /var/lib/repduel/backups

.PHONY: backup
backup: ## Back the database up (BACKUPS=folder)
	@program=$$(ls -t "$${CARGO_TARGET_DIR:-target}"/*/repduel-backend /srv/repduel/current/bin/repduel-backend 2>/dev/null | head -n 1 || true)
	export REPDUEL_PROGRAM=$${REPDUEL_PROGRAM:-$$program}
	$(if $(DATABASE_URL)$(DATABASE_URL_INTERNAL),,doppler run --project repduel --config prd_backend --) systemd/backup.sh "$(BACKUPS)"

.PHONY: restore-drill
restore-drill: ## Restore the newest backup into a database of its own, and compare (BACKUPS=folder)
	@systemd/restore-drill.sh "$(BACKUPS)"

REDEPLOYS ?= 40

.PHONY: redeploy-drill
redeploy-drill: build operations python ## Redeploy again and again (REDEPLOYS=40) under load, here, and show the figures
	@export REDEPLOYS=$(REDEPLOYS) DRILL_PROGRAM=$$(realpath "$${CARGO_TARGET_DIR:-target}/release/repduel-backend")
	tests/cluster.sh with .dev/test fast TEST_DATABASE_URL cargo test --locked --test api redeploy::a_redeploy_under_load -- --nocapture

# ---- Database -------------------------------------------------------------------------------------------------------

.PHONY: db-start
db-start: ## Start the development database and print its URL
	@tests/cluster.sh start .dev/pg durable

.PHONY: db-stop
db-stop: ## Stop the development database; its data stay
	@tests/cluster.sh stop .dev/pg

.PHONY: psql
psql: ## Open psql in the development database
	@tests/cluster.sh start .dev/pg durable >/dev/null
	tests/cluster.sh psql .dev/pg

.PHONY: clean
clean: ## Stop the databases and delete .dev (data and keys) and target
	@tests/cluster.sh remove .dev/pg
	tests/cluster.sh remove .dev/test
	rm -rf .dev target fuzz/target

# ---- Tools ----------------------------------------------------------------------------------------------------------

.PHONY: tools
tools: ## Make sure of Rust, a C compiler and curl
	@if ! command -v cargo >/dev/null; then
		echo "Rust is missing: install it as https://rustup.rs says, then try again." >&2
		exit 1
	fi
	missing=()
	command -v cc >/dev/null || missing+=(build-essential) # some dependencies are written in C
	command -v curl >/dev/null || missing+=(curl)
	[ $${#missing[@]} = 0 ] || tests/cluster.sh install "$${missing[@]}"

# The fuzzer wants a compiler that counts edges, which the stable one does not offer.
.PHONY: fuzz-tools
fuzz-tools: tools
	@rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
	command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked

# What the browser tests drive.
.PHONY: browser
browser:
	@missing=()
	command -v chromium >/dev/null || missing+=(chromium)
	command -v chromedriver >/dev/null || missing+=(chromium-driver)
	[ $${#missing[@]} = 0 ] || tests/cluster.sh install "$${missing[@]}"

# What the tests of the units and of the Caddyfile ask. Caddy is unpacked, not installed: its package would serve on port 80.
.PHONY: operations
operations: caddy pooler
	@missing=()
	command -v systemd-analyze >/dev/null || missing+=(systemd)
	[ $${#missing[@]} = 0 ] || tests/cluster.sh install "$${missing[@]}"

.PHONY: caddy
caddy:
	@[ -x .dev/tools/usr/bin/caddy ] || command -v caddy >/dev/null || tests/cluster.sh unpack .dev/tools caddy

# PgBouncer is unpacked as well, with the libraries it names: its package would serve on port 6432.
.PHONY: pooler
pooler:
	@if ! PATH=$$PATH:/usr/sbin command -v pgbouncer >/dev/null && [ ! -x .dev/tools/usr/sbin/pgbouncer ]; then
		rm -rf .dev/tools.pooler
		tests/cluster.sh unpack .dev/tools.pooler pgbouncer
		libraries=$$(apt-cache depends pgbouncer | sed -n 's/^ *Depends: \(lib[^ ]*\)$$/\1/p' | grep -vx libc6)
		tests/cluster.sh unpack .dev/tools.pooler $$libraries
		mkdir -p .dev/tools
		cp -a .dev/tools.pooler/. .dev/tools
		rm -rf .dev/tools.pooler
	fi

# What tests/fuzz/run.sh makes its environment with.
.PHONY: python
python:
	@python3 -c 'import ensurepip, venv' 2>/dev/null || tests/cluster.sh install python3 python3-venv

# What checks the figures, the alert rules and the dashboard. Debian's package of Prometheus starts a server when it is
# installed, so its files are unpacked and no more.
.PHONY: monitoring
monitoring: python
	@mkdir -p .dev/monitoring
	exec 8>.dev/monitoring/lock
	flock 8
	if ! command -v .dev/monitoring/promtool >/dev/null; then
		if ! command -v promtool >/dev/null; then
			echo "Fetching promtool ..." >&2
			tests/cluster.sh unpack .dev/monitoring/debian prometheus
			ln -sf debian/usr/bin/promtool .dev/monitoring/promtool
		else
			ln -sf "$$(command -v promtool)" .dev/monitoring/promtool
		fi
	fi
	wanted=$$(sha256sum <tests/monitoring/requirements.txt)
	if [ "$$(cat .dev/monitoring/installed 2>/dev/null)" != "$$wanted" ]; then
		rm -rf .dev/monitoring/venv
		python3 -m venv .dev/monitoring/venv
		.dev/monitoring/venv/bin/pip install --quiet --disable-pip-version-check -r tests/monitoring/requirements.txt
		echo "$$wanted" >.dev/monitoring/installed
	fi

# Parts of Rust that a minimal installation leaves out.
.PHONY: rustfmt clippy
rustfmt clippy: tools
	@cargo $(@:rust%=%) --version >/dev/null 2>&1 || rustup component add $@
