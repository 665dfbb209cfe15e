# SPDX-License-Identifier: Apache-2.0
# PYTHON=python3.12 chooses the interpreter, KEEP_GOING=1 runs the steps after
# a failed one too, STATE_DIR is where `make run` keeps its data.
SHELL = /bin/bash
STATE_DIR ?= var
export PYTHON KEEP_GOING

# The cheap ones first.
STEPS = lint types unit docs functional

# Options of the service, '--port 9312' for example.
ARGS ?=
# Options of the benchmark, --quick for example.
BENCH ?=

.PHONY: help run run-distributed test bench $(STEPS) venv format sample-config clean

help:
	@echo 'make run            prepare everything, start the service on 127.0.0.1:9311'
	@echo "                    (elsewhere: make run ARGS='--port 9312')"
	@echo 'make run-distributed  the same as 2 API processes and 2 conductors'
	@echo 'make test           prepare everything, run all checks and tests'
	@echo 'make $(firstword $(STEPS)) ...       one of: $(STEPS)'
	@echo 'make bench          measure beside Barbican, 35 minutes (BENCH=--quick: 6)'
	@echo 'make format         sort imports and format the code'
	@echo 'make sample-config  write the sample configuration and policy files'
	@echo 'make venv           only prepare .venv, with the test tools'
	@echo 'make clean          remove what was built; $(STATE_DIR) stays'

run:
	@tools/venv.sh run
	@exec .venv/bin/secretstore-standalone --state-dir '$(STATE_DIR)' $(ARGS)

run-distributed:
	@tools/venv.sh run
	@exec .venv/bin/python -m secretstore.cmd.distributed \
		--state-dir '$(STATE_DIR)' $(ARGS)

test:
	@tools/check.sh $(STEPS)

$(STEPS):
	@tools/check.sh $@

venv:
	@tools/venv.sh test

bench: venv
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -W ignore -m benchmarks $(BENCH)

format: venv
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format --quiet .

sample-config: venv
	@PATH="$(CURDIR)/.venv/bin:$$PATH" tools/step.sh sample-config

clean:
	rm -rf .venv .cache .stestr .tox .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache build dist doc/build releasenotes/build *.egg-info \
		etc/secretstore/*.sample
