# SPDX-License-Identifier: Apache-2.0
"""Whether policy lets a caller do something to a target."""

from collections.abc import Callable, Mapping
import logging
import threading
import time

from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_policy import policy

from secretstore import errors, policies
from secretstore.context import RequestContext

LOG = logging.getLogger(__name__)

# A decision costs oslo.policy about 110 us, most of it looking whether the
# policy file has changed.  Remembering it this long delays a change of the
# file by as much.
DECISION_SECONDS = 5.0
MAX_DECISIONS = 10_000

Target = Mapping[str, object]


class Authorization:
    """Asks oslo.policy, and remembers its answers for a few seconds.

    An answer is remembered for everything a rule can look at: the rule, the
    caller's identity and roles, and the target.

    :raises StartupError: when the policy file cannot be used
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        policy_opts.set_defaults(conf)
        self._enforcer = policy.Enforcer(conf)
        # Whoever asks for the legacy defaults knows that they are old.
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.register_defaults(policies.list_rules())
        _load(self._enforcer)
        # Defaults, and rules in files written for Barbican, look at this.
        self._switches: Target = {
            'enforce_new_defaults': conf.oslo_policy.enforce_new_defaults
        }
        self._clock = clock
        # The enforcer reloads a changed file in steps, and refuses whoever
        # asks between two of them.
        self._asking = threading.Lock()
        self._decisions: dict[tuple[object, ...], bool] = {}
        self._expires = 0.0

    def require(
        self, context: RequestContext, rule: str, target: Target
    ) -> None:
        """Raise Forbidden unless *rule* allows it.

        :param target: flat attributes of what is acted on, as the rules
            name them (``target.secret.project_id``); empty where the rule
            needs none
        """
        now = self._clock()
        decisions = self._decisions
        if now >= self._expires or len(decisions) >= MAX_DECISIONS:
            decisions = self._decisions = {}
            self._expires = now + DECISION_SECONDS
        key = (rule, context.policy_key(), *target.items())
        allowed = decisions.get(key)
        if allowed is None:
            allowed = decisions[key] = self._ask(context, rule, target)
        if not allowed:
            LOG.info(
                'policy %s refused user %s of project %s',
                rule,
                context.user_id,
                context.project_id,
            )
            raise errors.Forbidden(f'Policy does not allow {rule}.')

    def _ask(self, context: RequestContext, rule: str, target: Target) -> bool:
        try:
            with self._asking:
                return bool(
                    self._enforcer.authorize(
                        rule, {**self._switches, **target}, context
                    )
                )
        except policy.InvalidScope:
            return False


def _load(enforcer: policy.Enforcer) -> None:
    try:
        enforcer.load_rules()
    # A file may be wrong in ways that oslo.policy and YAML name differently.
    except Exception as error:
        reason = ' '.join(str(error).split())
        raise errors.StartupError(
            f'The policy file {enforcer.policy_path} cannot be used: {reason}'
        ) from error
