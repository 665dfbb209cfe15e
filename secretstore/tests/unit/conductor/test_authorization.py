# SPDX-License-Identifier: Apache-2.0
import logging
import os
from pathlib import Path
import sys
import tempfile
import threading
from typing import Any
import unittest
import warnings

from secretstore import errors
from secretstore.conductor import authorization
from secretstore.conductor.authorization import (
    DECISION_SECONDS,
    Authorization,
)
from secretstore.policies import secrets as policy
from secretstore.tests.unit.conductor import base
from secretstore.tests.unit.conductor.base import context


def target(**fields: Any) -> dict[str, object]:
    found = {
        'project_id': base.PROJECT,
        'creator_id': base.USER,
        'read_project_access': True,
    } | fields
    return {f'target.secret.{name}': found[name] for name in found}


class AuthorizationTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / 'policy.yaml'
        self.now = 100.0
        self.written = 0

    def build(self, policy_file: str = '') -> Authorization:
        if policy_file:
            self.write(policy_file)
        text = f'[oslo_policy]\npolicy_file = {self.file}\n'
        conf = base.make_conf(self.folder, text)
        return Authorization(conf, lambda: self.now)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        # A time stamp of its own: the file may change twice in a second.
        self.written += 10
        os.utime(self.file, (1e9 + self.written, 1e9 + self.written))

    def allowed(
        self,
        subject: Authorization,
        caller: Any,
        rule: str = policy.GET,
        **fields: Any,
    ) -> bool:
        try:
            subject.require(caller, rule, target(**fields))
        except errors.Forbidden:
            return False
        return True


class MemoTest(AuthorizationTest):
    def setUp(self) -> None:
        super().setUp()
        self.subject = self.build('{}')

    def test_per_identity(self) -> None:
        for _ in range(2):
            for caller, wanted in (
                (context('member'), True),
                (context('reader'), False),
                (context('member', project_id=base.OTHER_PROJECT), False),
                (context('admin', project_id=base.OTHER_PROJECT), True),
                (context(roles=[]), False),
            ):
                found = self.allowed(self.subject, caller)
                self.assertEqual(wanted, found, caller.to_dict())

    def test_per_target(self) -> None:
        caller = context('member')
        for _ in range(2):
            for fields, wanted in (
                ({}, True),
                ({'project_id': base.OTHER_PROJECT}, False),
                ({'read_project_access': False}, True),
                (
                    {
                        'read_project_access': False,
                        'creator_id': base.OTHER_USER,
                    },
                    False,
                ),
            ):
                found = self.allowed(self.subject, caller, **fields)
                self.assertEqual(wanted, found, fields)

    def test_per_rule(self) -> None:
        caller = context('admin', project_id=base.OTHER_PROJECT)
        for _ in range(2):
            self.assertTrue(self.allowed(self.subject, caller, policy.GET))
            self.assertFalse(
                self.allowed(self.subject, caller, policy.DECRYPT)
            )

    def test_everything_that_rules_can_see_is_part_of_the_key(self) -> None:
        plain = context('member')
        keys = {plain.policy_key()}
        values = plain.to_policy_values()
        for name in values._data:  # type: ignore[attr-defined]
            other = context('member')
            changed = ['y'] if 'roles' in name else 'y'
            setattr(other, name, changed)
            self.assertEqual(changed, other.to_policy_values()[name])
            keys.add(other.policy_key())
        self.assertEqual(1 + len(values._data), len(keys))  # type: ignore

    def test_bounded(self) -> None:
        for number in range(authorization.MAX_DECISIONS + 5):
            self.subject._decisions['a', number] = True
        self.assertTrue(self.allowed(self.subject, context('member')))
        self.assertEqual(1, len(self.subject._decisions))

    def test_a_refusal_is_logged_without_the_token(self) -> None:
        caller = context('reader', auth_token='a-token')
        with self.assertLogs('secretstore', logging.INFO) as logs:
            self.assertFalse(self.allowed(self.subject, caller))
        self.assertIn(base.USER, logs.output[0])
        self.assertNotIn('a-token', logs.output[0])


class PolicyFileTest(AuthorizationTest):
    def test_a_change_is_noticed_after_the_decisions_time(self) -> None:
        subject = self.build('{}')
        member, reader = context('member'), context('reader')
        self.assertTrue(self.allowed(subject, member))
        self.write('"secret:get": "role:reader"')
        self.now += DECISION_SECONDS - 0.1
        self.assertTrue(self.allowed(subject, member))
        self.assertTrue(self.allowed(subject, reader))
        self.now += 0.1
        self.assertFalse(self.allowed(subject, member))
        self.write('{}')
        self.now += DECISION_SECONDS
        self.assertTrue(self.allowed(subject, member))
        self.assertFalse(self.allowed(subject, reader))

    def test_a_file_written_for_barbican(self) -> None:
        subject = self.build(
            '"secret:get": "True:%(enforce_new_defaults)s and '
            '(rule:secret_project_reader or rule:secret_non_private_read)"'
        )
        for role, wanted in (
            ('reader', True),
            ('observer', True),
            ('member', False),
        ):
            self.assertEqual(wanted, self.allowed(subject, context(role)))
        private = {'read_project_access': False}
        found = self.allowed(subject, context('observer'), **private)
        self.assertFalse(found)

    def test_no_file(self) -> None:
        self.assertTrue(self.allowed(self.build(), context('member')))

    def test_a_file_that_cannot_be_used_stops_the_start(self) -> None:
        for text in ('a: [', '- a list', '\t'):
            with (
                self.subTest(text),
                warnings.catch_warnings(),
                self.assertRaises(errors.StartupError) as caught,
            ):
                warnings.simplefilter('ignore')
                self.build(text)
            self.assertIn(str(self.file), caught.exception.message)
            self.assertNotIn('\n', caught.exception.message)

    def test_nobody_is_refused_while_the_file_is_read(self) -> None:
        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        sys.setswitchinterval(1e-5)
        subject = self.build('{}')
        refused: list[int] = []
        for turn in range(20):
            self.write(f'"unknown:{turn}": "role:x"')
            self.now += DECISION_SECONDS
            start = threading.Barrier(8)

            def work(number: int, start: threading.Barrier = start) -> None:
                start.wait()
                caller = context('member', user_id=str(number))
                if not self.allowed(subject, caller):
                    refused.append(number)

            threads = [
                threading.Thread(target=work, args=(number,))
                for number in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual([], refused)


class ScopeTest(AuthorizationTest):
    def test_only_tokens_of_projects(self) -> None:
        subject = self.build('{}')
        for scope in (
            {'system_scope': 'all', 'project_id': None},
            {'domain_id': 'd', 'project_id': None},
        ):
            caller = context('admin', 'member', **scope)
            for rule in (policy.CREATE, policy.LIST, policy.GET):
                with self.subTest(f'{scope} {rule}'):
                    self.assertFalse(self.allowed(subject, caller, rule))

    def test_whoever_has_no_project(self) -> None:
        subject = self.build('{}')
        for rule in (policy.DECRYPT, policy.PUT):
            caller = context('member', project_id=None)
            self.assertFalse(self.allowed(subject, caller, rule))

    def test_a_target_that_is_missing_refuses(self) -> None:
        subject = self.build('{}')
        for rule in (policy.DECRYPT, policy.PUT):
            with self.assertRaises(errors.Forbidden):
                subject.require(context('admin', 'member'), rule, {})
