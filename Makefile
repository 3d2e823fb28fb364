# `make demo` (PORT=8001 for another port) and `make test` need Python 3.10 or newer with venv, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
# Some images set it: each process that a test starts would then compile the app anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types docs graph screenshots messages bench matrix clean
.PHONY: soak soak-schedules soak-misbehaviour soak-answers soak-faults soak-kills
.PHONY: soak-processes soak-rotation soak-webhooks soak-admin soak-access soak-upgrade soak-chaos

demo: .venv/ready
	$(BIN)/python manage.py demo --port $(PORT)

# Many tests wait for a process or a time-out, so that two processors serve five of them.
test: .venv/ready
	$(BIN)/python -m pytest -n 5 -m "not thorough"

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/ready
	$(BIN)/mypy pandabase_django

# The site into docs/_build, without a network; a warning is an error. Needs Python 3.11.
docs: .venv/ready
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build
	$(BIN)/python .ci/check_site.py docs/_build

# Modules and lines of each folder, who imports whom, and the layers.
graph: .venv/ready
	$(BIN)/python .ci/graph.py

# Every admin page, light, dark and on a phone, into screenshots/ (needs Chromium).
screenshots: .venv/ready
	$(BIN)/python -m tests.browser.screenshots

# Collects what the code says into the German catalogue, and compiles it (needs gettext).
messages: .venv/ready
	cd pandabase_django && ../$(BIN)/python -m django makemessages -l de --no-location --no-obsolete -e html,py
	cd pandabase_django && ../$(BIN)/python -m django compilemessages -l de

# What takes longer than CI may, in parts that can be run alone: docs/correctness.md.
soak: soak-schedules soak-misbehaviour soak-answers soak-faults soak-kills soak-processes soak-rotation soak-webhooks soak-admin soak-access soak-upgrade

SOAK_FIRST ?= 0
SOAK_SCHEDULES ?= 10000
SOAK_MISBEHAVIOURS ?= 500
SOAK_ANSWERS ?= 500
SOAK_FAULTS ?= 50
SOAK := PANDABASE_SOAK_FIRST=$(SOAK_FIRST) $(BIN)/python -m pytest -q --timeout 7200
SCHEDULES := tests/sync/test_schedules.py

soak-schedules: .venv/ready
	PANDABASE_SOAK_SCHEDULES=$(SOAK_SCHEDULES) $(SOAK) -n 2 $(SCHEDULES) -k "test_a_catalog or test_orders"

soak-misbehaviour: .venv/ready
	PANDABASE_SOAK_MISBEHAVIOURS=$(SOAK_MISBEHAVIOURS) $(SOAK) -n 3 tests/sync/test_misbehaviour.py

soak-answers: .venv/ready
	PANDABASE_SOAK_SEEDS=$(SOAK_ANSWERS) $(SOAK) -n 2 tests/sync/orders/test_order_of_answers.py

# Many of these wait for a time-out or a retry, so that two processors serve six of them.
soak-faults: .venv/ready
	PANDABASE_SOAK_FAULTS=$(SOAK_FAULTS) $(SOAK) -n 6 $(SCHEDULES) -k test_a_fault

soak-kills: .venv/ready
	PANDABASE_SOAK_KILL_STRIDE=1 $(SOAK) -n 2 $(SCHEDULES) -k test_a_reader_killed

# Needs PostgreSQL in DATABASE_URL, and Redis.
soak-processes: .venv/ready
	PANDABASE_SOAK_KILLS=50 PANDABASE_SOAK_SIDE_BY_SIDE=20 $(SOAK) -n 2 tests/worker

soak-rotation: .venv/ready
	PANDABASE_ROTATION_MISFORTUNES=2 PANDABASE_ROTATION_SEEDS=50 $(SOAK) -n 2 tests/rotation

soak-webhooks: .venv/ready
	PANDABASE_SOAK_SEEDS=200 $(SOAK) -n 2 tests/webhooks
	PANDABASE_LOAD_SECONDS=60 PANDABASE_LOAD_RATE=200 PANDABASE_SLOW_SENDERS="0 16 200" $(SOAK) -n 0 tests/load

soak-admin: .venv/ready
	PANDABASE_SOAK_LANGUAGES=1 $(SOAK) -n 2 tests/admin/test_odd_ids.py

soak-access: .venv/ready
	PANDABASE_SOAK_ACCESS_SCHEDULES=1000 $(SOAK) -n 3 tests/purchases/test_access_schedules.py
	PANDABASE_SOAK_ACCESS=2000 $(SOAK) -n 0 tests/access/test_query.py

# Needs PostgreSQL in DATABASE_URL.
soak-upgrade: .venv/ready
	PANDABASE_SOAK_ORDERS=1000000 $(SOAK) -n 0 tests/database/test_upgrades.py

CHAOS_MINUTES ?= 60
CHAOS_SEED ?= 1

# A shop that lives through misfortunes. Needs the programs of a PostgreSQL server and of Redis.
soak-chaos: .venv/ready
	$(BIN)/python -m tests.chaos --minutes $(CHAOS_MINUTES) --seed $(CHAOS_SEED)

# Measures the sync; MEASURES="list details" and BENCH="--orders 20000" choose. docs/performance.md.
bench: .bench/ready
	.bench/bin/python -m benchmarks $(MEASURES) $(BENCH)

# A day of a shop in many deployments, each from the wheel: docs/reference/support.md, whose table it
# rewrites. ONLY="sqlite uvicorn" runs these cells, LIST=1 shows all of them and runs none.
matrix: .venv/ready
	$(BIN)/python .ci/matrix $(if $(LIST),--list) $(if $(ONLY),--only $(ONLY))

# A release up to its tag: `make release VERSION=0.2.0`. Pushing the tag publishes it.
release: .release/ready
	.release/bin/python .ci/release.py cut $(VERSION)

clean:
	rm -rf .bench .matrix .release .venv .demo build dist docs/_build *.egg-info

.venv/ready: requirements.txt setup.cfg
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

.bench/ready: requirements.txt setup.cfg benchmarks/requirements.txt
	$(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --quiet --upgrade pip
	.bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	.bench/bin/python -m pip install --quiet --no-deps -e .
	touch $@

.release/ready: .ci/release.txt
	$(PYTHON) -m venv .release
	.release/bin/python -m pip install --quiet -r .ci/release.txt
	touch $@
