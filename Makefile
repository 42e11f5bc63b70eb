# Conduit from a clone: `make up` starts it, `make help` lists the rest.
# A machine with Python 3.11 and make is enough; everything lands in .venv, .tools and studio/.

VENV  := .venv
BIN   := $(VENV)/bin
UV    := .tools/bin/uv
LOCKS := requirements/dev.txt requirements/build.txt
SYNC  := $(VENV)/.locks-installed
READY := $(VENV)/.conduit-installed
ARGS  ?=
MINUTES ?= 5
REQUESTS ?= 1000000
# Three processes where there are two cores: many tests wait for servers, and one process alone takes
# more than ten minutes.
WORKERS ?= $(shell [ `nproc` -gt 1 ] && echo 3 || echo 0)

export UV_PYTHON_DOWNLOADS := never

# What pip has been told about mirrors and certificates holds for uv too.
ifdef PIP_INDEX_URL
UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
export UV_DEFAULT_INDEX
endif
ifdef PIP_CERT
SSL_CERT_FILE ?= $(PIP_CERT)
export SSL_CERT_FILE
endif

# The page and the messages of gRPC are built when the project is installed, so their sources count
# as sources of the install.
PROTO_SOURCES := $(shell find proto -name '*.proto' 2>/dev/null)
STUDIO_SOURCES := $(shell find studio -type f ! -path '*/node_modules/*' ! -path '*/dist/*' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: install up test device-test check lint bench soak docs lock clean help programs

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | while IFS='|' read -r a b; do printf '%-18s %s\n' "$$a" "$$b"; done

install: $(READY)  ## Make .venv with the conduit command and all test tools

up: install  ## Start Conduit and say where it is (ARGS="--port 9000")
	@trap : INT; $(BIN)/conduit up $(ARGS) || [ $$? = 130 ]

test: install programs  ## Run every test (ARGS="-k euclid" for some, WORKERS=0 in one process)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)
	@if [ -f studio/package.json ]; then $(BIN)/python tools/npm.py test; fi
	@if [ -f device/package.json ]; then $(BIN)/python tools/device_test.py; fi

device-test: install  ## Run the device for Live over a simulator, with Conduit behind it
	@$(BIN)/python tools/device_test.py

check: install  ## Format, lint, types, direction of imports, generated pages: changes nothing
	@$(BIN)/ruff format --check --quiet . || { echo "check: run 'make lint' to format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .tools/imports.log || { cat .tools/imports.log; exit 1; }
	@$(BIN)/python tools/protos.py
	@$(BIN)/python tools/reference.py --check
	@$(BIN)/python tools/pictures.py --check
	@echo "check: all good"

lint: install  ## Format, and repair what can be repaired by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install  ## Measure: import, start, overhead, rendering, the gateway beside its peers
	@for each in bench/[a-z]*.py; do \
	    case $$each in bench/soak_*) continue ;; esac; \
	    echo "== $$each"; $(BIN)/python "$$each" || exit 1; \
	done
	@for what in compare translate workers tls database; do \
	    echo "== gateway: $$what"; $(BIN)/python -m bench.gateway $$what || exit 1; \
	done

soak: install  ## What takes minutes: a server under load (MINUTES=60), a gateway (REQUESTS=…)
	@$(BIN)/python bench/soak_server.py --minutes $(MINUTES)
	@$(BIN)/python bench/soak_control.py
	@$(BIN)/python -m bench.gateway idle
	@$(BIN)/python -m bench.gateway soak --requests $(REQUESTS)
	@$(BIN)/pytest -m soak

docs: install  ## Write docs/reference from the code, and draw the pictures of pipelines
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/pictures.py

lock: $(UV)  ## Resolve the dependencies anew (ARGS=--upgrade for newer versions)
	@sh tools/lock.sh $(ARGS)

clean:  ## Remove everything that make made here; your grooves and settings stay
	@rm -rf $(VENV) .tools dist build studio/node_modules studio/dist device/node_modules src/conduit/surfaces/studio/static
	@rm -rf src/conduit/surfaces/grpc/generated
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

programs:
	@sh tools/programs.sh

$(UV): requirements/bootstrap.txt tools/bootstrap.sh
	@sh tools/bootstrap.sh
	@touch $@

$(VENV)/pyvenv.cfg: | $(UV)
	@$(UV) venv --quiet --python "$$(cat .tools/python)" $(VENV)

$(SYNC): $(LOCKS) $(VENV)/pyvenv.cfg | $(UV)
	@echo "installing the locked packages (a few minutes at most, once)"
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCKS)
	@touch $@

$(READY): $(SYNC) pyproject.toml $(wildcard hatch_build.py) $(PROTO_SOURCES) $(STUDIO_SOURCES)
	@echo "installing conduit and building its web page"
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/conduit
	@touch $@
	@echo "ready: make up, or $(BIN)/conduit --help"
