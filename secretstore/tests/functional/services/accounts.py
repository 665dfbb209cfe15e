# SPDX-License-Identifier: Apache-2.0
"""The roles, projects and users that tests find in Keystone."""

import dataclasses
import typing
import urllib.parse

from secretstore.tests.functional.services import system, web

ROLES = (
    'admin',
    'member',
    'reader',
    'service',
    'creator',
    'observer',
    'audit',
    'key-manager:service-admin',
)
PASSWORD = 'throw-away'


@dataclasses.dataclass(frozen=True)
class Account:
    """A user with its roles in one project."""

    user: str
    project: str
    roles: tuple[str, ...] = ()
    password: str = PASSWORD


ADMIN = Account('admin', 'admin', ('admin',))
SERVICE = Account('barbican', 'service', ('admin', 'service'))
BENCH = Account('bench', 'bench', ('creator', 'member'))


def _of_project(project: str) -> list[Account]:
    users = {
        'admin': 'admin',
        'member': 'member',
        'reader': 'reader',
        'creator': 'creator',
        'creator_2': 'creator',
        'observer': 'observer',
        'auditor': 'audit',
    }
    return [
        Account(f'{project}_{user}', project, (role,))
        for user, role in users.items()
    ]


ACCOUNTS = [
    SERVICE,
    Account('service-admin', 'service', ('key-manager:service-admin',)),
    BENCH,
    *_of_project('project_a'),
    *_of_project('project_b'),
]


def find(user: str, password: str | None, project: str | None) -> Account:
    """The account of a user, with what is given instead of the usual."""
    known = {account.user: account for account in (ADMIN, *ACCOUNTS)}
    usual = known.get(user, Account(user, project or user))
    return dataclasses.replace(
        usual,
        password=usual.password if password is None else password,
        project=usual.project if project is None else project,
    )


def authenticate(auth_url: str, account: Account) -> tuple[str, str]:
    """A token and the id of the project it is for."""
    domain = {'name': 'Default'}
    user = {
        'name': account.user,
        'password': account.password,
        'domain': domain,
    }
    body = {
        'auth': {
            'identity': {'methods': ['password'], 'password': {'user': user}},
            'scope': {'project': {'name': account.project, 'domain': domain}},
        }
    }
    answer = web.call('POST', f'{auth_url}/auth/tokens', body)
    if answer.status != 201:
        raise system.Error(f'no token for {account.user}: {answer.status}')
    project = answer.json()['token']['project']['id']
    return answer.headers['x-subject-token'], project


class Directory:
    """Keystone's users, projects and catalog, as the admin sees them."""

    def __init__(self, auth_url: str) -> None:
        self._url = auth_url
        self._token, _ = authenticate(auth_url, ADMIN)

    def call(self, method: str, path: str, body: object = None) -> typing.Any:
        """The JSON of an answer; raises Error unless it is a success."""
        answer = web.call(
            method, self._url + path, body, {'X-Auth-Token': self._token}
        )
        if answer.status >= 300:
            text = answer.body[:300].decode(errors='replace')
            raise system.Error(f'keystone: {method} {path}: {text}')
        return answer.json() if answer.body else None

    def ensure(self, kind: str, name: str, **fields: object) -> str:
        """The id of a role, project, user or service, made when missing."""
        query = urllib.parse.quote(name, safe='')
        found = self.call('GET', f'/{kind}s?name={query}')[f'{kind}s']
        if found:
            return str(found[0]['id'])
        made = self.call('POST', f'/{kind}s', {kind: {**fields, 'name': name}})
        return str(made[kind]['id'])

    def ensure_account(self, account: Account) -> None:
        """Make the user and the project and give the roles."""
        project = self.ensure('project', account.project, domain_id='default')
        user = self.ensure(
            'user',
            account.user,
            password=account.password,
            domain_id='default',
            default_project_id=project,
        )
        for role in account.roles:
            role_id = self.ensure('role', role)
            self.call(
                'PUT', f'/projects/{project}/users/{user}/roles/{role_id}'
            )

    def set_endpoint(self, url: str, region: str) -> None:
        """Make url the only key-manager endpoint of a region."""
        service = self.ensure('service', 'barbican', type='key-manager')
        found = self.call('GET', f'/endpoints?service_id={service}')
        for endpoint in found['endpoints']:
            if endpoint['region_id'] == region:
                self.call('DELETE', f'/endpoints/{endpoint["id"]}')
        if region not in self._regions():
            self.call('POST', '/regions', {'region': {'id': region}})
        for interface in ('public', 'internal', 'admin'):
            body = {
                'service_id': service,
                'interface': interface,
                'region_id': region,
                'url': url,
            }
            self.call('POST', '/endpoints', {'endpoint': body})

    def _regions(self) -> set[str]:
        found = self.call('GET', '/regions')['regions']
        return {region['id'] for region in found}


def register(directory: Directory) -> None:
    """Make all of the above; harmless when some or all exist."""
    for role in ROLES:
        directory.ensure('role', role)
    for account in ACCOUNTS:
        directory.ensure_account(account)
