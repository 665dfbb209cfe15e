# SPDX-License-Identifier: Apache-2.0
"""Access lists: what becomes of them, and whom they let in."""

from collections.abc import Callable, Sequence
from datetime import datetime
import threading
from typing import Any

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor.common import utcnow
from secretstore.context import RequestContext
from secretstore.rpc.interface import Acls, AclView, NewAcl
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
    query,
    text_secret,
)
from secretstore.tests.unit.db.base import statements

ME = context()
# In no project that matters, and without a role.
NAMED = context(
    roles=[], user_id=base.OTHER_USER, project_id=base.OTHER_PROJECT
)
COLLEAGUE = context('member', user_id='e' * 32)
UNKNOWN = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'


def acl(
    users: Sequence[str] | None = None, project_access: bool | None = None
) -> NewAcl:
    return {'users': users, 'project_access': project_access}


class SecretAclsTest(ConductorTest):
    """Of secrets; a subclass asks the same of those of containers."""

    missing = '^Secret not found'

    def setUp(self) -> None:
        super().setUp()
        self.acls: Acls = self.conductor.secret_acls
        self.of = self.make()

    def make(self) -> str:
        return self.conductor.secrets.create(ME, text_secret())

    def remove(self, object_id: str) -> None:
        self.conductor.secrets.delete(ME, object_id)

    def updated(self) -> datetime:
        return self.conductor.secrets.get(ME, self.of)['updated']

    def read(self, who: RequestContext) -> object:
        return self.conductor.secrets.payload(who, self.of)

    def uses(self) -> dict[str, tuple[Callable[[], object], int]]:
        """How many statements each use is without an access list."""
        secrets = self.conductor.secrets
        meta = self.conductor.secret_metadata
        return {
            'get': (lambda: secrets.get(ME, self.of), 1),
            'payload': (lambda: secrets.payload(ME, self.of), 1),
            'metadata': (lambda: meta.get_all(ME, self.of), 2),
        }

    def get(self) -> AclView:
        view = self.acls.get(ME, self.of)
        assert view is not None
        return view

    def assert_acl(self, users: list[str], project_access: bool) -> None:
        view = self.get()
        self.assertEqual(users, view['users'])
        self.assertIs(project_access, view['project_access'])

    def test_none(self) -> None:
        self.assertIsNone(self.acls.get(ME, self.of))
        self.acls.delete(ME, self.of)
        self.acls.update(ME, self.of, acl())
        self.acls.replace(ME, self.of, acl())
        self.assertIsNone(self.acls.get(ME, self.of))

    def test_replace(self) -> None:
        self.acls.replace(ME, self.of, acl(['b', 'a'], False))
        self.assert_acl(['a', 'b'], False)
        self.acls.replace(ME, self.of, acl(['b']))
        self.assert_acl(['b'], True)
        self.acls.replace(ME, self.of, acl(None, False))
        self.assert_acl([], False)
        self.acls.replace(ME, self.of, acl())
        self.assertIsNone(self.acls.get(ME, self.of))

    def test_update(self) -> None:
        self.acls.update(ME, self.of, acl(['b', 'a']))
        self.assert_acl(['a', 'b'], True)
        self.acls.update(ME, self.of, acl(None, False))
        self.assert_acl(['a', 'b'], False)
        self.acls.update(ME, self.of, acl(['c']))
        self.assert_acl(['c'], False)
        self.acls.update(ME, self.of, acl())
        self.assert_acl(['c'], False)
        self.acls.update(ME, self.of, acl([], True))
        self.assert_acl([], True)

    def test_delete(self) -> None:
        self.acls.replace(ME, self.of, acl(['a'], False))
        self.acls.delete(ME, self.of)
        self.assertIsNone(self.acls.get(ME, self.of))

    def test_times(self) -> None:
        before = utcnow()
        self.acls.replace(ME, self.of, acl(['a']))
        first = self.get()
        self.assertTrue(before <= first['created'] <= utcnow())
        self.assertEqual(first['created'], first['updated'])
        self.assertEqual(first['updated'], self.updated())
        self.acls.update(ME, self.of, acl())
        self.assertEqual(first, self.get())
        self.acls.update(ME, self.of, acl(['b']))
        second = self.get()
        self.assertEqual(first['created'], second['created'])
        self.assertLess(first['updated'], second['updated'])
        self.acls.delete(ME, self.of)
        # Barbican does not tell this in the object.
        self.assertEqual(second['updated'], self.updated())

    def test_of_nothing(self) -> None:
        gone = self.make()
        self.acls.replace(ME, gone, acl(['a']))
        self.remove(gone)
        for object_id in (UNKNOWN, gone):
            for call in self.changes(object_id):
                with self.assertRaisesRegex(errors.NotFound, self.missing):
                    call()

    def changes(self, object_id: str) -> list[Callable[[], object]]:
        return [
            lambda: self.acls.get(ME, object_id),
            lambda: self.acls.replace(ME, object_id, acl(['a'])),
            lambda: self.acls.update(ME, object_id, acl(['a'])),
            lambda: self.acls.delete(ME, object_id),
        ]

    def test_a_change_counts_at_once(self) -> None:
        """Though what policy decides is remembered."""

        def allowed() -> tuple[bool, bool]:
            return self.may_read(NAMED), self.may_read(COLLEAGUE)

        self.assertEqual((False, True), allowed())
        self.acls.replace(ME, self.of, acl([base.OTHER_USER]))
        self.assertEqual((True, True), allowed())
        self.acls.update(ME, self.of, acl(None, False))
        self.assertEqual((True, False), allowed())
        self.acls.update(ME, self.of, acl([]))
        self.assertEqual((False, False), allowed())
        self.acls.delete(ME, self.of)
        self.assertEqual((False, True), allowed())

    def may_read(self, who: RequestContext) -> bool:
        try:
            self.read(who)
        except errors.Forbidden:
            return False
        return True

    def test_without_a_user_nobody_is_named(self) -> None:
        nobody = context(roles=[], user_id=None)
        self.acls.replace(ME, self.of, acl(['', 'None'], False))
        self.assertFalse(self.may_read(nobody))

    def test_statements(self) -> None:
        """One more where there is a list, however long it is."""
        for count in (None, 0, 1, 700):
            if count is not None:
                users = [f'{number:032}' for number in range(count)]
                self.acls.replace(ME, self.of, acl(users))
            for name, (use, plain) in self.uses().items():
                with self.subTest(f'{name}, {count} users'):
                    with statements(sa.Engine) as seen:
                        use()
                    expected = plain + (count is not None)
                    self.assertEqual(expected, len(seen), seen)
            with statements(sa.Engine) as seen:
                self.acls.get(ME, self.of)
            self.assertEqual(1, len(seen), seen)

    def test_statements_of_a_change(self) -> None:
        self.acls.replace(ME, self.of, acl(['a']))
        for users in (['b'], [f'{number:032}' for number in range(700)]):
            for change in (self.acls.replace, self.acls.update):
                with statements(sa.Engine) as seen:
                    change(ME, self.of, acl(users))
                # BEGIN is one of them.
                self.assertEqual(6, len(seen), seen)

    def test_who_may_always_read_is_never_refused(self) -> None:
        """Whatever half of which list a reader comes upon."""
        lists = [acl([COLLEAGUE.user_id or ''], False), acl([], True)]
        self.acls.replace(ME, self.of, lists[0])
        done = threading.Event()

        def change() -> None:
            for turn in range(100):
                self.acls.replace(ME, self.of, lists[turn % 2])
            done.set()

        thread = threading.Thread(target=change)
        thread.start()
        try:
            while not done.is_set():
                self.assertTrue(self.may_read(COLLEAGUE))
        finally:
            thread.join()


class ContainerAclsTest(SecretAclsTest):
    missing = '^Secrets container not found'

    def setUp(self) -> None:
        super().setUp()
        self.acls = self.conductor.container_acls

    def make(self) -> str:
        return self.conductor.containers.create(
            ME, {'name': None, 'type': 'generic', 'secrets': []}
        )

    def remove(self, object_id: str) -> None:
        self.conductor.containers.delete(ME, object_id)

    def updated(self) -> datetime:
        return self.conductor.containers.get(ME, self.of)['updated']

    def read(self, who: RequestContext) -> object:
        return self.conductor.containers.get(who, self.of)

    def uses(self) -> dict[str, tuple[Callable[[], object], int]]:
        return {'get': (lambda: self.read(ME), 3)}


class SharedSecretsTest(ConductorTest):
    def test_lists(self) -> None:
        secrets, acls = self.conductor.secrets, self.conductor.secret_acls
        reader = context(
            'member', user_id='reader', project_id=base.OTHER_PROJECT
        )
        shared = [
            secrets.create(ME, new_secret(name=str(number)))
            for number in range(5)
        ]
        for secret_id in shared:
            acls.replace(ME, secret_id, acl(['reader', 'another'], False))
        alone = secrets.create(ME, new_secret())
        acls.replace(ME, alone, acl(['another']))
        own = secrets.create(reader, new_secret())

        def listed(**fields: Any) -> list[str]:
            page = secrets.page(reader, query(acl_only=True, **fields))
            self.assertEqual(1 if 'name' in fields else 5, page.total)
            return [view['id'] for view in page.items]

        self.assertEqual(shared, listed())
        self.assertEqual(shared[2:4], listed(limit=2, offset=2))
        self.assertEqual(
            shared[2:4], listed(limit=2, offset=2, marker=shared[1])
        )
        self.assertEqual(shared[3:4], listed(name='3'))
        self.assertEqual(shared[::-1], listed(sort=[('name', True)]))
        plain = secrets.page(reader, query())
        self.assertEqual([own], [view['id'] for view in plain.items])
        for who in (COLLEAGUE, context('member', user_id=None)):
            nothing = secrets.page(who, query(acl_only=True))
            self.assertEqual(([], 0), nothing)

    def test_needs_the_policy_of_lists(self) -> None:
        reader = context('reader', user_id='reader')
        with self.assertRaises(errors.Forbidden):
            self.conductor.secrets.page(reader, query(acl_only=True))
