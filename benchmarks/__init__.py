# SPDX-License-Identifier: Apache-2.0
"""Speed and memory of secretstore, as ratios to what runs beside it.

One run starts Keystone, memcached, MariaDB, Barbican, secretstore and a bare
ceiling on loopback ports, measures them in turn and stops them again. See
``benchmarks/README.rst``.
"""
