# `make demo` and `make test` set up all that they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_HOME ?= .wellwise

.PHONY: demo serve test system pages examples reproductions browser third-party lint crash lab wheel docs bench bench-optimizer bench-strategies bench-tables bench-several bench-spaces bench-model bench-viewers bench-sizes bench-fleet bench-causes bench-forecasts bench-effects bench-reliability peers lock clean

demo: $(READY)
	$(BIN)/wellwise demo --home $(DEMO_HOME)

# The dashboard, with a link that signs in printed at the first start.
serve: $(READY)
	$(BIN)/wellwise serve

# Four processes on two cores: many tests wait for a device or a line.
test: $(READY)
	$(BIN)/pytest --durations=8 --numprocesses 4 --dist worksteal --ignore tests/browser --ignore tests/system --ignore tests/third_party

# What holds only as a whole: processes that are killed, full disks, lost commits, two owners, the published campaign, probabilities and what came true.
system: $(READY)
	$(BIN)/pytest --durations=8 --numprocesses 3 --dist loadfile --no-loadscope-reorder tests/system

# The dashboard in Debian's chromium, as people use it: mouse, touch, keyboard, two at once.
pages: $(READY) browser
	$(BIN)/pytest --durations=8 --numprocesses 2 --dist loadfile tests/browser --ignore tests/browser/test_examples.py

# Every example from a browser to its end, with simulated people.
examples: $(READY) browser
	$(BIN)/pytest --durations=8 tests/browser/test_examples.py

# What once went wrong in a lab, by point: which tests hold it, how many there are, and whether they do. How many of them
# failed before it was mended: python -m tests.system.reproductions --before [POINT ...], which takes most of an hour.
reproductions: $(READY) browser
	$(BIN)/python -m tests.system.reproductions
	$(BIN)/pytest -m reproduction --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Our pumps against drivers and simulators that others made, and Ax and BayBE as strategies, each in an environment of its
# own.
third-party: $(READY) browser build/third-party/.ready build/crate-validator/.ready build/clients/.ready build/generator/.ready peers
	THIRD_PARTY=build/third-party/bin/python CLIENTS=build/clients/bin/python GENERATOR=build/generator/bin/python CRATE_VALIDATOR=build/crate-validator/bin/python $(BIN)/pytest --numprocesses 2 --dist loadfile tests/third_party

build/crate-validator/.ready: tests/third_party/crate-requirements.txt
	test -x build/crate-validator/bin/python || $(PYTHON) -m venv build/crate-validator
	build/crate-validator/bin/python -m pip install --quiet --disable-pip-version-check -r tests/third_party/crate-requirements.txt
	touch $@

build/clients/.ready: tests/third_party/clients-requirements.txt
	test -x build/clients/bin/python || $(PYTHON) -m venv build/clients
	build/clients/bin/python -m pip install --quiet --disable-pip-version-check -r tests/third_party/clients-requirements.txt
	touch $@

build/generator/.ready: tests/third_party/generator-requirements.txt
	test -x build/generator/bin/python || $(PYTHON) -m venv build/generator
	build/generator/bin/python -m pip install --quiet --disable-pip-version-check -r tests/third_party/generator-requirements.txt
	touch $@

build/third-party/.ready: tests/third_party/requirements.txt
	test -x build/third-party/bin/python || $(PYTHON) -m venv build/third-party
	build/third-party/bin/python -m pip install --quiet --disable-pip-version-check -r tests/third_party/requirements.txt
	touch $@

# Debian's chromium for the tests of the dashboard, where it may be installed.
browser:
	@command -v chromium > /dev/null || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null; } \
		|| echo "No chromium: the tests of the dashboard are skipped, or fail where CI is set."

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m benchmarks.house

crash: $(READY)
	$(BIN)/python -m tests.system.crash

# sdist and wheel, installed in empty environments away from the sources; every page of the service in a browser.
wheel: $(READY) browser
	$(BIN)/python -m tests.system.wheel

# The notebooks, and the site of the documentation in build/site, of which every link is followed.
docs: $(READY)
	NOTEBOOKS=1 $(BIN)/pytest tests/wellwise/test_notebooks.py
	$(BIN)/python -m tests.system.site

lab: $(READY)
	$(BIN)/python -m tests.system.lab

bench: $(READY)
	$(BIN)/python -m benchmarks

# How true its intervals are, and what a proposal costs by size.
bench-model: $(READY)
	$(BIN)/python -m benchmarks.calibration
	$(BIN)/python -m benchmarks.scale

# Many who look while a campaign runs: lost events, the time of a read, what it costs the campaign.
bench-viewers: $(READY)
	$(BIN)/python -m benchmarks.viewers

# Large rounds, and homes with many campaigns: seconds, memory, growth.
bench-sizes: $(READY)
	$(BIN)/python -m benchmarks.sizes

# A hundred campaigns on fifty virtual robots, four processes, PostgreSQL.
bench-fleet: $(READY)
	$(BIN)/python -m benchmarks.fleet

# wellwise compared with the kept results of other optimisers (benchmarks/peers.csv); PEERS=again sets Ax and BayBE up
# and makes the results of every strategy again, which takes many hours.
ALL_METHODS := wellwise ax baybe qlognei thompson sobol random published
bench-optimizer: $(READY) $(if $(PEERS),peers)
	$(BIN)/python -m benchmarks.beside_peers $(if $(PEERS),--again --methods $(ALL_METHODS))

# Ax and BayBE, each in an environment of its own below wellwise's home.
peers: $(READY)
	$(BIN)/wellwise strategy setup ax
	$(BIN)/wellwise strategy setup baybe

# The strategies beside each other over noise levels, batch sizes and dimensions: the protocol by which settings are
# chosen (tuning functions) and reported (others). SHORT=1 takes minutes, all of it a day.
bench-strategies: $(READY)
	$(BIN)/python -m benchmarks.strategies $(if $(SHORT),--short)

# the strategies on laboratory tables: TABLES=folder with a CSV file for each (see the module); SHORT=1 takes three seeds
bench-tables: $(READY)
	$(BIN)/python -m benchmarks.tables $(TABLES) $(if $(SHORT),--short)

# Several objectives and constraints on outcomes: hypervolume reached on BoTorch's test problems.
bench-several: $(READY)
	$(BIN)/python -m benchmarks.several_objectives

# Random mixtures: feasible ones filled, infeasible ones refused with a true reason, as CP-SAT judges.
bench-spaces: $(READY)
	$(BIN)/python -m benchmarks.spaces

# Whether what a forecast says comes true, on ten families of functions; about half an hour on two cores.
bench-forecasts: $(READY)
	$(BIN)/python -m benchmarks.forecasts

# Whether probabilities and intervals of the recommended condition come true on the same families.
bench-reliability: $(READY)
	$(BIN)/python -m benchmarks.reliability

# How many intervals of Sobol indices hold the true ones.
bench-effects: $(READY)
	$(BIN)/python -m benchmarks.effects

# Causal discovery compared with DirectLiNGAM and RESIT in an environment of their own.
bench-causes: $(READY) build/causal-peers/.ready
	$(BIN)/python -m benchmarks.causal --peers build/causal-peers/bin/python

build/causal-peers/.ready: benchmarks/causal-peers-requirements.txt
	test -x build/causal-peers/bin/python || $(PYTHON) -m venv build/causal-peers
	build/causal-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/causal-peers-requirements.txt
	touch $@

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(READY)

# Takes the newest packages that pyproject.toml allows, in an environment of its own.
lock:
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --editable '.[dev,docs,lab]'
	echo "# Every package that wellwise and its tests need, pinned. Made by: make lock" > requirements.lock
	build/lock/bin/python -m pip freeze --exclude-editable | sed 's/^torch==.*/torch==2.13.0/' >> requirements.lock

clean:
	rm -rf $(VENV) build .wellwise
