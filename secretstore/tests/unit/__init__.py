# SPDX-License-Identifier: Apache-2.0
import hypothesis

# How long a machine takes says nothing about what is tested.
hypothesis.settings.register_profile(
    'secretstore',
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile('secretstore')
