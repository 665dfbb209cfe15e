# SPDX-License-Identifier: Apache-2.0
"""One conductor's keys, started in a process of its own when told to."""

import pathlib
import sys

from secretstore.db import engine
from secretstore.keys import hierarchy
from secretstore.security import proprietary
from secretstore.tests.unit.security import keydir


def main(url: str, key_directory: str) -> None:
    conf = keydir.configuration(pathlib.Path(key_directory))
    keys = hierarchy.KeyHierarchy(
        engine.Database(url),
        {'proprietary': proprietary.SecurityWorkflow(conf)},
        'proprietary',
        cache_ttl=300,
        cache_size=10,
    )
    print('ready', flush=True)
    sys.stdin.readline()
    keys.start()
    print(keys.seal('p1', b'payload', b'row').record.hex(), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
