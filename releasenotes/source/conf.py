# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the release notes."""

project = 'secretstore Release Notes'
author = 'The secretstore developers'
copyright = '2026, The secretstore developers'
extensions = ['openstackdocstheme', 'reno.sphinxext']
html_theme = 'openstackdocs'
openstackdocs_auto_name = False
openstackdocs_bug_project = 'secretstore'
pygments_style = 'native'
