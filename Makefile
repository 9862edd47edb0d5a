# `make demo` and `make test` do all their own set-up: a virtual environment in .venv, with the wheel.
PYTHON ?= python3
VENV := .venv
# `make test NATIVE=1`: with the native front, in a virtual environment of its own, what concerns it.
# All tests: `make test NATIVE=1 PYTEST_ARGS="tests integrations"`.
ifeq ($(NATIVE),1)
VENV := .venv-native
export CREDHELPER_NATIVE := 1
PYTEST_ARGS = tests/native tests/protocols tests/hostile tests/edge tests/architecture/test_program_file.py
endif
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml $(shell find credhelper native -type f -not -path '*/__pycache__/*')
FLOOR_TESTS := tests/client tests/config/test_write.py tests/cli/test_login.py tests/cli/test_logout.py tests/cli/test_status.py
# Two more than there are processors: many a test waits for a token to expire. Each one loads all tests.
WORKERS := $(shell $(PYTHON) -c 'import os; print(2 + (os.cpu_count() or 1))')
# What a shell tells Python for other runs must not leak into ours.
CLEAN := env $(addprefix -u ,$(filter PYTHON%,$(.VARIABLES)))

.PHONY: demo test floors check bench bench-fleet clients docs proven release clean

demo: $(VENV)/.installed
	@$(CLEAN) $(BIN)/credhelper demo

test: $(VENV)/.test
	$(CLEAN) $(BIN)/pytest -n $(WORKERS) $(PYTEST_ARGS)

# The oldest version of each dependency that setup.cfg allows, in a virtual environment of its own.
floors:
	@test -x .floors/bin/python || $(CLEAN) $(PYTHON) -m venv .floors
	@sed -n '/^install_requires/,/^#/s/>=/==/p' setup.cfg > .floors/constraints.txt
	@$(CLEAN) .floors/bin/pip install --quiet --disable-pip-version-check -c .floors/constraints.txt ".[sandbox,test]"
	@$(CLEAN) .floors/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	$(CLEAN) .floors/bin/pytest -n 2 $(FLOOR_TESTS)

check: $(VENV)/.check
	$(CLEAN) $(BIN)/ruff check .
	$(CLEAN) $(BIN)/ruff format --check .
	$(CLEAN) $(BIN)/mypy
	cd benchmarks && MYPYPATH=..:../native $(CLEAN) ../$(BIN)/mypy --config-file ../pyproject.toml *.py
	$(CLEAN) $(BIN)/lint-imports

# Real clients for the tests in integrations/, each in .clients/NAME: all, or CLIENTS="boto3 rclone".
clients: $(VENV)/.test
	$(CLEAN) $(BIN)/python integrations/install.py $(CLIENTS)

# The table in docs/tools.md, from what the folders in integrations/ say of themselves; and the tree in
# docs/architecture.md, from what the modules say of themselves, with the layers; and docs/commands.md, from `--help`;
# and README's picture, from `credhelper demo`; and what people see on a terminal, in docs/first-hour.md and docs/doctor.md.
docs: $(VENV)/.test
	$(CLEAN) $(BIN)/python -m tests.support.table
	$(CLEAN) $(BIN)/python -m tests.support.tree
	$(CLEAN) $(BIN)/python -m tests.support.commands
	$(CLEAN) $(BIN)/python -m tests.support.picture
	$(CLEAN) $(BIN)/python -m tests.support.screens

# Which clients, in which versions, the tests in integrations/ pass with: into proven.toml and docs/tools.md.
proven: $(VENV)/.test
	$(CLEAN) $(BIN)/pytest --proven $(if $(PYTEST_ARGS),$(PYTEST_ARGS),integrations)
	$(CLEAN) $(BIN)/python -m tests.support.table

bench: $(VENV)/.test
	$(CLEAN) $(BIN)/python benchmarks/warm.py
	$(CLEAN) $(BIN)/python benchmarks/native.py
	$(CLEAN) $(BIN)/python benchmarks/herd.py
	$(CLEAN) $(BIN)/python benchmarks/inprocess.py
	$(CLEAN) $(BIN)/python benchmarks/growth.py
	$(CLEAN) $(BIN)/python benchmarks/growth_records.py
	$(CLEAN) $(BIN)/python benchmarks/growth_people.py
	$(CLEAN) $(BIN)/python benchmarks/kubectl.py

# What a fleet costs, with the servers of tests/support/stores.py, and a day of one, simulated: minutes.
bench-fleet: $(VENV)/.test
	$(CLEAN) $(BIN)/python benchmarks/fleet.py
	$(CLEAN) $(BIN)/python benchmarks/fleet_sim.py

# The wheel, never an editable install: its finder alone costs more than a whole warm answer.
$(VENV)/.installed: $(SOURCES)
	@test -x $(BIN)/python || $(CLEAN) $(PYTHON) -m venv $(VENV)
	@echo "installing credhelper into $(VENV)"
	@$(CLEAN) $(BIN)/pip install --quiet --disable-pip-version-check ".[sandbox]"
	@$(CLEAN) $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@$(CLEAN) $(BIN)/pip install --quiet --disable-pip-version-check ".[sandbox,test]"
	@touch $@

$(VENV)/.check: $(VENV)/.test
	@$(CLEAN) $(BIN)/pip install --quiet --disable-pip-version-check ".[sandbox,test,check]"
	@touch $@

# The wheels of a release in dist/: a pure one, and those with the native front.
release:
	@test -x .venv-release/bin/python || $(CLEAN) $(PYTHON) -m venv .venv-release
	@$(CLEAN) .venv-release/bin/pip install --quiet --disable-pip-version-check "setuptools>=70.1" ziglang
	$(CLEAN) .venv-release/bin/python -m native.release dist

clean:
	rm -rf $(VENV) .venv-* .floors .clients build dist *.egg-info
