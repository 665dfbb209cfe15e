#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes constraints.txt anew: the newest releases that fit together on
# Python 3.11, and what newer Pythons need besides. Review, then `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

resolve() {
    "$1" -m venv "$work/$1"
    "$work/$1/bin/pip" install --quiet --upgrade \
        --requirement requirements.txt \
        --requirement test-requirements.txt \
        --requirement doc/requirements.txt setuptools >&2
    "$work/$1/bin/pip" freeze --all | grep -v '^pip=='
}

touch "$work/more"
resolve python3.11 >"$work/pins"
for newer in python3.12 python3.13; do
    command -v "$newer" >/dev/null || continue
    resolve "$newer" | awk -F == 'NR == FNR { known[tolower($1)]; next }
        !(tolower($1) in known)' "$work/pins" - >>"$work/more"
done
{
    sed '/^#/!d' constraints.txt
    LC_ALL=C sort -f -u "$work/pins" "$work/more"
} >"$work/new"
cp "$work/new" constraints.txt
