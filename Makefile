# make camp    set up everything, build the book, grade the example class
# make test    set up everything and run all tests (browser tests included)
# make check   lint, types and fast tests: the everyday part
# make serve   the book and JupyterLab on localhost
# make hub     a JupyterHub with several accounts on localhost, to try the course as a class would
# make pdf     the whole book as one PDF, build/pdf/cann-camp.pdf (needs Chromium)
# make bench   measure; writes build/bench.json
# make scoreboard   how faithful the simulation is, in figures; writes build/scoreboard/*.json (minutes)
# make clean   remove build/; your notebooks in work/ stay

PYTHON ?= python3
VENV ?= .venv
# Where to take PyTorch from, if not from pip's usual place (see README: its CPU build spares gigabytes).
TORCH_INDEX ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP_LOUD := $(BIN)/python -m pip install --disable-pip-version-check
PIP := $(PIP_LOUD) -q
SAY := @printf '\n== %s\n'
# What was uninstalled or changed since the environment was made; then it is set up again.
LACKS := $(if $(wildcard $(READY)),$(shell $(BIN)/python .ci/installed requirements.txt $(READY) 2>/dev/null || \
  echo 'its Python does not run'))

.PHONY: camp test check serve hub bench scoreboard clean site release
.DELETE_ON_ERROR:

camp: site release
	$(SAY) 'The example class is graded (or your own class, where there is one)'
	@graded=0; $(BIN)/camp grade --example-if-alone || graded=$$?; [ $$graded -le 1 ] || exit $$graded; \
	  printf '\n== The class\n'; $(BIN)/camp report && exit $$graded

site: $(READY)
	$(SAY) 'The book is built'
	@$(BIN)/python book/build.py

.PHONY: pdf
pdf: site
	@.ci/need chromium chromium
	@$(BIN)/python book/pdf.py

release: $(READY)
	$(SAY) 'The learners'"'"' notebooks are made'
	@$(BIN)/camp release

serve: site release
	$(SAY) 'Book and JupyterLab'
	@exec $(BIN)/camp serve

hub: $(READY)
	$(SAY) 'A JupyterHub on trial'
	@exec $(BIN)/camp hub --example-if-alone

test: $(READY)
	@.ci/need chromium chromium
	@.ci/need 'font:Noto Sans CJK SC' fonts-noto-cjk
	@.ci/need 'file:/usr/lib/postgresql/*/bin/initdb' postgresql
	@$(BIN)/camp hub --fetch
	@$(MAKE) --no-print-directory lint
	$(SAY) 'The book is built'
	@$(BIN)/python book/build.py
	$(SAY) 'All tests, a file at a time on each core'
	@$(BIN)/python -m pytest tests -n auto --maxprocesses 4 --dist loadfile

check: $(READY) lint
	$(SAY) 'Fast tests'
	@$(BIN)/python -m pytest tests -m 'not slow'

.PHONY: lint
lint: $(READY)
	$(SAY) 'Lint, types, imports'
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

bench: $(READY)
	$(SAY) 'Measured'
	@$(BIN)/python tests/bench/bench.py

scoreboard: $(READY)
	$(SAY) 'How faithful it is'
	@$(BIN)/python simulator/scoreboard/constants.py
	@$(BIN)/python simulator/scoreboard/cost_model.py
	@$(BIN)/python simulator/scoreboard/torch_npu_names.py
	@$(BIN)/python simulator/scoreboard/acl_names.py
	@$(BIN)/python simulator/scoreboard/op_db.py
	@$(BIN)/python simulator/scoreboard/offline_models.py --largest 8

clean:
	rm -rf build

.PHONY: again
$(READY): requirements.txt $(wildcard requirements-nodeps.txt) pyproject.toml $(if $(LACKS),again)
	@test -z '$(LACKS)' || echo 'camp: in $(VENV), $(LACKS); it is set up again'
	@test "$$($(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null)" = True || { \
	  echo "camp: '$(PYTHON)' is not Python 3.11 or newer; install one, or say which with make PYTHON=..." >&2; exit 1; }
	@case '$(TORCH_INDEX)' in ''|*://*) ;; *) \
	  echo "camp: TORCH_INDEX='$(TORCH_INDEX)' is no address; give the one that pytorch.org's selector shows" >&2; \
	  exit 1;; esac
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/need module:ensurepip python3-venv
	$(SAY) 'Set-up 1 of 4: a virtual environment in $(VENV)'
	@$(PYTHON) -m venv $(VENV) || { echo "camp: $(VENV) cannot be made; see the line above" >&2; exit 1; }
	$(SAY) 'Set-up 2 of 4: PyTorch (the largest part; minutes on a slow line)'
	@$(PIP_LOUD) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep -o '^torch==[0-9.]*' requirements.txt)" || { \
	  echo "camp: PyTorch was not installed; see pip's line above, check the network, run make again" >&2; exit 1; }
	$(SAY) 'Set-up 3 of 4: the other pinned packages'
	@$(PIP) -r requirements.txt && { [ ! -f requirements-nodeps.txt ] || $(PIP) --no-deps -r requirements-nodeps.txt; } || { \
	  echo "camp: a package was not installed; see pip's line above, check the network, run make again" >&2; exit 1; }
	$(SAY) 'Set-up 4 of 4: camp and the simulated NPU'
	@$(PIP) --no-build-isolation --no-deps -e .
	@$(BIN)/python .ci/installed >$@
