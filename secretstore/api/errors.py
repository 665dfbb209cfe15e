# SPDX-License-Identifier: Apache-2.0
"""The one table from what went wrong to what the caller is told."""

import json
import logging

import webob
import webob.exc

from secretstore import errors

LOG = logging.getLogger(__name__)

# Long enough not to be a flood, short enough for a client that retries.
RETRY_AFTER_SECONDS = '5'

STATUS: dict[type[errors.SecretStoreError], int] = {
    errors.InvalidInput: 400,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.NotAcceptable: 406,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotOwner: 403,
    errors.QuotaReached: 403,
    errors.Unavailable: 503,
    errors.SecretStoreError: 500,
}


# Stable: clients of the Workflow API decide by them.
CODES: dict[type[errors.SecretStoreError], str] = {
    errors.InvalidInput: 'invalid_input',
    errors.PayloadTooLarge: 'payload_too_large',
    errors.UnsupportedMediaType: 'unsupported_media_type',
    errors.NotAcceptable: 'not_acceptable',
    errors.NotFound: 'not_found',
    errors.Conflict: 'conflict',
    errors.Unauthenticated: 'unauthenticated',
    errors.Forbidden: 'forbidden',
    errors.NotOwner: 'not_owner',
    errors.QuotaReached: 'quota_reached',
    errors.Corrupt: 'corrupt',
    errors.MasterKeyNotFound: 'master_key_not_found',
    errors.DatabaseUnavailable: 'database_unavailable',
    errors.MasterKeyUnusable: 'master_key_unusable',
    errors.MasterKeyUnavailable: 'master_key_unavailable',
    errors.Unavailable: 'unavailable',
    errors.SecretStoreError: 'internal_error',
}


class IssueSeen(errors.SecretStoreError):
    """A refusal that the API itself words, in Barbican's frame."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


# Told in Barbican's frame.
_FRAMED = (
    IssueSeen,
    errors.HasConsumers,
    errors.NotSealed,
    errors.QuotaReached,
)


def status_of(error: Exception) -> int:
    """The HTTP status of an error; 500 for one without a name."""
    for known in type(error).__mro__:
        if known in STATUS:
            return STATUS[known]
    return 500


def code_of(error: Exception) -> str:
    """The stable code of an error; internal_error for one without a name."""
    for known in type(error).__mro__:
        if known in CODES:
            return CODES[known]
    return CODES[errors.SecretStoreError]


def coded(
    status: int,
    code: str,
    message: str,
    request_id: str,
    headers: dict[str, str] | None = None,
) -> webob.Response:
    """An error body as clients of the Workflow API read it."""
    body = {'code': code, 'message': message, 'request_id': request_id}
    answer = webob.Response(
        status=status,
        body=json.dumps({'error': body}).encode(),
        content_type='application/json',
        charset=None,
    )
    answer.headers.update(headers or {})
    return answer


def response(
    status: int, description: str, headers: dict[str, str] | None = None
) -> webob.Response:
    """An error body as Barbican's clients read it."""
    title = webob.exc.status_map[status].title
    body = {'code': status, 'title': title, 'description': description}
    answer = webob.Response(
        status=status,
        body=json.dumps(body).encode(),
        content_type='application/json',
        charset=None,
    )
    answer.headers.update(headers or {})
    return answer


def _away(error: errors.Unavailable) -> str:
    # Messages are for the operator and name files and hosts.
    if isinstance(error, errors.MasterKeyUnusable):
        return 'the master key is not usable until an operator sees to it.'
    if isinstance(error, errors.MasterKeyUnavailable):
        return 'the master key is not available.'
    if isinstance(error, errors.ConductorUnavailable):
        return 'the conductor is not available.'
    return 'the database is not available.'


def _unavailable(
    status: int, error: errors.Unavailable, operation: str
) -> webob.Response:
    headers = {'Retry-After': RETRY_AFTER_SECONDS}
    level = logging.WARNING
    if isinstance(error, errors.MasterKeyUnusable):
        # To repeat the request before somebody has mended it is in vain.
        headers, level = {}, logging.ERROR
    LOG.log(level, '%s: answered 503: %s', operation, error.message)
    words = f'{operation} is not possible at the moment - {_away(error)}'
    return response(status, words, headers)


def from_exception(error: Exception, operation: str) -> webob.Response:
    """What to answer when *operation* ended with *error*, with a log line.

    :param operation: the words the message begins with ('Secret creation')
    """
    status = status_of(error)
    if isinstance(error, IssueSeen):
        status = error.status
    if isinstance(error, _FRAMED):
        return response(status, f'{operation} issue seen - {error}.')
    if isinstance(error, errors.Forbidden):
        return response(
            status,
            f'{operation} attempt not allowed - please review your '
            'user/project privileges',
        )
    if isinstance(error, errors.Unavailable):
        return _unavailable(status, error, operation)
    if isinstance(error, errors.Corrupt):
        LOG.error('%s: refused as corrupt: %s', operation, error.message)
        return response(
            status,
            f'{operation} failure seen - the stored record was changed and '
            'is refused as corrupt.',
        )
    if status == 500:
        LOG.error('%s failed', operation, exc_info=error)
        return response(
            status,
            f'{operation} failure seen - please contact site administrator.',
        )
    return response(status, str(error))
