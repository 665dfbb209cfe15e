# SPDX-License-Identifier: Apache-2.0
"""Versions of the interface; each minor one only adds to the one before.

==== =====================================================================
1.0  what there was first
1.1  ``create`` of secrets, containers and orders takes the new id;
     master keys, project keys; keys by name
==== =====================================================================
"""

VERSION = '1.1'
FIRST_VERSION = '1.0'


def versions_until(version: str) -> frozenset[str]:
    """The versions that somebody who speaks this one understands.

    :raises ValueError: when there is no such version
    """
    major, _, minor = version.partition('.')
    newest = VERSION.partition('.')
    if major != newest[0] or not minor.isdecimal():
        raise ValueError(f'There is no version {version}')
    if int(minor) > int(newest[2]):
        raise ValueError(f'{version} is newer than {VERSION}')
    return frozenset(f'{major}.{n}' for n in range(int(minor) + 1))
