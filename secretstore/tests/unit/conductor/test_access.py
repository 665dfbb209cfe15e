# SPDX-License-Identifier: Apache-2.0
"""Who may do what: Barbican's new defaults, as a table."""

from collections.abc import Callable

from secretstore import errors
from secretstore.context import RequestContext
from secretstore.rpc.interface import NewAcl, NewSecretConsumer, PageQuery
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
    query,
    text_secret,
)

OTHER = {'project_id': base.OTHER_PROJECT, 'user_id': base.OTHER_USER}
CALLERS = {
    'creator': context('member', 'reader'),
    'member': context('member', 'reader', user_id=base.OTHER_USER),
    'reader': context('reader', user_id=base.OTHER_USER),
    'admin': context('admin', 'member', 'reader', user_id=base.OTHER_USER),
    'nobody': context(roles=[], user_id=base.OTHER_USER),
    'creator without a role': context(roles=[]),
    'foreign member': context('member', 'reader', **OTHER),
    'foreign reader': context('reader', **OTHER),
    'foreign admin': context('admin', 'member', 'reader', **OTHER),
    'foreign creator': context(
        'member', 'reader', project_id=base.OTHER_PROJECT
    ),
    'without a project': context('admin', 'member', project_id=None),
    'of a domain': context('admin', 'member', project_id=None, domain_id='d'),
    'of the system': context(
        'admin', 'member', project_id=None, system_scope='all'
    ),
}
OWN = {'creator', 'member', 'admin'}
ABROAD = {'foreign member', 'foreign admin', 'foreign creator'}
# Barbican lets admins see and remove what is another project's, not read it.
EVERYWHERE = {'foreign admin', 'without a project'}
TABLE = {
    'create': OWN | ABROAD,
    'page': OWN | ABROAD,
    'get': OWN | EVERYWHERE,
    'delete': OWN | EVERYWHERE,
    'payload': OWN,
    'put_payload': OWN,
    'require_put': OWN,
    'get_all metadata': OWN,
    'get metadatum': OWN,
    'replace metadata': OWN,
    'add metadatum': OWN,
    'update metadatum': OWN,
    'delete metadatum': OWN,
    'list consumers': OWN,
    'add consumer': OWN,
    'remove consumer': OWN,
    'get acl': OWN,
    'replace acl': OWN,
    'update acl': OWN,
    'delete acl': OWN,
}
CONSUMER = NewSecretConsumer(
    service='image', resource_type='image', resource_id='i'
)
FIRST = PageQuery(limit=10, offset=0, marker=None)
PRIVATE = NewAcl(users=None, project_access=False)
# Of a secret that its access list makes private.
ABOUT_A_SECRET = TABLE.keys() - {'create', 'page'}
READS = {'get', 'payload', 'get_all metadata', 'get metadatum'}
READS |= {'list consumers', 'add consumer', 'remove consumer'}
# Those of the table whom a list that names OTHER_USER lets in.
LISTED = {'member', 'reader', 'nobody'}
LISTED |= {'foreign member', 'foreign reader', 'foreign admin'}


class AccessTest(ConductorTest):
    def action(
        self, name: str, acl: NewAcl | None = None
    ) -> Callable[[RequestContext], object]:
        """The operation, on a secret that is made for it."""
        secrets, meta, consumers, acls = self.conductor[:4]
        owner = CALLERS['creator']
        wanted = text_secret()
        if name in ('put_payload', 'require_put'):
            wanted = new_secret()
        of = secrets.create(owner, wanted)
        meta.add(owner, of, 'k', 'v')
        if acl is not None:
            acls.replace(owner, of, acl)
        actions: dict[str, Callable[[RequestContext], object]] = {
            'create': lambda who: secrets.create(who, new_secret()),
            'page': lambda who: secrets.page(who, query()),
            'get': lambda who: secrets.get(who, of),
            'delete': lambda who: secrets.delete(who, of),
            'payload': lambda who: secrets.payload(who, of),
            'put_payload': lambda who: secrets.put_payload(
                who, of, 'text/plain', b'x'
            ),
            'require_put': lambda who: secrets.require_put(who, of),
            'get_all metadata': lambda who: meta.get_all(who, of),
            'get metadatum': lambda who: meta.get(who, of, 'k'),
            'replace metadata': lambda who: meta.replace(who, of, {}),
            'add metadatum': lambda who: meta.add(who, of, 'n', 'v'),
            'update metadatum': lambda who: meta.update(who, of, 'k', 'w'),
            'delete metadatum': lambda who: meta.delete(who, of, 'k'),
            'list consumers': lambda who: consumers.page(who, of, FIRST),
            'add consumer': lambda who: consumers.add(who, of, CONSUMER),
            # There is none: whoever may remove it is told so.
            'remove consumer': lambda who: self.assertRaises(
                errors.NotFound, consumers.remove, who, of, CONSUMER
            ),
            'get acl': lambda who: acls.get(who, of),
            'replace acl': lambda who: acls.replace(who, of, PRIVATE),
            'update acl': lambda who: acls.update(who, of, PRIVATE),
            'delete acl': lambda who: acls.delete(who, of),
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
        for name in ABOUT_A_SECRET:
            with self.subTest(name):
                wanted = TABLE[name] - {'member'}
                self.assertEqual(wanted, self.allowed(name, PRIVATE))

    def test_private_and_shared_with_a_user(self) -> None:
        acl = NewAcl(users=[base.OTHER_USER], project_access=False)
        for name in ABOUT_A_SECRET:
            with self.subTest(name):
                wanted = TABLE[name] - {'member'}
                if name in READS:
                    wanted |= LISTED
                self.assertEqual(wanted, self.allowed(name, acl))

    def test_a_refused_change_changes_nothing(self) -> None:
        secrets = self.conductor.secrets
        owner, stranger = CALLERS['creator'], CALLERS['foreign member']
        of = secrets.create(owner, new_secret())
        for call in (
            lambda: secrets.put_payload(stranger, of, 'text/plain', b'x'),
            lambda: secrets.delete(stranger, of),
            lambda: self.conductor.secret_metadata.add(stranger, of, 'k', 'v'),
        ):
            self.assertRaises(errors.Forbidden, call)
        self.assertIsNone(secrets.get(owner, of)['content_type'])
        self.assertEqual({}, self.conductor.secret_metadata.get_all(owner, of))

    def test_what_does_not_exist_is_told_to_everybody(self) -> None:
        unknown = '6a0c8d2e-5d4b-4e2c-9a37-0123456789ab'
        for who in CALLERS.values():
            with self.assertRaises(errors.NotFound):
                self.conductor.secrets.get(who, unknown)

    def test_lists_hold_the_own_project_only(self) -> None:
        secrets = self.conductor.secrets
        mine = secrets.create(CALLERS['creator'], new_secret())
        theirs = secrets.create(CALLERS['foreign admin'], new_secret())
        page = secrets.page(CALLERS['foreign admin'], query(limit=100))
        listed = [view['id'] for view in page.items]
        self.assertIn(theirs, listed)
        self.assertNotIn(mine, listed)
