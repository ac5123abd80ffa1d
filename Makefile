# make demo   set everything up and capture the bundled clip into out/ (FOOTAGE=path: your own clip)
# make test   set everything up and run the tests
# make demo LANDMARKS=path   take the landmark models from a wheel or folder, not from the network
# make check  formatting, lint, types, import contracts: what CI checks beside the tests
# make extension      build dist/pose2rig-<version>.zip
# make test-gui BLENDER=path   click through the extension in a real Blender window
# make lock   rewrite requirements/*.txt from pyproject.toml

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
FOOTAGE ?=
LANDMARKS ?=
BLENDER ?=
DEMO_NEED_MB := 2500
TEST_NEED_MB := 4000

.PHONY: help demo test test-fast check extension test-gui lock
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

define need
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "pose2rig: error: $(PYTHON) not found; expected Python 3.11 on PATH, got none;" \
	       "install Python 3.11 or run make with PYTHON=/path/to/python3.11" >&2; exit 1; }
	@free=$$(df -Pm . | awk 'NR==2 {print $$4}'); [ "$$free" -ge $(1) ] || { \
	  echo "pose2rig: error: too little disk space; expected $(1) MB free here, got $$free MB;" \
	       "free some space and run make again" >&2; exit 1; }
endef

define install
	@echo "Setting up: $(1)"
	@$(PIP) install $(1) || { \
	  echo "pose2rig: error: the set-up could not install its packages; expected a reachable" \
	       "Python package index, got the pip error above;" \
	       "check the network and run make again: it goes on where it stopped" >&2; exit 1; }
endef

$(VENV)/.demo: pyproject.toml requirements/blender.txt
	$(call need,$(DEMO_NEED_MB))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "pose2rig: error: cannot make a virtual environment; expected Python's venv module," \
	       "got the error above; on Debian and Ubuntu install python3.11-venv" >&2; exit 1; }
	@echo "The first set-up installs about 1.4 GB and takes a few minutes."
	$(call install,-r requirements/blender.txt)
	$(call install,--no-deps --editable .)
	@mkdir -p $(VENV)/links && ln -sfn ../.. $(VENV)/links/pose2rig
	@touch $@

$(VENV)/.landmarks: $(VENV)/.demo core_inference/estimators/landmark_models.py
	@$(BIN)/python -m pose2rig.core_inference.landmark_setup $(if $(LANDMARKS),--from "$(LANDMARKS)") \
	  || { echo "With make, --from PATH is: make demo LANDMARKS=PATH" >&2; exit 1; }
	@touch $@

$(VENV)/.test: $(VENV)/.landmarks requirements/research.txt requirements/dev.txt
	$(call need,$(TEST_NEED_MB))
	$(call install,-r requirements/research.txt -r requirements/dev.txt)
	@touch $@

demo: $(VENV)/.landmarks
ifeq ($(FOOTAGE),)
	@$(BIN)/python -m pose2rig.core_inference.demo assets/demo.mp4 --truth assets/demo_motion.npz --out out
else
	@$(BIN)/python -m pose2rig.core_inference.demo "$(FOOTAGE)" --out out
endif

test: $(VENV)/.test check
	@$(BIN)/python -m pytest --ignore=tests/gui

test-fast: $(VENV)/.test
	@$(BIN)/python -m pytest --ignore=tests/gui -m "not slow and not bpy"

check: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

extension: $(VENV)/.demo
	@$(BIN)/python .ci/build_extension.py

test-gui: $(VENV)/.test extension
	@test -n "$(BLENDER)" || { echo "pose2rig: error: no Blender given; expected make test-gui" \
	  "BLENDER=/path/to/blender, got nothing; say where Blender is" >&2; exit 1; }
	@BLENDER="$(BLENDER)" $(BIN)/python -m pytest tests/gui

# requirements/research.txt is kept by hand: see the note in it.
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --quiet pyproject.toml

lock: $(VENV)/.test
	$(call install,uv==0.13.8)
	@for extra in "" blender dev; do \
	  file=requirements/$${extra:-engine}.txt; \
	  $(LOCK) $${extra:+--extra $$extra} -o $$file || exit 1; \
	done
