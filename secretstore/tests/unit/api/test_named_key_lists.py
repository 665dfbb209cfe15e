# SPDX-License-Identifier: Apache-2.0
"""GET /workflow/v1/backups and /workflow/v1/replication-users."""

from typing import Any
import uuid

from secretstore.tests.unit.api.base import ApiTest

BACKUPS = '/workflow/v1/backups'
USERS = '/workflow/v1/replication-users'
# Upper case comes first: names are compared byte by byte.
IDS = ['B', 'a-1', 'a.2', 'a_3', 'b~4']


class NamedKeyListsTest(ApiTest):
    def setUp(self) -> None:
        super().setUp()
        self.headers['X-Project-Id'] = uuid.uuid4().hex

    def fill(self) -> list[str]:
        """The keys themselves."""
        keys = []
        for one in reversed(IDS):
            for path in (
                f'{BACKUPS}/{one}/encryption-key',
                f'{USERS}/{one}/key',
            ):
                answer = self.call('PUT', path)
                self.assertEqual(201, answer.status_int, answer.text)
                keys.append(answer.json['key'])
        return keys

    def listed(self, path: str) -> dict[str, Any]:
        answer = self.get(path)
        self.assertEqual(200, answer.status_int, answer.text)
        found: dict[str, Any] = answer.json
        return found

    def follow(self, link: str) -> dict[str, Any]:
        return self.listed(link.removeprefix('http://localhost'))

    def test_nothing(self) -> None:
        self.assertEqual({'backups': [], 'total': 0}, self.listed(BACKUPS))
        self.assertEqual(
            {'replication_users': [], 'total': 0}, self.listed(USERS)
        )

    def test_what_is_told(self) -> None:
        keys = self.fill()
        for path, name, members in (
            (BACKUPS, 'backups', ['backup_id', 'backup_name']),
            (USERS, 'replication_users', ['instance_id']),
        ):
            found = self.listed(path)
            self.assertEqual({name, 'total'}, set(found))
            self.assertEqual(len(IDS), found['total'])
            self.assertEqual(IDS, [entry[members[0]] for entry in found[name]])
            for entry in found[name]:
                self.assertEqual(
                    [*members, 'algorithm', 'mode', 'bit_length', 'created'],
                    [*entry],
                )
                self.assertEqual(256, entry['bit_length'])
            text = self.get(path).text
            for key in keys:
                self.assertNotIn(key, text)

    def test_pages(self) -> None:
        self.fill()
        page = self.listed(f'{BACKUPS}?limit=2')
        found = page['backups']
        self.assertNotIn('previous', page)
        # What comes in front meanwhile shifts nothing.
        self.call('PUT', f'{BACKUPS}/A/encryption-key')
        while 'next' in page:
            page = self.follow(page['next'])
            found += page['backups']
        self.assertEqual(IDS, [entry['backup_id'] for entry in found])

    def test_offsets(self) -> None:
        self.fill()
        page = self.listed(f'{USERS}?limit=2&offset=2')
        self.assertEqual(
            IDS[2:4], [one['instance_id'] for one in page['replication_users']]
        )
        self.assertIn(f'{USERS}?limit=2&offset=0', page['previous'])
        self.assertIn('marker=a_3', page['next'])
        beyond = self.listed(f'{USERS}?offset={2**70}')
        self.assertEqual(len(IDS), beyond['total'])

    def test_a_marker_that_is_none(self) -> None:
        answer = self.get(f'{BACKUPS}?marker=a%20b')
        self.assertEqual(400, answer.status_int)
        self.assertIn('marker', answer.json['error']['message'])

    def test_of_others(self) -> None:
        self.fill()
        self.headers['X-Project-Id'] = uuid.uuid4().hex
        self.assertEqual(0, self.listed(BACKUPS)['total'])

    def test_who_may(self) -> None:
        for roles, status in (('reader', 200), ('audit', 403), ('', 403)):
            self.headers['X-Roles'] = roles
            for path in (BACKUPS, USERS):
                self.assertEqual(status, self.get(path).status_int, roles)
