#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/step.sh STEP [ARGUMENT...]
#
# STEP is lint, types, unit, functional, tempest, docs, releasenotes or
# sample-config; arguments of the test steps are stestr's (a pattern, say).
# One check, with the tools on PATH; make and tox call it, and so does CI.
set -uo pipefail
cd "$(dirname "$0")/.."
step=${1:?usage: tools/step.sh STEP}
shift
# stestr would take the interpreter that .venv was made with for .venv's own.
unset PYTHON
failed=0

try() {
    echo "\$ $*"
    "$@" || failed=1
}

has_history() { git rev-parse -q --verify HEAD >/dev/null 2>&1; }

lint() {
    try ruff check --quiet .
    try ruff format --check --quiet .
    try flake8 benchmarks secretstore tools
    try codespell
    try lint-imports --no-logo
    try python tools/check_sizes.py benchmarks secretstore tools
    try python tools/check_releasenotes.py
    try sphinx-lint --enable all --disable leaked-markup,line-too-long \
        ./*.rst doc/source releasenotes
}

types() { try mypy; }

unit() {
    try stestr run "$@"
    # A pattern is one for unit tests.
    [ $# -gt 0 ] ||
        try stestr --test-path ./secretstore/tests/contract run
}

# Servers, not processors, are what these wait for.
functional() {
    try stestr --test-path ./secretstore/tests/functional run \
        --concurrency "${FUNCTIONAL_WORKERS:-2}" "$@"
}

# The part of the functional tests that runs the Tempest plugin.
tempest() {
    try stestr --test-path ./secretstore/tests/functional run \
        --concurrency 1 "${@:-tempest}"
}

# Outside a git checkout the theme warns that it finds no version.
docs() {
    local strict=(-W --keep-going)
    has_history || strict=()
    try sphinx-build -q "${strict[@]}" -b html doc/source doc/build/html
    releasenotes
}

releasenotes() {
    if has_history; then
        try reno --quiet lint
        try sphinx-build -q -W --keep-going -b html \
            releasenotes/source releasenotes/build/html
    else
        echo 'no git history here: release notes not built'
    fi
}

sample_config() {
    try oslo-config-generator \
        --config-file etc/secretstore/config-generator.conf
    try oslopolicy-sample-generator \
        --config-file etc/secretstore/policy-generator.conf
}

case $step in
    lint | types | unit | functional | tempest | docs | releasenotes)
        "$step" "$@" ;;
    sample-config) sample_config ;;
    *) echo "no step $step" >&2; exit 2 ;;
esac
exit "$failed"
