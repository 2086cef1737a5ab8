# Shortcuts for common tasks. The environments of test, lint, docs and bench are in tox.ini.

.POSIX:
.DEFAULT_GOAL := help
.PHONY: help demo test test-all soak coverage mutants lint docs pictures bench clean

VENV = .venv
TOX_VENV = .venv-tox
TOX = $(TOX_VENV)/bin/tox
# Additional arguments for the command of a target: make test ARGS="-- -k exact"
ARGS =
# Environments of tox.ini that make test runs; py is the first Python found.
ENVS = py,lint

help:
	@echo "make demo      open napari with a segmented image (without a display, write demo.png)"
	@echo "make test      install the test requirements, and run the tests and the lint checks"
	@echo "make test-all  run all tests, including slow ones, on every installed Python, and the lint checks"
	@echo "make soak      run random walks through the dock"
	@echo "make coverage  measure which lines and branches the tests cover"
	@echo "make mutants   change the code in small ways and list the changes that no test notices"
	@echo "make lint      check style, types and the order of imports between packages"
	@echo "make docs      build the documentation into site/"
	@echo "make pictures  make the pictures of README and docs again (ARGS=--check: only compare them)"
	@echo "make bench     compare times with other packages"
	@echo "make clean     remove the environments and all build products"

demo: $(VENV)/installed
	@if [ "$$(uname -s)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	    echo "No display was found, so napari runs on a virtual one and a screenshot is saved."; \
	    scripts/install-system-packages && rm -f demo.png && \
	    echo "Starting napari; the first start takes up to a minute, because loops over pixels are compiled." && \
	    $(VENV)/bin/napari-kmeans view --sample coins -k 2 --illumination additive --screenshot demo.png && \
	    echo "The screenshot is $$(pwd)/demo.png"; \
	else \
	    scripts/install-system-packages --check; \
	    echo "Starting napari; the first start takes up to a minute, because loops over pixels are compiled."; \
	    echo "The uneven illumination of the coins was removed. Move the Clusters slider to begin."; \
	    $(VENV)/bin/napari-kmeans view --sample coins -k 2 --illumination additive; \
	fi
	@echo
	@echo "napari-kmeans is installed as $(VENV)/bin/napari-kmeans. Try it on an image of your own:"
	@echo "    $(VENV)/bin/napari-kmeans view IMAGE.tif -k 3"
	@echo "    $(VENV)/bin/napari-kmeans segment IMAGE.tif -k 3 -o results"
	@echo "docs/tutorials continues from here."

test: $(TOX)
	@scripts/install-system-packages
	scripts/with-pythons $(TOX) run -e $(ENVS) $(ARGS)

test-all: $(TOX)
	@scripts/install-system-packages
	scripts/with-pythons $(TOX) run $(ARGS)

soak coverage mutants: $(TOX)
	@scripts/install-system-packages
	scripts/with-pythons $(TOX) run -e $@ $(ARGS)

lint: $(TOX)
	scripts/with-pythons $(TOX) run -e lint $(ARGS)

docs: $(TOX)
	scripts/with-pythons $(TOX) run -e docs $(ARGS)

pictures: $(VENV)/installed
	@scripts/install-system-packages
	xvfb-run -a -s "-screen 0 2800x1800x24" $(VENV)/bin/python scripts/dock_pictures.py $(ARGS)
	$(if $(ARGS),,$(VENV)/bin/python scripts/segment_pictures.py)

bench: $(TOX)
	scripts/with-pythons $(TOX) run -e bench $(ARGS)

clean:
	rm -rf $(VENV) $(TOX_VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build dist site demo.png

$(VENV)/installed: pyproject.toml
	@[ ! -f $(VENV) ] || rm $(VENV)  # a file of this name is a redirect from tox or virtualenv
	@echo "Installing napari and napari-kmeans into $(VENV). This takes two to five minutes, once; nothing else is changed."
	@python=$$(scripts/find-python demo) && "$$python" -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(VENV)/bin/python scripts/install-with-progress --editable '.[all]'
	@touch $@

$(TOX):
	@python=$$(scripts/find-python test) && "$$python" -m venv $(TOX_VENV)
	@$(TOX_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(TOX_VENV)/bin/python -m pip install --quiet 'tox>=4.22'
