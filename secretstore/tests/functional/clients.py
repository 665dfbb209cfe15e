# SPDX-License-Identifier: Apache-2.0
"""Sessions with which real, unmodified clients talk to a secretstore."""

import base64
import dataclasses
import typing

from barbicanclient import client as barbicanclient
from keystoneauth1 import http_basic, session
from keystoneauth1.identity import v3
import yaml

from secretstore.tests.functional import services
from secretstore.tests.functional.services import accounts, own

# Of its own, so that whoever else registers endpoints is not in the way.
REGION = 'KeyManager'


@dataclasses.dataclass(frozen=True)
class Deployment:
    """A running service, and how a client gets to it."""

    url: str
    auth: typing.Any
    openstack_env: dict[str, str]
    region: str | None = None

    def barbican(self) -> typing.Any:
        """python-barbicanclient, as users of the service make one."""
        return barbicanclient.Client(
            session=session.Session(auth=self.auth), region_name=self.region
        )


def login(server: own.Standalone) -> tuple[str, str]:
    """User and password in the clouds.yaml of a standalone service."""
    auth = _cloud(server)
    return auth['username'], auth['password']


def basic_auth(server: own.Standalone) -> dict[str, str]:
    """The headers of requests to a standalone service."""
    return {'Authorization': encoded_login(*login(server))}


def encoded_login(user: str, password: str) -> str:
    """What HTTP basic authentication sends."""
    encoded = base64.b64encode(f'{user}:{password}'.encode())
    return f'Basic {encoded.decode()}'


def _cloud(server: own.Standalone) -> dict[str, str]:
    text = (server.state_folder / 'clouds.yaml').read_text()
    auth: dict[str, str] = yaml.safe_load(text)['clouds'][own.CLOUD]['auth']
    return auth


def of_standalone(server: own.Standalone) -> Deployment:
    """What `make run` starts, with the user it made at its first start."""
    auth = _cloud(server)
    plugin = http_basic.HTTPBasicAuth(
        endpoint=auth['endpoint'],
        username=auth['username'],
        password=auth['password'],
    )
    return Deployment(server.url, plugin, server.client_env())


def noauth(project: str = 'p', roles: str = 'member') -> dict[str, str]:
    """The headers of requests where nobody is asked who they are."""
    return {'X-Project-Id': project, 'X-User-Id': 'u', 'X-Roles': roles}


def standalone() -> Deployment:
    return of_standalone(services.standalone())


def keystone(user: str = accounts.BENCH.user) -> Deployment:
    """uWSGI, MariaDB and Keystone; the client asks the catalog."""
    identity = services.keystone()
    server = services.secretstore()
    identity.register_endpoint(server.url, REGION)
    account = accounts.find(user, None, None)
    plugin = v3.Password(
        auth_url=identity.auth_url,
        username=account.user,
        password=account.password,
        project_name=account.project,
        user_domain_name='Default',
        project_domain_name='Default',
    )
    env = {**identity.client_env(user), 'OS_REGION_NAME': REGION}
    return Deployment(server.url, plugin, env, REGION)
