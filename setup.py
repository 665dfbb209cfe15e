# SPDX-License-Identifier: Apache-2.0
import setuptools

# pbr takes the version from git and the requirements from requirements.txt;
# everything else is in setup.cfg.
setuptools.setup(pbr=True)
