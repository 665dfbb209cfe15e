# SPDX-License-Identifier: Apache-2.0
"""What a Barbican answers, and what else answers in its place."""

from typing import Any

from keystoneauth1 import loading, session
from urllib3 import exceptions as connecting

_NEVER_SENT = (connecting.NewConnectionError, connecting.ConnectTimeoutError)
_ADVICE = {
    401: (
        'the credentials of [barbican] are refused: check auth_url, user, '
        'password and project'
    ),
    403: (
        'the user of [barbican] may not do this: give it the role "member" '
        '("creator" where Barbican uses its legacy policy) in its project'
    ),
}
_USUAL_ADVICE = (
    'check that Barbican and Keystone run, answer in time, and that '
    '[barbican] barbican_url or the catalog leads there'
)


class StrangeAnswer(Exception):
    """A status that Barbican has as well, but not from Barbican."""


class Session(session.Session):
    """Logs no request and no answer, which have keys in them.

    That Barbican does not have a secret is believed of Barbican alone: a
    proxy without a backend, say, answers 404 as well.
    """

    def request(self, url: str, method: str, *args: Any, **kwargs: Any) -> Any:
        kwargs['log'] = False
        answer = super().request(url, method, *args, **kwargs)
        if answer.status_code == 404 and not _is_barbicans(answer):
            # Keystone's are for keystoneauth, which looks around there.
            if '/v1/secrets/' in answer.url:
                raise StrangeAnswer(
                    'status 404, which is not an answer of Barbican itself'
                )
        return answer


class SessionLoader(loading.session.Session):
    """Makes such a session of options."""

    @property
    def plugin_class(self) -> type[session.Session]:
        return Session


def is_missing(exc: Exception) -> bool:
    """Whether Barbican has said that it does not have a secret."""
    # keystoneauth has http_status: a 404 of Keystone's is no answer about a
    # secret.
    return getattr(exc, 'status_code', None) == 404


def is_for_the_operator(exc: Exception) -> bool:
    """Whether it stays as it is until somebody changes something."""
    return _status(exc) in _ADVICE


def is_in_vain(exc: BaseException | None) -> bool:
    """Whether nothing was done: it was refused, or could not be sent."""
    if isinstance(exc, Exception) and 400 <= _status(exc) < 500:
        return True
    while exc is not None:
        if isinstance(exc, _NEVER_SENT):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def advice(exc: Exception) -> str:
    """What to do about it."""
    return _ADVICE.get(_status(exc), _USUAL_ADVICE)


def line(exc: Exception) -> str:
    """The failure in one line."""
    if _is_refused_token(exc):
        return 'the token was refused'
    text = ' '.join(str(exc).split())[:300]
    return f'{type(exc).__name__}: {text}'


def _is_barbicans(answer: Any) -> bool:
    """Whether it is about the secret, as only Barbican's own 404 are.

    For a path that is none of its own it gives no description.
    """
    try:
        body = answer.json()
    except ValueError:
        return False
    return (
        isinstance(body, dict)
        and body.get('code') == 404
        and all(body.get(name) for name in ('title', 'description'))
    )


def _status(exc: Exception) -> int:
    """What Barbican or Keystone answered; 0 when nobody did."""
    if _is_refused_token(exc):
        return 401
    status = getattr(exc, 'status_code', getattr(exc, 'http_status', None))
    return status or 0


def _is_refused_token(exc: Exception) -> bool:
    """Whether python-barbicanclient could not read the 401 of a token."""
    return isinstance(exc, KeyError) and exc.args == ('title',)
