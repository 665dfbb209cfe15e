# SPDX-License-Identifier: Apache-2.0
"""Policy in code, one module per resource.

Rule names are Barbican's, so that an operator's policy file keeps working;
what Barbican does not do has names of our own.
Each default holds what Barbican allows with secure RBAC and, for
[oslo_policy] enforce_new_defaults = false, what its older roles may do.
"""

from oslo_policy import policy

from secretstore.policies import (
    acls,
    base,
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

_RESOURCES = (
    secrets,
    secretmeta,
    consumers,
    containers,
    acls,
    orders,
    quotas,
    secretstores,
    transportkeys,
    namedkeys,
    masterkeys,
)


def list_rules() -> list[policy.RuleDefault]:
    """All defaults, for the enforcer and the sample generator."""
    return [*base.RULES, *(r for part in _RESOURCES for r in part.RULES)]
