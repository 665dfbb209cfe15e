# SPDX-License-Identifier: Apache-2.0
"""The set-ups in which Tempest tests a key manager.

No single one runs all tests: each skips classes that another does not.
"""

import dataclasses
import pathlib
import uuid

from secretstore.tests.functional import services
from secretstore.tests.functional.services import own, reference, uwsgi

_LEGACY: uwsgi.Options = {'oslo_policy': {'enforce_new_defaults': False}}


@dataclasses.dataclass(frozen=True)
class Setup:
    """What Tempest is told, and the options that make it true."""

    name: str
    tempest: uwsgi.Options
    for_barbican: uwsgi.Options
    for_secretstore: uwsgi.Options

    @property
    def list_file(self) -> pathlib.Path:
        """Where the names of the tests are that pass on Barbican."""
        name = f'passes-on-barbican-{self.name}.txt'
        return pathlib.Path(__file__).with_name(name)

    def recorded(self) -> list[str]:
        """The names of the tests that passed on a real Barbican."""
        lines = self.list_file.read_text().splitlines()
        return [line for line in lines if not line.startswith('#')]

    def barbican(self) -> reference.Barbican:
        """A Barbican that is set up so, not yet started."""
        return reference.Barbican(
            services.keystone(),
            services.mariadb(),
            services.memcached(),
            self.for_barbican,
        )

    def secretstore(self) -> own.SecretStore:
        """A secretstore that is set up so, not yet started."""
        database = services.mariadb()
        name = f'{self.name}_{uuid.uuid4().hex[:8]}'
        database.create_database(name)
        keystone = own.with_keystone(services.keystone(), services.memcached())
        return own.SecretStore(
            database.url(name), uwsgi.merge(keystone, self.for_secretstore)
        )


SECURE_RBAC = Setup(
    'secure_rbac',
    tempest={'enforce_scope': {'barbican': True}},
    for_barbican={},
    for_secretstore={},
)
LEGACY = Setup(
    'legacy',
    tempest={
        'enforce_scope': {'barbican': False},
        'auth': {'tempest_roles': 'creator'},
    },
    for_barbican=_LEGACY,
    for_secretstore=_LEGACY,
)
# Barbican's second store is never asked: no test stores anything in it.
STORES = Setup(
    'stores',
    tempest={
        'enforce_scope': {'barbican': True},
        'barbican_tempest': {'enable_multiple_secret_stores': True},
    },
    for_barbican={
        'secretstore': {
            'enable_multiple_secret_stores': True,
            'stores_lookup_suffix': 'software,vault',
        },
        'secretstore:software': {
            'secret_store_plugin': 'store_crypto',
            'crypto_plugin': 'simple_crypto',
            'global_default': True,
        },
        'secretstore:vault': {'secret_store_plugin': 'vault_plugin'},
    },
    for_secretstore={
        'DEFAULT': {
            # The same strategy under another name.
            'enabled_security_strategies': (
                'secretstore.security.proprietary.SecurityWorkflow'
            ),
        },
    },
)
SETUPS = {setup.name: setup for setup in (SECURE_RBAC, LEGACY, STORES)}
