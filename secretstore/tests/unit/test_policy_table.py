# SPDX-License-Identifier: Apache-2.0
"""Who may do what: each rule, each caller, both sets of defaults.

A row says what a caller may do to a thing that USER made in PROJECT: one
sign for what the project shares, one for what is private, and one for what
is private and names the caller in its access list. Who has no row may not.
"""

from pathlib import Path
import tempfile
from typing import ClassVar, NamedTuple
import unittest

from secretstore import errors, policies
from secretstore.conductor import targets
from secretstore.conductor.authorization import Authorization, Target
from secretstore.policies import (
    acls,
    consumers,
    containers,
    masterkeys,
    namedkeys,
    orders,
    quotas,
    secretmeta,
    secrets,
    secretstores,
    transportkeys,
)
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import context

Rows = dict[str, str]

OTHER = {'user_id': base.OTHER_USER}
ABROAD = {'project_id': base.OTHER_PROJECT}
ADMIN = ('admin', 'member', 'reader')
MEMBER = ('member', 'reader')
CALLERS = {
    'owner': context(*MEMBER),
    'owner who reads': context('reader'),
    'owner who left': context(*MEMBER, **ABROAD),
    'admin': context(*ADMIN, **OTHER),
    'member': context(*MEMBER, **OTHER),
    'reader': context('reader', **OTHER),
    'foreign admin': context(*ADMIN, **OTHER, **ABROAD),
    'foreign member': context(*MEMBER, **OTHER, **ABROAD),
    'foreign reader': context('reader', **OTHER, **ABROAD),
}
LEGACY_CALLERS = {
    'owner': context('creator'),
    'owner who observes': context('observer'),
    'owner who left': context('creator', **ABROAD),
    'admin': context('admin', **OTHER),
    'creator': context('creator', **OTHER),
    'observer': context('observer', **OTHER),
    'audit': context('audit', **OTHER),
    'service': context('key-manager:service-admin', **OTHER),
    'member': context(*MEMBER, **OTHER),
    'foreign admin': context('admin', **OTHER, **ABROAD),
    'foreign creator': context('creator', **OTHER, **ABROAD),
    'foreign observer': context('observer', **OTHER, **ABROAD),
    'foreign audit': context('audit', **OTHER, **ABROAD),
}


def rows(signs: str, callers: str) -> Rows:
    return dict.fromkeys(callers.split(', '), signs)


USE = rows('yyy', 'owner, admin') | rows('y--', 'member')
READ = dict.fromkeys(CALLERS, '--y') | USE | rows('y-y', 'member')
ANY_ADMIN = rows('yyy', 'admin, foreign admin')
READERS = dict.fromkeys(CALLERS, 'yyy')
MEMBERS = rows('yyy', 'owner, member, owner who left, foreign member')
MEMBERS |= ANY_ADMIN
OF_PROJECT = rows('yyy', 'owner, admin, member')

OLD_OWN = rows('yyy', 'admin, owner')
OLD_CHANGE = OLD_OWN | rows('y--', 'creator')
OLD_DECRYPT = (
    dict.fromkeys(LEGACY_CALLERS, '--y')
    | OLD_OWN
    | rows('y-y', 'owner who observes, creator, observer')
)
OLD_READ = OLD_DECRYPT | rows('y-y', 'audit, service')
OLD_CREATORS = rows(
    'yyy',
    'owner, owner who left, admin, creator, foreign admin, foreign creator',
)
OLD_USERS = OLD_CREATORS | rows(
    'yyy', 'owner who observes, observer, foreign observer'
)
OLD_ANY = OLD_USERS | rows('yyy', 'audit, service, foreign audit')
OLD_OF_PROJECT = rows('yyy', 'owner, owner who observes, admin, creator')
OLD_OF_PROJECT |= rows('yyy', 'observer')
OLD_CONSUMER = OLD_READ | OLD_ANY | rows('y-y', 'service')


class Expected(NamedTuple):
    """The kind of thing a rule is about, and its rows."""

    kind: str
    new: Rows
    old: Rows


SERVICE = Expected('', ANY_ADMIN, rows('yyy', 'service'))
ANYBODY = Expected('', READERS, OLD_ANY)
CREATE = Expected('', MEMBERS, OLD_CREATORS)
LIST = Expected('', MEMBERS, OLD_USERS)
ADMINS = Expected('', ANY_ADMIN, ANY_ADMIN)
CHANGE_SECRET = Expected('secret', USE, OLD_CHANGE)
READ_SECRET = Expected('secret', READ, OLD_READ)
CHANGE_CONTAINER = Expected('container', USE, OLD_CHANGE)
READ_CONTAINER = Expected('container', READ, OLD_READ)

TABLE = {
    secrets.CREATE: CREATE,
    secrets.LIST: LIST,
    secrets.GET: Expected('secret', READ | ANY_ADMIN, OLD_READ),
    secrets.DECRYPT: Expected('secret', READ, OLD_DECRYPT),
    secrets.PUT: Expected('secret', USE, rows('yyy', 'owner, admin, creator')),
    secrets.DELETE: Expected('secret', USE | ANY_ADMIN, OLD_CHANGE),
    secretmeta.GET: READ_SECRET,
    secretmeta.POST: CHANGE_SECRET,
    secretmeta.PUT: CHANGE_SECRET,
    secretmeta.DELETE: CHANGE_SECRET,
    acls.SECRET_GET: Expected('secret', USE, OLD_OF_PROJECT),
    acls.SECRET_PUT: CHANGE_SECRET,
    acls.SECRET_DELETE: CHANGE_SECRET,
    acls.CONTAINER_GET: Expected('container', USE, OLD_OF_PROJECT),
    acls.CONTAINER_PUT: CHANGE_CONTAINER,
    acls.CONTAINER_DELETE: CHANGE_CONTAINER,
    containers.CREATE: CREATE,
    containers.LIST: LIST,
    containers.GET: READ_CONTAINER,
    containers.DELETE: Expected('container', USE, OLD_OWN),
    containers.ADD_SECRET: CHANGE_CONTAINER,
    containers.DELETE_SECRET: CHANGE_CONTAINER,
    consumers.CONTAINER_GET: Expected(
        'container', READ | ANY_ADMIN, OLD_CONSUMER
    ),
    consumers.CONTAINER_LIST: READ_CONTAINER,
    consumers.CONTAINER_ADD: READ_CONTAINER,
    consumers.CONTAINER_DELETE: READ_CONTAINER,
    consumers.SECRET_LIST: READ_SECRET,
    consumers.SECRET_ADD: READ_SECRET,
    consumers.SECRET_DELETE: READ_SECRET,
    orders.CREATE: CREATE,
    orders.LIST: LIST,
    'orders:put': CREATE,
    orders.GET: Expected(
        'order', OF_PROJECT, OLD_OF_PROJECT | rows('yyy', 'audit, service')
    ),
    orders.DELETE: Expected('order', OF_PROJECT, rows('yyy', 'admin')),
    **{rule.name: SERVICE for rule in quotas.RULES},
    quotas.GET: ANYBODY,
    secretstores.LIST: ANYBODY,
    secretstores.DEFAULT: ANYBODY,
    secretstores.PREFERRED: ANYBODY,
    secretstores.GET: ANYBODY,
    secretstores.SET_PREFERRED: ADMINS,
    secretstores.UNSET_PREFERRED: ADMINS,
    transportkeys.LIST: ANYBODY,
    transportkeys.CREATE: SERVICE,
    transportkeys.GET: ANYBODY,
    transportkeys.DELETE: SERVICE,
    **{rule.name: CREATE for rule in namedkeys.RULES},
    namedkeys.BACKUP_LIST: Expected('', READERS, OLD_USERS),
    namedkeys.REPLICATION_LIST: Expected('', READERS, OLD_USERS),
    **{rule.name: SERVICE for rule in masterkeys.RULES},
}


class Row(NamedTuple):
    project_id: str = base.PROJECT
    creator_id: str | None = base.USER
    acl_project_access: bool | None = None


SHARED, PRIVATE = Row(), Row(acl_project_access=False)


def three_targets(kind: str) -> list[Target]:
    """Shared, private, and private with the caller in the access list."""
    if kind == 'order':
        return [targets.order_target(SHARED)] * 3
    if not kind:
        return [{}] * 3
    build = {
        'secret': targets.secret_target,
        'container': targets.container_target,
    }[kind]
    return [build(SHARED), build(PRIVATE), build(PRIVATE, True)]


class TableTest(unittest.TestCase):
    new: ClassVar[Authorization]
    old: ClassVar[Authorization]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with tempfile.TemporaryDirectory() as folder:
            text = '[oslo_policy]\nenforce_new_defaults = '
            cls.new, cls.old = (
                Authorization(base.make_conf(Path(folder), text + value))
                for value in ('true', 'false')
            )

    def signs(
        self, subject: Authorization, rule: str, caller: object, kind: str
    ) -> str:
        return ''.join(
            'y' if allowed(subject, rule, caller, target) else '-'
            for target in three_targets(kind)
        )

    def check(self, subject: Authorization, old: bool) -> None:
        for rule, expected in TABLE.items():
            wanted = expected.old if old else expected.new
            callers = LEGACY_CALLERS if old else CALLERS
            for name, caller in callers.items():
                found = self.signs(subject, rule, caller, expected.kind)
                with self.subTest(f'{rule} {name}'):
                    self.assertEqual(wanted.get(name, '---'), found)

    def test_secure_rbac(self) -> None:
        self.check(self.new, old=False)

    def test_legacy(self) -> None:
        self.check(self.old, old=True)

    def test_the_roles_of_one_are_nothing_in_the_other(self) -> None:
        for rule, expected in TABLE.items():
            for subject, names in (
                (self.new, ('creator', 'observer', 'audit', 'service')),
                (self.old, ('member',)),
            ):
                for name in names:
                    caller = LEGACY_CALLERS[name]
                    found = self.signs(subject, rule, caller, expected.kind)
                    with self.subTest(f'{rule} {name}'):
                        self.assertEqual('--', found[:2])

    def test_one_consumer_of_a_secret(self) -> None:
        # Barbican asks the rule for containers there, which sees none.
        rule = consumers.SECRET_GET
        for name, caller in CALLERS.items():
            found = self.signs(self.new, rule, caller, 'secret')
            self.assertEqual(ANY_ADMIN.get(name, '---'), found, name)

    def test_a_shared_thing_may_have_an_access_list(self) -> None:
        row = Row(acl_project_access=True)
        for build, rule in (
            (targets.secret_target, secrets.DECRYPT),
            (targets.container_target, containers.GET),
        ):
            for name, wanted in (('member', True), ('reader', False)):
                found = allowed(self.new, rule, CALLERS[name], build(row))
                self.assertEqual(wanted, found, name)
            listed = build(row, acl_user=True)
            stranger = CALLERS['foreign reader']
            self.assertTrue(allowed(self.new, rule, stranger, listed))

    def test_a_target_that_is_missing_refuses(self) -> None:
        admins_alone = {secrets.GET, secrets.DELETE, consumers.SECRET_GET}
        for rule, expected in TABLE.items():
            if expected.kind and rule not in admins_alone:
                with self.subTest(rule):
                    admin = CALLERS['admin']
                    self.assertFalse(allowed(self.new, rule, admin, {}))

    def test_only_tokens_of_projects(self) -> None:
        roles = (*ADMIN, 'creator', 'key-manager:service-admin')
        for scope in ({'system_scope': 'all'}, {'domain_id': 'd'}):
            caller = context(*roles, project_id=None, **scope)
            for rule, expected in TABLE.items():
                for subject in (self.new, self.old):
                    found = self.signs(subject, rule, caller, expected.kind)
                    self.assertEqual('---', found, rule)

    def test_the_table_knows_every_operation(self) -> None:
        documented = {
            rule.name
            for rule in policies.list_rules()
            if getattr(rule, 'operations', None)
        }
        self.assertEqual(documented, set(TABLE))


def allowed(
    subject: Authorization, rule: str, caller: object, target: Target
) -> bool:
    try:
        subject.require(caller, rule, target)
    except errors.Forbidden:
        return False
    return True
