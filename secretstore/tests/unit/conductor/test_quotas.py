# SPDX-License-Identifier: Apache-2.0
from typing import Any, ClassVar
import uuid

from secretstore import errors
from secretstore.context import RequestContext
from secretstore.rpc.interface import PageQuery, QuotaLimits
from secretstore.tests.unit.conductor.base import (
    ConductorTest,
    context,
    new_secret,
)

ADMIN = context('admin', 'member', 'reader', project_id='e' * 32)
FIRST: PageQuery = {'limit': 10, 'offset': 0, 'marker': None}


def limits(**given: int) -> QuotaLimits:
    every: QuotaLimits = {
        'secrets': None,
        'orders': None,
        'containers': None,
        'consumers': None,
        'cas': None,
    }
    every.update(given)  # type: ignore[typeddict-item]
    return every


class QuotasTest(ConductorTest):
    overrides: ClassVar[dict[str, Any]] = {
        'quotas__quota_secrets': 2,
        'quotas__quota_cas': 0,
    }

    def setUp(self) -> None:
        super().setUp()
        self.quotas = self.conductor.quotas
        self.project = uuid.uuid4().hex
        self.me = context('member', 'reader', project_id=self.project)

    def store(self, count: int = 1) -> list[str]:
        create = self.conductor.secrets.create
        return [create(self.me, new_secret()) for _ in range(count)]

    def test_the_configuration_holds_where_nothing_is_set(self) -> None:
        default = limits(
            secrets=2, orders=-1, containers=-1, consumers=-1, cas=0
        )
        self.assertEqual(default, self.quotas.effective(self.me))
        self.quotas.put(ADMIN, self.project, limits(orders=0, secrets=3))
        self.assertEqual(
            {**default, 'orders': 0, 'secrets': 3},
            self.quotas.effective(self.me),
        )
        self.quotas.delete(ADMIN, self.project)
        self.assertEqual(default, self.quotas.effective(self.me))

    def test_limits_of_the_configuration(self) -> None:
        first, _ = self.store(2)
        with self.assertRaises(errors.QuotaReached):
            self.store()
        self.conductor.secrets.delete(self.me, first)
        self.store()
        with self.assertRaises(errors.QuotaReached):
            self.store()

    def test_own_limits_in_place_of_them(self) -> None:
        self.quotas.put(ADMIN, self.project, limits(secrets=-1))
        self.store(5)
        self.quotas.put(ADMIN, self.project, limits(secrets=6))
        self.store()
        with self.assertRaises(errors.QuotaReached):
            self.store()
        self.quotas.delete(ADMIN, self.project)
        with self.assertRaises(errors.QuotaReached):
            self.store()

    def test_what_was_refused_left_nothing(self) -> None:
        self.quotas.put(ADMIN, self.project, limits(secrets=0))
        with self.assertRaises(errors.QuotaReached):
            self.store()
        self.quotas.put(ADMIN, self.project, limits(secrets=2))
        self.store(2)

    def test_own_limits(self) -> None:
        for call in (self.quotas.get, self.quotas.delete):
            with self.assertRaises(errors.NotFound):
                call(ADMIN, self.project)
        self.quotas.put(ADMIN, self.project, limits(containers=4))
        self.assertEqual(
            limits(containers=4), self.quotas.get(ADMIN, self.project)
        )
        page = self.quotas.page(ADMIN, FIRST)
        self.assertIn((self.project, limits(containers=4)), page.items)
        self.assertEqual(len(page.items), page.total)

    def test_who_may(self) -> None:
        self.quotas.put(ADMIN, self.project, limits())
        foreign = context('member', 'reader', project_id='f' * 32)
        for who in (self.me, foreign):
            self.assertEqual(2, self.quotas.effective(who)['secrets'])
            self.refused(who)
        nobody = context(roles=[], project_id=self.project)
        with self.assertRaises(errors.Forbidden):
            self.quotas.effective(nobody)
        self.refused(nobody)
        with self.assertRaises(errors.Forbidden):
            self.quotas.effective(context('reader', project_id=None))

    def refused(self, who: RequestContext) -> None:
        with self.assertRaises(errors.Forbidden):
            self.quotas.get(who, self.project)
        with self.assertRaises(errors.Forbidden):
            self.quotas.page(who, FIRST)
        with self.assertRaises(errors.Forbidden):
            self.quotas.put(who, self.project, limits(secrets=-1))
        with self.assertRaises(errors.Forbidden):
            self.quotas.delete(who, self.project)
