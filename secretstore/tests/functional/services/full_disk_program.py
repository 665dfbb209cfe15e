# SPDX-License-Identifier: Apache-2.0
"""What the proprietary strategy does when its disk is full; a program.

``unshare --mount`` runs it with a folder, on which it mounts a small disk
that nobody else sees.  It tells what happened, as JSON.
"""

import errno
import json
import os
import pathlib
import subprocess
import sys

from oslo_config import cfg

from secretstore import errors
from secretstore.conf import security as options
from secretstore.security import proprietary

KEY, BINDING = bytes(range(32)), b'a binding'


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=64k,mode=700', 'none', folder],
        check=True,
    )
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('crypt_key_dir', str(folder / 'keys'), 'proprietary')
    strategy = proprietary.SecurityWorkflow(conf)
    strategy.start()
    reference = strategy.create_master_key()
    wrapped = strategy.wrap(reference, KEY, BINDING)
    filler = folder / 'filler'
    _fill(filler)
    before = sorted(os.listdir(folder / 'keys'))
    try:
        refusal = ['created', strategy.create_master_key()]
    except errors.SecretStoreError as exc:
        refusal = [type(exc).__name__, exc.message]
    told = {
        'refusal': refusal,
        'before': before,
        'after': sorted(os.listdir(folder / 'keys')),
        'reads': strategy.unwrap(reference, wrapped, BINDING) == KEY,
    }
    filler.unlink()
    told['created'] = strategy.create_master_key()
    told['end'] = sorted(os.listdir(folder / 'keys'))
    print(json.dumps(told))


def _fill(file: pathlib.Path) -> None:
    try:
        with file.open('wb', buffering=0) as writer:
            while True:
                writer.write(bytes(512))
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise


if __name__ == '__main__':
    main()
