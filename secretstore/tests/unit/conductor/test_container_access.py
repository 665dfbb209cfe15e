# SPDX-License-Identifier: Apache-2.0
"""Who may do what with containers: Barbican's new defaults, as a table."""

from collections.abc import Callable

from secretstore import errors
from secretstore.context import RequestContext
from secretstore.rpc.interface import (
    ContainerQuery,
    ContainerSecret,
    NewAcl,
    NewContainer,
)
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import ConductorTest, new_secret
from secretstore.tests.unit.conductor.test_access import (
    ABROAD,
    CALLERS,
    LISTED,
    OWN,
    PRIVATE,
)

TABLE = {
    'create': OWN | ABROAD,
    'require_create': OWN | ABROAD,
    'page': OWN | ABROAD,
    'get': OWN,
    'delete': OWN,
    'add secret': OWN,
    'remove secret': OWN,
}
ABOUT_A_CONTAINER = TABLE.keys() - {'create', 'require_create', 'page'}
EMPTY: NewContainer = {'name': None, 'type': 'generic', 'secrets': []}
ALL: ContainerQuery = {
    'limit': 100,
    'offset': 0,
    'marker': None,
    'name': None,
    'type': None,
}


class ContainerAccessTest(ConductorTest):
    def action(
        self, name: str, acl: NewAcl | None = None
    ) -> Callable[[RequestContext], object]:
        """The operation, on a container that is made for it."""
        containers = self.conductor.containers
        owner = CALLERS['creator']
        secret_id = self.conductor.secrets.create(owner, new_secret())
        old, new = (ContainerSecret(secret_id, name) for name in 'ab')
        of = containers.create(owner, EMPTY | {'secrets': [old]})
        if acl is not None:
            self.conductor.container_acls.replace(owner, of, acl)
        actions: dict[str, Callable[[RequestContext], object]] = {
            'create': lambda who: containers.create(who, EMPTY),
            'require_create': containers.require_create,
            'page': lambda who: containers.page(who, ALL),
            'get': lambda who: containers.get(who, of),
            'delete': lambda who: containers.delete(who, of),
            'add secret': lambda who: containers.add_secret(who, of, new),
            'remove secret': lambda who: containers.remove_secret(
                who, of, old
            ),
        }
        return actions[name]

    def allowed(self, name: str, acl: NewAcl | None = None) -> set[str]:
        found = set()
        for caller, who in CALLERS.items():
            try:
                self.action(name, acl)(who)
            except errors.Forbidden:
                continue
            found.add(caller)
        return found

    def test_table(self) -> None:
        for name, wanted in TABLE.items():
            with self.subTest(name):
                self.assertEqual(wanted, self.allowed(name))

    def test_private(self) -> None:
        for name in ABOUT_A_CONTAINER:
            with self.subTest(name):
                wanted = TABLE[name] - {'member'}
                self.assertEqual(wanted, self.allowed(name, PRIVATE))

    def test_private_and_shared_with_a_user(self) -> None:
        acl = NewAcl(users=[base.OTHER_USER], project_access=False)
        for name in ABOUT_A_CONTAINER:
            with self.subTest(name):
                wanted = TABLE[name] - {'member'}
                if name == 'get':
                    wanted |= LISTED
                self.assertEqual(wanted, self.allowed(name, acl))

    def test_what_does_not_exist_is_told_to_everybody(self) -> None:
        unknown = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
        for who in CALLERS.values():
            with self.assertRaises(errors.NotFound):
                self.conductor.containers.get(who, unknown)

    def test_lists_hold_the_own_project_only(self) -> None:
        containers = self.conductor.containers
        mine = containers.create(CALLERS['creator'], EMPTY)
        theirs = containers.create(CALLERS['foreign admin'], EMPTY)
        page = containers.page(CALLERS['foreign admin'], ALL)
        listed = [view['id'] for view in page.items]
        self.assertIn(theirs, listed)
        self.assertNotIn(mine, listed)
