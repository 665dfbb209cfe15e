#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/apt.sh PACKAGE...
#
# Installs what is missing of these Debian packages where it may: as root or
# with sudo that asks for no password. Elsewhere it prints the command for
# somebody who may, and exits with 3.
set -euo pipefail

missing=()
for package in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null |
        grep -q '^ii' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "    missing on this machine; install with" >&2
    echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 3
fi

# The tests start servers of their own: packages must not start any.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

mkdir -p .cache
log=.cache/apt.log
echo "    apt-get install ${missing[*]} (log: $log)"
# sudo resets the environment: hand the variable over after it.
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q)
if ! {
    "${apt[@]}" update &&
        "${apt[@]}" install --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    exit 3
fi
