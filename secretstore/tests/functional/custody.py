# SPDX-License-Identifier: Apache-2.0
"""A real Barbican as the custodian of master keys."""

import typing

from barbicanclient import client as barbicanclient
from keystoneauth1 import session
from keystoneauth1.identity import v3
from oslo_config import cfg

from secretstore import conf as options
from secretstore.security import barbican
from secretstore.tests.functional import services
from secretstore.tests.functional.services import (
    accounts,
    process,
    reference,
    shared,
    uwsgi,
)

# Not in the accounts: only these tests may do something to it.
CUSTODIAN = accounts.Account(
    'custodian', 'custody', ('member', 'creator'), 'throw-away-custody'
)


class Barbican(reference.Barbican):
    """One that asks Keystone about each token that it gets."""

    # As for Keystone: the strategy's threads keep connections open.
    socket_option = '--http-socket'

    def __init__(self) -> None:
        super().__init__(
            services.keystone(),
            services.mariadb(),
            services.memcached(),
            {'keystone_authtoken': {'token_cache_time': -1}},
        )
        self.extra += ('--add-header', 'Connection: close')


custodian = shared.Shared(Barbican)


def _auth_url() -> str:
    """That of a Keystone that knows the custodian."""
    found = services.keystone().auth_url
    accounts.Directory(found).ensure_account(CUSTODIAN)
    return found


def of(url: str | None = None, **more: object) -> uwsgi.Options:
    """The options with which the custodian's project holds master keys."""
    found: dict[str, object] = {
        'auth_type': 'password',
        'auth_url': _auth_url(),
        'username': CUSTODIAN.user,
        'password': CUSTODIAN.password,
        'project_name': CUSTODIAN.project,
        'user_domain_name': 'Default',
        'project_domain_name': 'Default',
        'timeout': 10,
        **more,
    }
    if url:
        found['barbican_url'] = url
    return {
        'DEFAULT': {'security_strategy': 'barbican'},
        'barbican': found,
    }


def strategy(url: str | None, **more: object) -> barbican.SecurityWorkflow:
    """One that is not started."""
    return barbican.SecurityWorkflow(conf(of(url, **more)))


def conf(found: uwsgi.Options) -> cfg.ConfigOpts:
    """The same as a configuration in this process."""
    file = process.new_folder('custody') / 'secretstore.conf'
    uwsgi.write_options(file, found)
    made = cfg.ConfigOpts()
    options.register_opts(made)
    made([], default_config_files=[str(file)], default_config_dirs=[])
    return made


def client(url: str) -> typing.Any:
    """What sees the same secrets without any code of ours."""
    auth = v3.Password(
        auth_url=_auth_url(),
        username=CUSTODIAN.user,
        password=CUSTODIAN.password,
        project_name=CUSTODIAN.project,
        user_domain_name='Default',
        project_domain_name='Default',
    )
    return barbicanclient.Client(
        session=session.Session(auth=auth), endpoint=url
    )
