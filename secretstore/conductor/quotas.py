# SPDX-License-Identifier: Apache-2.0
"""How much a project may have: of its own and as it is configured."""

from oslo_config import cfg

from secretstore import errors
from secretstore.conductor.authorization import Authorization
from secretstore.conductor.common import project_of
from secretstore.context import RequestContext
from secretstore.db import quotas as db_quotas
from secretstore.db.engine import Database, retried
from secretstore.db.quotas import Limits
from secretstore.policies import quotas as policy
from secretstore.rpc.interface import (
    Page,
    PageQuery,
    ProjectQuotas,
    QuotaLimits,
)


def configured(conf: cfg.ConfigOpts) -> Limits:
    """The limits of projects without their own."""
    group = conf.quotas
    return Limits(*[group[f'quota_{name}'] for name in Limits._fields])


class QuotaManager:
    """Implements :class:`secretstore.rpc.interface.Quotas`."""

    def __init__(
        self,
        database: Database,
        authorization: Authorization,
        defaults: Limits,
    ) -> None:
        self._database = database
        self._authorization = authorization
        self._defaults = defaults

    @retried
    def effective(self, context: RequestContext) -> QuotaLimits:
        self._authorization.require(context, policy.GET, {})
        project_id = project_of(context)
        with self._database.reading() as connection:
            own = db_quotas.get(connection, project_id) or Limits()
        return _view(
            Limits(
                *[
                    default if limit is None else limit
                    for limit, default in zip(own, self._defaults, strict=True)
                ]
            )
        )

    @retried
    def page(
        self, context: RequestContext, query: PageQuery
    ) -> Page[ProjectQuotas]:
        self._authorization.require(context, policy.PROJECT_LIST, {})
        with self._database.reading() as connection:
            rows, total = db_quotas.page(
                connection, query['limit'], query['offset']
            )
        return Page(
            [
                ProjectQuotas(project_id, _view(limits))
                for project_id, limits in rows
            ],
            total,
        )

    @retried
    def get(self, context: RequestContext, project_id: str) -> QuotaLimits:
        self._authorization.require(context, policy.PROJECT_GET, {})
        return _view(self._load(project_id))

    def _load(self, project_id: str) -> Limits:
        with self._database.reading() as connection:
            limits = db_quotas.get(connection, project_id)
        if limits is None:
            raise errors.NotFound('Project quotas not found.')
        return limits

    @retried
    def put(
        self, context: RequestContext, project_id: str, limits: QuotaLimits
    ) -> None:
        self._authorization.require(context, policy.PROJECT_PUT, {})
        with self._database.writing() as connection:
            db_quotas.put(connection, project_id, Limits(**limits))

    @retried
    def delete(self, context: RequestContext, project_id: str) -> None:
        self._authorization.require(context, policy.PROJECT_DELETE, {})
        self._load(project_id)
        # When they are gone by now, somebody else was faster, or this is the
        # second try of a delete whose answer was lost: both mean success.
        self._remove(project_id)

    @retried
    def _remove(self, project_id: str) -> None:
        with self._database.writing() as connection:
            db_quotas.delete(connection, project_id)


def _view(limits: Limits) -> QuotaLimits:
    return {
        'secrets': limits.secrets,
        'orders': limits.orders,
        'containers': limits.containers,
        'consumers': limits.consumers,
        'cas': limits.cas,
    }
