#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Runs test programs and whole suites, and counts. Everything it runs either closes with a line
# `N passed, N failed, N skipped` or is a cmocka program, whose TAP lines are counted.
#   tests/lib/suite.sh programs 'COMMAND ARGS'…   one suite made of several programs
#   tests/lib/suite.sh together 'COMMAND ARGS'…   the same, all at once
#   tests/lib/suite.sh suites NAME…               `make lint`, `make test-NAME`, `make bench`; a table, the sum
set -euo pipefail

readonly CLOSING='^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'
# A directory of our own for the logs; the suites' full output stays in build/log.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

passed=0 failed=0 skipped=0

# add_closing LOG: adds the last closing line's figures; fails if there is none.
add_closing() {
	local line
	line=$(grep -aE "$CLOSING" "$1" | tail -n 1) || return 1
	read -r got_passed _ got_failed _ got_skipped _ <<<"$line"
	passed=$((passed + got_passed)) failed=$((failed + got_failed))
	skipped=$((skipped + got_skipped))
}

# add_tap LOG: adds the figures of a cmocka program; fails if it ran fewer tests than it planned.
add_tap() {
	local plan ok not_ok skip
	plan=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$1" | awk '{ n += $1 } END { print n + 0 }')
	skip=$(grep -acE '^(not )?ok .*# SKIP' "$1") || true
	ok=$(grep -aE '^ok ' "$1" | grep -vc '# SKIP') || true
	not_ok=$(grep -aE '^not ok ' "$1" | grep -vc '# SKIP') || true
	got_failed=$not_ok
	passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skip))
	((plan > 0 && ok + not_ok + skip == plan))
}

closing_line() {
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
}

run_program() {
	local status=0
	CMOCKA_MESSAGE_OUTPUT=tap bash -c "$1" >"$scratch/log" 2>&1 || status=$?
	account "$1" "$scratch/log" "$status"
}

# account COMMAND LOG STATUS: a program that fails without saying which test did counts as one failure.
account() {
	local log=$2 status=$3 counted=1 got_failed=0
	if grep -qaE "$CLOSING" "$log"; then
		add_closing "$log"
	else
		add_tap "$log" || counted=0
	fi
	grep -aiE '^skip' "$log" || true
	if ((status == 0 && counted)) && ((got_failed == 0)); then
		printf 'ok      %s\n' "$1"
		return
	fi
	((got_failed > 0 && counted)) || failed=$((failed + 1))
	printf 'FAILED  %s (exit status %d)\n' "$1" "$status"
	{ grep -avE '^ok ' "$log" || true; } | tail -n 200 | sed 's/^/        /'
}

run_programs() {
	local program
	(($#)) || failed=1
	for program in "$@"; do
		run_program "$program"
	done
	closing_line
	((failed == 0))
}

run_together() {
	local -a pids=()
	local i status
	(($#)) || failed=1
	for ((i = 1; i <= $#; i++)); do
		CMOCKA_MESSAGE_OUTPUT=tap bash -c "${!i}" >"$scratch/log.$i" 2>&1 &
		pids+=($!)
	done
	for ((i = 1; i <= $#; i++)); do
		status=0
		wait "${pids[i - 1]}" || status=$?
		account "${!i}" "$scratch/log.$i" "$status"
	done
	closing_line
	((failed == 0))
}

suite_target() {
	case $1 in
	lint | bench) echo "$1" ;;
	*) echo "test-$1" ;;
	esac
}

# suite_command NAME: the bench suite's short gate is not what `make bench` runs.
suite_run() {
	if [[ $1 == bench-gate ]]; then
		tests/bench/run --ci
	else
		make --no-print-directory "$(suite_target "$1")"
	fi
}

# Cgroups, namespaces, mounts, pins and processes of a suite end with it.
left_behind() {
	tests/lib/leftovers.py after "$scratch/before" "$1" >"$scratch/left" 2>&1 && return 1
	printf 'FAIL: left behind by the suite:\n'
	sed 's/^/        /' "$scratch/left"
}

run_suite() {
	local name=$1 log=build/log/$1.log status=0 started=$SECONDS got_failed=0 word=ok
	local before="$passed $failed $skipped" run=$BASHPID.$1.$RANDOM
	printf '== %s\n' "$name"
	tests/lib/leftovers.py before "$scratch/before"
	AEGRESS_RUN=$run suite_run "$name" 2>&1 | tee "$log" || status=$?
	if ! add_closing "$log"; then
		word='FAILED: no closing line'
		failed=$((failed + 1))
	elif ((got_failed > 0)); then
		word=FAILED
	elif ((status != 0)); then
		word="FAILED: exit status $status"
		failed=$((failed + 1))
	fi
	if left_behind "$run" | tee -a "$log" && [[ -s $scratch/left ]]; then
		word="FAILED: left $(wc -l <"$scratch/left") behind"
		failed=$((failed + 1))
	fi
	# shellcheck disable=SC2086 # three numbers
	set -- $before
	printf '%-12s %5d s %7d passed %5d failed %5d skipped  %s\n' "$name" $((SECONDS - started)) \
		$((passed - $1)) $((failed - $2)) $((skipped - $3)) "$word" >>"$scratch/table"
	grep -aiE '^skip' "$log" | sed "s/^/$name: /" >>"$scratch/skips" || true
}

run_suites() {
	local name
	mkdir -p build/log
	: >"$scratch/skips"
	for name in "$@"; do
		run_suite "$name"
	done
	printf '\n'
	cat "$scratch/table"
	if [[ -s $scratch/skips ]]; then
		printf '\nskipped:\n'
		cat "$scratch/skips"
	fi
	printf '\n'
	closing_line
	((failed == 0))
}

main() {
	cd "$(dirname "${BASH_SOURCE[0]}")/../.."
	case ${1-} in
	programs) run_programs "${@:2}" ;;
	together) run_together "${@:2}" ;;
	suites) run_suites "${@:2}" ;;
	*)
		printf 'usage: tests/lib/suite.sh programs|together|suites …\n' >&2
		exit 2
		;;
	esac
}

main "$@"
