#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/check.sh STEP...
#
# Prepares .venv, runs the steps of tools/step.sh in this order, stops at the
# first that fails, and closes with the times and the number of tests.
# KEEP_GOING=1 runs the rest all the same.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache/steps
report=''
tests=''
began=$SECONDS

note() { report+=$(printf '%-12s %-7s %4d s' "$@")$'\n'; }

totals() {
    [ -n "$tests" ] || return 0
    # shellcheck disable=SC2086 # a list of files
    awk '/^ - Passed: /  { passed += $3 }
         /^ - Skipped: / { skipped += $3 }
         /^ - (Failed|Unexpected Success): / { failed += $NF }
         END { printf "%d passed, %d failed, %d skipped\n",
               passed, failed, skipped }' $tests
}

finish() {
    printf '\n=== summary\n%s%-12s %-7s %4d s\n' \
        "$report" total '' $((SECONDS - began))
    totals
    exit "$1"
}

echo "=== prepare"
tools/venv.sh test || exit 1
note prepare ok $((SECONDS - began))
PATH=$PWD/.venv/bin:$PATH
export PATH PYTHONUNBUFFERED=1 NO_COLOR=1
# With every server at hand (or in CI) a missing one is a failure, no skip.
if [ "${CI:-}" = true ] || bindep --brief test >/dev/null 2>&1; then
    export SECRETSTORE_TESTS_STRICT=${SECRETSTORE_TESTS_STRICT:-1}
fi

status=0
number=0
for step in "$@"; do
    number=$((number + 1))
    started=$SECONDS
    log=.cache/steps/$step.log
    printf '\n=== %s (%d of %d)\n' "$step" "$number" $#
    if tools/step.sh "$step" 2>&1 | tee "$log"; then
        result=ok
    else
        result=FAILED
        status=1
    fi
    case $step in unit | functional) tests+=" $log" ;; esac
    note "$step" "$result" $((SECONDS - started))
    [ "$status" = 0 ] || [ -n "${KEEP_GOING:-}" ] || finish 1
done
finish "$status"
