# SPDX-License-Identifier: Apache-2.0
"""The contract of the Key Manager API as tests, one for each request.

The requests are in gabbits/*.yaml; legacy-*.yaml is for servers with the
policy defaults before secure RBAC.
"""

import base64
import datetime
import functools
import os
import pathlib
import re
import typing
import unittest
import urllib.parse
import uuid

from gabbi import case, handlers, suitemaker, utils
import httpx

from secretstore.tests.functional import gabbi_bytes, services
from secretstore.tests.functional.services import accounts, web

GABBITS = pathlib.Path(__file__).with_name('gabbits')
Server = typing.Callable[[], typing.Any]
# What the YAML calls each account: its user and its role.
MEMBERS = {
    'MEMBER': ('a', 'member'),
    'MEMBER2': ('a', 'member'),
    'READER': ('a', 'reader'),
    'ADMIN': ('a', 'admin'),
    'OTHER_MEMBER': ('b', 'member'),
    'OTHER_ADMIN': ('b', 'admin'),
    'OTHER_READER': ('b', 'reader'),
}
LEGACY_MEMBERS = {
    'CREATOR': ('a', 'creator'),
    'CREATOR2': ('a', 'creator'),
    'OBSERVER': ('a', 'observer'),
    'AUDIT': ('a', 'audit'),
    'SERVICE_ADMIN': ('a', 'key-manager:service-admin'),
    'MEMBER': ('a', 'member'),
    'ADMIN': ('a', 'admin'),
    'OTHER_CREATOR': ('b', 'creator'),
    'OTHER_OBSERVER': ('b', 'observer'),
    'OTHER_ADMIN': ('b', 'admin'),
}
# Long enough for the requests that use the secret before it expires.
SOON_SECONDS = 12


def _account(name: str, project: str, role: str) -> accounts.Account:
    user = f'contract-{name.lower()}-{uuid.uuid4().hex[:8]}'
    return accounts.Account(user, project, (role,))


def _log_in(name: str, account: accounts.Account) -> dict[str, str]:
    keystone = services.keystone()
    directory = accounts.Directory(keystone.auth_url)
    directory.ensure_account(account)
    token, project = accounts.authenticate(keystone.auth_url, account)
    user = directory.ensure('user', account.user)
    return {
        f'TOKEN_{name}': token,
        f'USER_{name}': user,
        f'PROJECT_{name}': project,
    }


def _unscoped_token(account: accounts.Account) -> str:
    user = {
        'name': account.user,
        'password': account.password,
        'domain': {'name': 'Default'},
    }
    identity = {'methods': ['password'], 'password': {'user': user}}
    answer = web.call(
        'POST',
        f'{services.keystone().auth_url}/auth/tokens',
        {'auth': {'identity': identity, 'scope': 'unscoped'}},
    )
    return answer.headers['x-subject-token']


@functools.cache
def _accounts(is_legacy: bool) -> dict[str, str]:
    run = uuid.uuid4().hex[:8]
    variables: dict[str, str] = {}
    members = LEGACY_MEMBERS if is_legacy else MEMBERS
    for name, (project, role) in members.items():
        account = _account(name, f'contract-{project}-{run}', role)
        variables |= _log_in(name, account)
        if name == 'MEMBER':
            variables['TOKEN_UNSCOPED'] = _unscoped_token(account)
    return variables


def _long_texts() -> dict[str, str]:
    lengths = (255, 256, 20000, 20001, 25100)
    texts = {f'TEXT_{length}': 'x' * length for length in lengths}
    for length in (15000, 15001):
        text = base64.b64encode(bytes(length)).decode()
        texts[f'BASE64_OF_{length}'] = text
    return texts


def is_legacy(path: pathlib.Path) -> bool:
    """Whether a file is for servers with the old policy defaults."""
    return path.stem.startswith('legacy-')


def _variables(path: pathlib.Path) -> dict[str, str]:
    """What a file may name as $ENVIRON[...]."""
    text = path.read_text()
    variables = {**_accounts(is_legacy(path)), **_long_texts()}
    if 'TOKEN_LIST' in text:
        # Lists are counted: in a project where nothing else is.
        project = f'contract-list-{uuid.uuid4().hex[:8]}'
        variables |= _log_in('LIST', _account('LIST', project, 'member'))
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(
        seconds=SOON_SECONDS
    )
    variables['SOON'] = soon.strftime('%Y-%m-%dT%H:%M:%S')
    return variables


def _client() -> httpx.Client:
    """Sends no header that a file does not name, but for its own few."""
    # A connection for each request: Barbican sends a "null" after some of
    # its 204s, with which the next answer would begin, and uWSGI closes a
    # connection on which a body was refused unread.
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.Client(trust_env=False, limits=limits)
    del client.headers['accept']
    return client


class _Result(unittest.TestResult):
    """Keeps what went wrong without gabbi's own call stack."""

    problem: BaseException | None = None

    def addFailure(self, test: unittest.TestCase, err: typing.Any) -> None:
        self.problem = err[1]

    addError = addFailure


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


class ContractTest(unittest.TestCase):
    """One file against one server; make_class() adds a method per request."""

    server: typing.ClassVar[Server]
    path: pathlib.Path
    requests: list[case.HTTPTestCase]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        url = urllib.parse.urlsplit(cls.server().url)
        cls.addClassCleanup(_restore, dict(os.environ))
        os.environ.update(_variables(cls.path))
        suite = suitemaker.test_suite_from_dict(
            unittest.TestLoader(),
            cls.path.stem,
            utils.load_yaml(yaml_file=cls.path),
            str(cls.path.parent),
            url.hostname,
            url.port,
            None,
            None,
            handlers=[
                handler()
                for handler in (
                    *gabbi_bytes.HANDLERS,
                    *handlers.RESPONSE_HANDLERS,
                )
            ],
        )
        cls.requests = list(suite)
        client = _client()
        cls.addClassCleanup(client.close)
        for request in cls.requests:
            # In place of a connection of its own for each.
            request.http.client.close()
            request.http.client = client

    def run_request(self, number: int) -> None:
        """Make the request, after those before it if they were not made."""
        request = self.requests[number]
        result = _Result()
        request.run(result)
        if result.problem is not None:
            asked = f'{request.test_data["method"]} {request.test_data["url"]}'
            raise self.failureException(f'{asked}\n{result.problem}')


def names(path: pathlib.Path) -> list[str]:
    """What the requests of a file are called."""
    return [test['name'] for test in utils.load_yaml(yaml_file=path)['tests']]


def _method(number: int) -> typing.Callable[[ContractTest], None]:
    def method(self: ContractTest) -> None:
        self.run_request(number)

    return method


def make_class(
    module: str, name: str, path: pathlib.Path, server: Server
) -> type[ContractTest]:
    """The tests of one file against one server.

    :param module: of the class
    :param name: what its name begins with
    """
    body: dict[str, typing.Any] = {
        '__module__': module,
        'server': staticmethod(server),
        'path': path,
    }
    for number, title in enumerate(names(path)):
        words = re.sub(r'\W+', '_', title.lower()).strip('_')
        body[f'test_{number + 1:03}_{words}'] = _method(number)
    title = path.stem.title().replace('-', '')
    return type(f'{name}{title}', (ContractTest,), body)
