# SPDX-License-Identifier: Apache-2.0
"""What comes along with an import, seen from a fresh interpreter."""

from collections.abc import Sequence
import json
import os
from pathlib import Path
import pkgutil
import subprocess
import sys
import tempfile
import unittest

import secretstore
from secretstore.cmd import service

# A WSGI server wants the application to be there after the import, alembic
# runs its scripts, and oslo.messaging loads its drivers.
STARTING = (
    'secretstore.wsgi.api',
    'secretstore.db.migrations.',
    'secretstore.rpc.http.driver',
    'secretstore.rpc.http.listener',
    'secretstore.rpc.http.messages',
)
NOT_FOR_API = (
    'sqlalchemy',
    'alembic',
    'eventlet',
    'oslo_messaging',
    'oslo_service',
    'secretstore.conductor',
    'secretstore.crypto',
    'secretstore.db',
    'secretstore.keys',
    'secretstore.security',
)
NOT_FOR_CRYPTO = (
    'oslo_config',
    'oslo_context',
    'oslo_db',
    'oslo_log',
    'oslo_messaging',
    'oslo_policy',
    'oslo_utils',
    'pecan',
    'sqlalchemy',
    'webob',
)

_SCRIPT = """
import importlib, json, os, sys, threading
before = set(os.listdir('.'))
names, absent = json.loads(sys.argv[1])
for name in absent:
    sys.modules[name] = None
for name in names:
    importlib.import_module(name)
modules = sorted(name for name in sys.modules if sys.modules[name])
from oslo_config import cfg
print(json.dumps({
    'modules': modules,
    'threads': [thread.name for thread in threading.enumerate()],
    'files': sorted(set(os.listdir('.')) - before),
    'children': open('/proc/self/task/%d/children' % os.getpid()).read(),
    'sockets': sum(
        os.readlink(f'/proc/self/fd/{fd}').startswith('socket:')
        for fd in os.listdir('/proc/self/fd')
        if os.path.exists(f'/proc/self/fd/{fd}')
    ),
    'groups': sorted(cfg.CONF._groups),
}))
"""


def modules_below(name: str = '') -> list[str]:
    """All modules of secretstore below *name* that may be imported."""
    found = pkgutil.walk_packages(secretstore.__path__, 'secretstore.')
    return [
        module.name
        for module in found
        if f'{module.name}.'.startswith(f'secretstore.{name}')
        and not module.name.startswith(('secretstore.tests', *STARTING))
    ]


class ImportsTest(unittest.TestCase):
    def imported(
        self, names: list[str], absent: Sequence[str] = ()
    ) -> dict[str, list[str]]:
        """What a process looks like that imported these, and nothing else.

        :param absent: modules that cannot be imported there
        """
        root = Path(secretstore.__file__).parents[1]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, '-c', _SCRIPT, json.dumps([names, absent])],
                cwd=folder,
                env=os.environ | {'PYTHONPATH': str(root), 'HOME': folder},
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(0, done.returncode, done.stderr)
        found: dict[str, list[str]] = json.loads(done.stdout)
        return found

    def test_the_api_needs_neither_keys_nor_a_database(self) -> None:
        keystone = 'secretstore.api.auth.keystone'
        names = [name for name in modules_below('api.') if name != keystone]
        # pecan would import sqlalchemy if it could.
        self.imported(names, [*NOT_FOR_API, 'cryptography'])
        # keystonemiddleware needs cryptography, to seal its cache.
        self.imported([keystone], NOT_FOR_API)

    def test_crypto_is_pure(self) -> None:
        found = self.imported(modules_below('crypto.'))
        self.assertIn('cryptography', found['modules'])
        roots = {name.partition('.')[0] for name in found['modules']}
        self.assertEqual(set(), roots & set(NOT_FOR_CRYPTO))
        ours = {
            name
            for name in found['modules']
            if name.startswith('secretstore.')
            and not name.startswith('secretstore.crypto')
        }
        self.assertLessEqual(ours, {'secretstore.errors'})

    def test_nothing_selects_eventlet(self) -> None:
        found = self.imported(modules_below('cmd.'))
        self.assertNotIn('oslo_messaging', found['modules'])
        self.assertNotIn('oslo_service', found['modules'])
        self.assertNotIn('eventlet', found['modules'])

    def test_an_import_does_nothing(self) -> None:
        names = modules_below()
        self.assertIn('secretstore.cmd.standalone', names)
        found = self.imported(names)
        self.assertEqual(['MainThread'], found['threads'])
        # stevedore keeps a cache of entry points there, unless Python itself
        # lies below /tmp.
        self.assertLessEqual(set(found['files']), {'.cache'})
        self.assertEqual('', found['children'])
        self.assertEqual(0, found['sockets'])
        # Options are registered by whoever runs, not by whoever imports.
        ours = {
            'api',
            'collection',
            'conductor',
            'database',
            'http_basic',
            'keystone_notifications',
            'proprietary',
        }
        self.assertEqual(set(), ours & set(found['groups']))

    def test_the_wsgi_module_starts_and_says_why_not(self) -> None:
        done = subprocess.run(
            [sys.executable, '-c', 'import secretstore.wsgi.api'],
            env=os.environ | {'SECRETSTORE_CONFIG_FILES': '/nonexistent'},
            cwd=Path(secretstore.__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(service.CANNOT_LOAD, done.returncode)
        last = done.stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith('secretstore: '), done.stderr)
        self.assertNotIn('Traceback', done.stderr)
