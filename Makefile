# `make demo` and `make test` do all their own set-up: a virtual environment in .venv, with the wheel.
PYTHON ?= python3
VENV := .venv
# `make test NATIVE=1`: with the native front, in a virtual environment of its own, what concerns it.
# All tests: `make test NATIVE=1 PYTEST_ARGS="tests integrations"`. Without it, all but those of the front.
PYTEST_ARGS = tests integrations --ignore=tests/native
ifeq ($(NATIVE),1)
VENV := .venv-native
export CREDHELPER_NATIVE := 1
PYTEST_ARGS = tests/native tests/protocols tests/hostile tests/edge tests/architecture/test_program_file.py
endif
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml $(shell find credhelper man native -type f -not -path '*/__pycache__/*')
FLOOR_TESTS := tests/client tests/config/test_write.py tests/cli/test_login.py tests/cli/test_logout.py tests/cli/test_status.py
# Two more than there are processors: many a test waits for a token to expire. Each one loads all tests.
WORKERS := $(shell $(PYTHON) -c 'import os; print(2 + (os.cpu_count() or 1))')
# What a shell tells Python for other runs must not leak into ours.
CLEAN := env $(addprefix -u ,$(filter PYTHON%,$(.VARIABLES)))

.PHONY: demo test trust floors check coverage bench bench-fleet clients docs docs-site proven constraints release release-check image clean

demo: $(VENV)/.installed
	@$(CLEAN) $(BIN)/credhelper demo

test: $(VENV)/.test
	$(CLEAN) $(BIN)/pytest -n $(WORKERS) $(PYTEST_ARGS)

# Every attack that takes too long for `make test`, with a table of each: many hours, or MINUTES=60 of it;
# all parts, or PARTS="matrices herds" (tests/trust.py names them).
trust: $(VENV)/.test
	$(CLEAN) $(BIN)/python -m tests.trust $(if $(MINUTES),--minutes $(MINUTES)) $(PARTS)

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
# docs/architecture.md, from what the modules say of themselves, with the layers; and docs/commands.md and man/, from `--help`; and docs/dependencies.md;
# and README's picture, from `credhelper demo`; and what people see on a terminal, in docs/first-hour.md and docs/doctor.md.
docs: $(VENV)/.test
	$(CLEAN) $(BIN)/python -m tests.support.table
	$(CLEAN) $(BIN)/python -m tests.support.tree
	$(CLEAN) $(BIN)/python -m tests.support.commands
	$(CLEAN) $(BIN)/python -m tests.support.man
	$(CLEAN) $(BIN)/python -m release.licences
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
PIP = $(CLEAN) $(1)/bin/pip install --quiet --disable-pip-version-check
ifeq ($(LOCKED),1)
# As in CI: each package in the version, and with the bytes, that a file names. setuptools is among them.
$(VENV)/.installed: $(SOURCES) .ci/constraints/check.txt
	@test -x $(BIN)/python || $(CLEAN) $(PYTHON) -m venv $(VENV)
	@echo "installing credhelper into $(VENV), with .ci/constraints/check.txt"
	@$(call PIP,$(VENV)) --require-hashes -r .ci/constraints/check.txt
	@$(call PIP,$(VENV)) --no-deps --no-build-isolation --force-reinstall .
	@touch $@

$(VENV)/.test $(VENV)/.check: $(VENV)/.installed
	@touch $@
else
$(VENV)/.installed: $(SOURCES)
	@test -x $(BIN)/python || $(CLEAN) $(PYTHON) -m venv $(VENV)
	@echo "installing credhelper into $(VENV)"
	@$(call PIP,$(VENV)) ".[sandbox]"
	@$(call PIP,$(VENV)) --no-deps --force-reinstall .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@$(call PIP,$(VENV)) ".[sandbox,test]"
	@touch $@

$(VENV)/.check: $(VENV)/.test
	@$(call PIP,$(VENV)) ".[sandbox,test,check]"
	@touch $@
endif

# What CI and releases install, each with its hash: for all Pythons and platforms at once.
constraints: .venv-release/.installed
	@cd .ci/constraints && for one in "check $(EXTRAS_OF_CHECK) ../../setup.cfg" \
		"image --extra fleet -c check.txt ../../setup.cfg" \
		"release $(EXTRAS_OF_RELEASE) -c check.txt ../../setup.cfg release.in" "site site.in"; do \
		set -- $$one; file=$$1; shift; \
		$(CLEAN) ../../.venv-release/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header --upgrade "$$@" -o $$file.txt || exit 1; \
	done
EXTRAS_OF_CHECK := --extra sandbox --extra test --extra check
EXTRAS_OF_RELEASE := --extra keyring --extra fleet

# Virtual environments of their own, for what builds a release and the site.
.venv-release/.installed .venv-site/.installed: .venv-%/.installed: .ci/constraints/%.txt
	@test -x .venv-$*/bin/python || $(CLEAN) $(PYTHON) -m venv .venv-$*
	@$(call PIP,.venv-$*) --require-hashes -r $<
	@touch $@

# The site in build/site/site: strict, so that no link and no anchor leads nowhere.
SITE := build/site
docs-site: $(VENV)/.test .venv-site/.installed
	$(CLEAN) $(BIN)/python -m release.site stage $(SITE)
	$(CLEAN) NO_MKDOCS_2_WARNING=1 SOURCE_DATE_EPOCH=$$(sed -n 's/^EPOCH = "\(.*\)"$$/\1/p' native/release.py) \
		.venv-site/bin/mkdocs build --quiet --strict --config-file $(SITE)/mkdocs.yml
	$(CLEAN) $(BIN)/python -m release.site check $(SITE)/site

# All files of a release in dist/: source archive, wheels, manual pages, site, SBOM, checksums.
release: docs-site .venv-release/.installed
	$(CLEAN) .venv-release/bin/python -m release.build dist $(SITE)/site

# Built again elsewhere, with the same bytes; then installed as users do it.
release-check: release
	$(CLEAN) .venv-release/bin/python -m release.twice dist $(BIN)/python .venv-site/bin/mkdocs
	$(CLEAN) .venv-release/bin/python -m release.installed dist

# How much of the package the tests run, and a refusal that none of them takes: in an environment of its own, in which
# the program files start coverage. Of some packages: make coverage PYTEST_ARGS="tests/config tests/setup".
coverage:
	@$(MAKE) --no-print-directory VENV=.venv-coverage .venv-coverage/.test
	@$(CLEAN) .venv-coverage/bin/pip install --quiet --disable-pip-version-check "coverage>=7.10"
	$(CLEAN) .venv-coverage/bin/python -m tests.coverage $(PYTEST_ARGS)

# An image of the release in dist/, built and run with buildah; BASE= another image with Python 3.11 or newer.
IMAGE := credhelper
image: .venv-release/.installed
	$(CLEAN) .venv-release/bin/python -m release.image dist $(IMAGE) $(BASE)

clean:
	rm -rf $(VENV) .venv-* .floors .coverage-data .fuzz .clients build dist *.egg-info
