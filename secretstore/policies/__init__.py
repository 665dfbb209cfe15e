# SPDX-License-Identifier: Apache-2.0
"""Policy in code, one module per resource.

Rule names are Barbican's, so that an operator's policy file keeps working.
"""

from oslo_policy import policy

from secretstore.policies import base, secretmeta, secrets


def list_rules() -> list[policy.RuleDefault]:
    """All defaults, for the enforcer and the sample generator."""
    return [*base.RULES, *secrets.RULES, *secretmeta.RULES]
