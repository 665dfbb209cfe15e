# SPDX-License-Identifier: Apache-2.0
"""Virtual environments of their own for the services we test against.

Keystone, Barbican and tempest need other versions of libraries than we do.
Each environment is built once from a fully pinned list in requirements/ and
reused until that list, or the interpreter, changes.
"""

import fcntl
import os
import pathlib
import shutil
import sys
import time

from secretstore.tests.functional.services import system

_REQUIREMENTS = pathlib.Path(__file__).parent / 'requirements'


def cache_folder() -> pathlib.Path:
    """Where things that are slow to make stay between test runs.

    .cache in the checkout, or what SECRETSTORE_TEST_CACHE says.
    """
    chosen = os.environ.get('SECRETSTORE_TEST_CACHE')
    checkout = pathlib.Path(__file__).parents[4]
    folder = pathlib.Path(chosen) if chosen else checkout / '.cache'
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def venv(name: str) -> pathlib.Path:
    """The bin folder of an environment with requirements/NAME.txt.

    Builds it when needed; of several processes that need it, one builds and
    the others wait. Skips the test when the packages cannot be fetched.
    """
    folder = cache_folder() / 'venvs' / name
    folder.parent.mkdir(exist_ok=True)
    listed = _REQUIREMENTS / f'{name}.txt'
    wanted = f'{sys.version}\n{folder}\n{listed.read_text()}'
    stamp = folder / 'built-from.txt'
    with folder.with_suffix('.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            _build(name, folder, listed)
            stamp.write_text(wanted)
    return folder / 'bin'


def _build(name: str, folder: pathlib.Path, listed: pathlib.Path) -> None:
    system.say(f'building an environment for {name} in {folder} (once)')
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    # pip needs the proxies that servers on the loopback must not use.
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK='1')
    pip = str(folder / 'bin' / 'pip')
    try:
        system.run([sys.executable, '-m', 'venv', str(folder)], env=env)
        system.run(
            [pip, 'install', '--quiet', '--requirement', str(listed)],
            env=env,
            seconds=1200,
        )
    except system.Error as exc:
        system.missing(f'no environment for {name}: {exc}')
    took = time.monotonic() - began
    system.say(f'built the environment for {name} in {took:.0f} s')
