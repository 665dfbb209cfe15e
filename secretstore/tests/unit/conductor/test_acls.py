# SPDX-License-Identifier: Apache-2.0
"""Access lists: what becomes of them, and whom they let in."""

from collections.abc import Callable, Sequence
import threading
from typing import Any

import sqlalchemy as sa

from secretstore import errors
from secretstore.conductor.common import utcnow
from secretstore.rpc.interface import AclView, NewAcl
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
    def setUp(self) -> None:
        super().setUp()
        self.acls = self.conductor.secret_acls
        self.secrets = self.conductor.secrets
        self.of = self.secrets.create(ME, text_secret())

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
        view = self.secrets.get(ME, self.of)
        self.assertEqual(first['updated'], view['updated'])
        self.acls.update(ME, self.of, acl())
        self.assertEqual(first, self.get())
        self.acls.update(ME, self.of, acl(['b']))
        second = self.get()
        self.assertEqual(first['created'], second['created'])
        self.assertLess(first['updated'], second['updated'])
        self.acls.delete(ME, self.of)
        # Barbican does not tell this in the secret.
        view = self.secrets.get(ME, self.of)
        self.assertEqual(second['updated'], view['updated'])

    def test_of_no_secret(self) -> None:
        gone = self.secrets.create(ME, new_secret())
        self.acls.replace(ME, gone, acl(['a']))
        self.secrets.delete(ME, gone)
        for secret_id in (UNKNOWN, gone):
            for call in self.changes(secret_id):
                with self.assertRaisesRegex(errors.NotFound, '^Secret not'):
                    call()

    def changes(self, secret_id: str) -> list[Callable[[], object]]:
        return [
            lambda: self.acls.get(ME, secret_id),
            lambda: self.acls.replace(ME, secret_id, acl(['a'])),
            lambda: self.acls.update(ME, secret_id, acl(['a'])),
            lambda: self.acls.delete(ME, secret_id),
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

    def may_read(self, who: Any) -> bool:
        try:
            self.secrets.payload(who, self.of)
        except errors.Forbidden:
            return False
        return True

    def test_without_a_user_nobody_is_named(self) -> None:
        nobody = context(roles=[], user_id=None)
        self.acls.replace(ME, self.of, acl(['', 'None'], False))
        self.assertFalse(self.may_read(nobody))
        member = context('member', user_id=None)
        self.assertEqual(
            ([], 0), self.secrets.page(member, query(acl_only=True))
        )

    def test_statements(self) -> None:
        """One more where there is a list, however long it is."""
        meta = self.conductor.secret_metadata
        uses: dict[str, Callable[[], object]] = {
            'get': lambda: self.secrets.get(ME, self.of),
            'payload': lambda: self.secrets.payload(ME, self.of),
            'metadata': lambda: meta.get_all(ME, self.of),
            'acl': lambda: self.acls.get(ME, self.of),
        }
        for count in (None, 0, 1, 700):
            if count is not None:
                users = [f'{number:032}' for number in range(count)]
                self.acls.replace(ME, self.of, acl(users))
            for name, use in uses.items():
                with self.subTest(f'{name}, {count} users'):
                    with statements(sa.Engine) as seen:
                        use()
                    expected = {'metadata': 2}.get(name, 1)
                    if count is not None and name != 'acl':
                        expected += 1
                    self.assertEqual(expected, len(seen), seen)

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
        nothing = secrets.page(COLLEAGUE, query(acl_only=True))
        self.assertEqual(([], 0), nothing)

    def test_needs_the_policy_of_lists(self) -> None:
        reader = context('reader', user_id='reader')
        with self.assertRaises(errors.Forbidden):
            self.conductor.secrets.page(reader, query(acl_only=True))
