# SPDX-License-Identifier: Apache-2.0
"""How fast a token of SoftHSM wraps and unwraps: python -m benchmarks.hsm.

A rate for each number of workers, with 16 threads that ask; then what one
call costs a thread that is alone, through a worker and in the same process.
"""

from collections.abc import Callable
from concurrent import futures
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import time

from secretstore.security.pkcs11.strategy import SecurityWorkflow
from secretstore.tests.functional.services import tokens

THREADS = 16
SECONDS = 3.0
CALLS = 2000
KEY, BINDING = bytes(32), b'project key of somebody'
WORKERS = (1, 2, 4)
MECHANISMS = ('aes-gcm', 'aes-cbc-pad-hmac', 'aes-key-wrap-hmac')
_INSIDE = """
import json, sys, time
from secretstore.security.pkcs11 import messages, token
asked = json.load(sys.stdin)
opened = token.opened(messages.Open(*asked['open']))
label, key_id = asked['label'], bytes.fromhex(asked['id'])
wrap = messages.Wrap(label, key_id, bytes(32), b'b', asked['forms'])
unwrap = messages.Unwrap(label, key_id, opened.answer(wrap).result, b'b')
times = {'wrap': [], 'unwrap': []}
for name, request in (('wrap', wrap), ('unwrap', unwrap)):
    for _ in range(asked['calls']):
        began = time.perf_counter()
        opened.answer(request)
        times[name].append(time.perf_counter() - began)
print(json.dumps(times))
"""


def main() -> None:
    token = tokens.SoftHsm()
    os.environ.update(token.environment())
    print(f'{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}')
    for mechanism in MECHANISMS:
        for workers in WORKERS:
            _rates(token, mechanism, workers)
    for mechanism in MECHANISMS:
        _latencies(token, mechanism)


def _started(
    token: tokens.SoftHsm, mechanism: str, workers: int
) -> SecurityWorkflow:
    strategy = SecurityWorkflow(
        token.configuration(mechanisms=[mechanism], workers=workers)
    )
    strategy.start()
    return strategy


def _rates(token: tokens.SoftHsm, mechanism: str, workers: int) -> None:
    strategy = _started(token, mechanism, workers)
    reference = strategy.create_master_key()
    wrapped = strategy.wrap(reference, KEY, BINDING)
    wraps = _rate(lambda: strategy.wrap(reference, KEY, BINDING))
    unwraps = _rate(lambda: strategy.unwrap(reference, wrapped, BINDING))
    strategy.destroy_master_key(reference)
    strategy.stop()
    print(
        f'{mechanism:18} {workers} workers: {wraps:6.0f} wraps/s '
        f'{unwraps:6.0f} unwraps/s'
    )


def _rate(call: Callable[[], object]) -> float:
    """Calls per second of all threads together."""
    call()
    began = time.monotonic()
    end = began + SECONDS

    def work(_: int) -> int:
        count = 0
        while time.monotonic() < end:
            call()
            count += 1
        return count

    with futures.ThreadPoolExecutor(THREADS) as pool:
        count = sum(pool.map(work, range(THREADS)))
    return count / (time.monotonic() - began)


def _latencies(token: tokens.SoftHsm, mechanism: str) -> None:
    strategy = _started(token, mechanism, 1)
    custodian = strategy._custodian
    name = custodian.create()
    wrapped = custodian.wrap(name, KEY, BINDING)
    through = {
        'wrap': _times(lambda: custodian.wrap(name, KEY, BINDING)),
        'unwrap': _times(lambda: custodian.unwrap(name, wrapped, BINDING)),
    }
    asked = {
        'open': [str(token.library), token.label, '', token.pin],
        'label': name.label,
        'id': name.id.hex(),
        'forms': [mechanism],
        'calls': CALLS,
    }
    inside = json.loads(
        subprocess.run(
            [sys.executable, '-c', _INSIDE],
            input=json.dumps(asked),
            cwd=Path(__file__).parents[1],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    strategy.stop()
    for operation, times in through.items():
        print(
            f'{mechanism:18} {operation:6}: p50 {_p50(times)} us through a '
            f'worker, {_p50(inside[operation])} us in the process itself'
        )


def _times(call: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times


def _p50(times: list[float]) -> str:
    return f'{statistics.median(times) * 1e6:5.0f}'


if __name__ == '__main__':
    main()
