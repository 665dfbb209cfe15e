#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/venv.sh run|test
#
# Prepares .venv with the versions pinned in constraints.txt: for "run" the
# service and the openstack client, for "test" everything the checks need as
# well. Does nothing when nothing changed. PYTHON=python3.12 chooses another
# interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
stage=${1:?usage: tools/venv.sh run|test}
mkdir -p .cache
exec 9>.cache/venv.lock
flock 9

say() { echo "--- $*"; }

usable() {
    command -v "$1" >/dev/null &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if usable "$name"; then
            python=$name
            return
        fi
    done
    return 1
}

choose_python() {
    if ! find_python; then
        say "Python 3.11 or newer: not found"
        tools/apt.sh python3 python3-venv || exit 1
        find_python || { echo "still no Python >= 3.11" >&2; exit 1; }
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "venv for $python: not found"
        tools/apt.sh python3-venv || exit 1
    fi
}

# Whether .venv works, is in this folder and has the interpreter asked for.
in_place() {
    [ -x .venv/bin/python ] &&
        [ "$(cat .venv/home.stamp 2>/dev/null)" = "$(identity)" ] &&
        { [ -z "${PYTHON:-}" ] ||
            [ "$("$PYTHON" -VV)" = "$(.venv/bin/python -VV)" ]; }
}

identity() { pwd; .venv/bin/python -VV 2>&1; }

# Whether what it was filled from is still the same.
filled() {
    [ "$(cat ".venv/$1.stamp" 2>/dev/null)" = "$(digest "${@:2}")" ]
}

digest() { cat "$@" | sha256sum | cut -c 1-64; }

# pip in quiet, with a sign of life while it works.
pip_install() {
    local log=.cache/pip.log
    if ! .venv/bin/python -m pip install --progress-bar off \
        --disable-pip-version-check --constraint constraints.txt "$@" \
        2>&1 | tee "$log" |
        awk '/^ *Collecting/ { if (++n % 25 == 0) {
                 print "    " n " packages ..."; fflush() } }
             /^Installing collected/ { print "    installing"; fflush() }'; then
        tail -n 20 "$log" >&2
        exit 1
    fi
}

make_venv() {
    ! in_place || return 0
    choose_python
    say "new environment .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv
    identity >.venv/home.stamp
}

# Without git or its history pbr cannot work out a version.
project_version() {
    git rev-parse -q --verify HEAD >/dev/null 2>&1 ||
        export PBR_VERSION=0.0.1.dev0
}

run_inputs=(requirements.txt constraints.txt setup.cfg setup.py
    tools/venv.sh)
test_inputs=("${run_inputs[@]}" test-requirements.txt doc/requirements.txt
    bindep.txt)

prepare_run() {
    make_venv
    ! filled run "${run_inputs[@]}" || return 0
    say "the service and the openstack client (half a minute to a few)"
    pip_install pbr setuptools --requirement requirements.txt \
        python-openstackclient python-barbicanclient
    say "secretstore itself, from this folder"
    project_version
    pip_install --no-build-isolation --no-deps --editable .
    digest "${run_inputs[@]}" >.venv/run.stamp
}

prepare_test() {
    ! filled test "${test_inputs[@]}" || return 0
    local leave_out='^$'
    say "Debian packages for the tests (bindep.txt)"
    pip_install bindep
    if ! tools/apt.sh $(.venv/bin/bindep --brief test); then
        echo "    going on: tests of what is missing will be skipped" >&2
        # Nothing to compile these two with, perhaps.
        .venv/bin/bindep --brief compile >/dev/null ||
            leave_out='^(mysqlclient|uWSGI)'
    fi
    say "test tools (a minute or a few)"
    grep -Ev "$leave_out" test-requirements.txt >.cache/test-requirements.txt
    pip_install --requirement .cache/test-requirements.txt \
        --requirement doc/requirements.txt
    digest "${test_inputs[@]}" >.venv/test.stamp
}

prepare_run
[ "$stage" = run ] || prepare_test
