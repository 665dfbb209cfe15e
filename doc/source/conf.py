# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration; `make docs` builds with warnings as errors."""

project = 'secretstore'
author = 'The secretstore developers'
copyright = '2026, The secretstore developers'
extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'oslo_policy.sphinxpolicygen',
]

config_generator_config_file = [
    ('../../etc/secretstore/config-generator.conf', '_static/secretstore'),
]
policy_generator_config_file = [
    ('../../etc/secretstore/policy-generator.conf', '_static/secretstore'),
]

html_theme = 'openstackdocs'
html_static_path = ['_static']
openstackdocs_auto_name = False
openstackdocs_bug_project = 'secretstore'
pygments_style = 'native'
