# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, named where it happens.

None of these knows HTTP: ``secretstore.api.errors`` holds the one table
from class to status.  A message is safe to show to the caller: it never
holds a key, a payload, a token or a PIN.

::

    SecretStoreError
    +-- InvalidInput          the caller's data cannot be processed
    |   +-- InvalidObject     a body does not match its schema
    |   +-- PayloadTooLarge
    |   +-- UnsupportedMediaType
    |   +-- NotAcceptable
    |   +-- HasConsumers      somebody still uses what is to be deleted
    |   +-- NotSealed         a payload is not sealed to a key of ours
    +-- NotFound
    +-- Conflict
    +-- Unauthenticated       the proof of identity is not enough
    +-- Forbidden
    +-- NotOwner              what is to be removed belongs to others
    +-- QuotaReached          the project or the object has as many as it may
    +-- Corrupt               a stored record was changed or is not ours
    +-- MasterKeyNotFound     permanent: the custodian does not have the key
    +-- Unavailable           temporary: the same call may work later
    |   +-- ConductorUnavailable
    |   +-- DatabaseUnavailable
    |   |   +-- BeingChanged    by others, each time it was tried
    |   +-- MasterKeyUnavailable
    |       +-- MasterKeyUnusable   until somebody changes something
    +-- StartupError          the service must not start; one line says why
"""


class SecretStoreError(Exception):
    """Base of all errors with a name; ``str()`` is the safe message."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(SecretStoreError):
    """The caller's data cannot be processed; the message says why."""


class InvalidObject(InvalidInput):
    """A request body does not match its schema."""

    def __init__(self, schema: str, reason: str, prop: str | None) -> None:
        super().__init__(
            f"Provided object does not match schema '{schema}': {reason}. "
            f"Invalid property: '{prop}'"
        )


class PayloadTooLarge(InvalidInput):
    """A payload is over the configured limit."""

    def __init__(self) -> None:
        super().__init__('Provided information too large to process')


class UnsupportedMediaType(InvalidInput):
    """The body's content type is not one that the operation takes."""


class NotAcceptable(InvalidInput):
    """The answer cannot be given in a form the caller accepts."""


class NotSealed(InvalidInput):
    """A payload is not sealed to a transport key of ours, or not for this."""


class HasConsumers(InvalidInput):
    """Somebody is registered as using what is to be deleted."""


class NotFound(SecretStoreError):
    """The named object does not exist, or no longer."""


class Conflict(SecretStoreError):
    """The object's present state does not allow the operation."""


class Unauthenticated(SecretStoreError):
    """What proves the caller's identity does not say enough."""


class Forbidden(SecretStoreError):
    """Policy refuses the operation to this caller."""


class NotOwner(SecretStoreError):
    """What is to be removed belongs to somebody else; it says what."""


class QuotaReached(SecretStoreError):
    """The project, or one object, has as many of something as it may."""

    def __init__(self) -> None:
        super().__init__(
            'Creation not allowed because a quota has been reached'
        )


class Corrupt(SecretStoreError):
    """A stored record was changed, swapped, or is not one of ours."""


class MasterKeyNotFound(SecretStoreError):
    """The custodian answers, and does not have the master key."""


class Unavailable(SecretStoreError):
    """Something this service needs is away; the same call may work later."""


class ConductorUnavailable(Unavailable):
    """No conductor answered in time, or each refused what it was asked."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or did not answer in time."""


class BeingChanged(DatabaseUnavailable):
    """Others changed the same thing, each time it was tried."""


class MasterKeyUnavailable(Unavailable):
    """The custodian of the master key cannot be reached at the moment."""


class MasterKeyUnusable(MasterKeyUnavailable):
    """It works no better until somebody does what the message says.

    After that it does so without a restart, which is why it is a kind of
    ``Unavailable``; to repeat the call before is in vain.
    """


class StartupError(SecretStoreError):
    """The service must not start; the message tells the operator why."""
