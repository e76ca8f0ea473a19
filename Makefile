# Every target sets itself up on its first run. `make` alone lists them.
FOUNDING = protocols/rituximab-refractory-lupus-nephritis
BIN = .venv/bin
READY = .venv/.ready
PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help demo test unit test-deep check bench soak cohort docs accept clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

demo: $(READY) ## four patients' events turning into alerts
	$(BIN)/python -m trialspec check $(FOUNDING)
	$(BIN)/python -m trialspec run $(FOUNDING) $(FOUNDING)/streams --as-of 2006-01-01
	@echo; echo "Why was patient 4's second cyclophosphamide given without clearance?"; echo
	$(BIN)/python -m trialspec explain $(FOUNDING) $(FOUNDING)/streams --as-of 2006-01-01 \
		--patient patient-4 --alert dosing/given-without-clearance

test: $(READY) ## every test but the deep ones: under ten minutes
	$(PYTEST) -m "not deep and not bench"

unit: $(READY) ## the quick tests: some two minutes
	$(PYTEST) -m "not slow and not deep and not bench"

test-deep: $(READY) ## the generated laws, on very many examples: hours
	$(PYTEST) -m "deep or hypothesis" --hypothesis-profile=deep

check: $(READY) ## style, types and layers
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports --no-logo

bench: $(READY) ## how long things take, printed
	$(BIN)/python -m benchmarks.evaluate
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.proofs

soak: $(READY) ## ten million events through one monitor: is memory flat? takes long
	$(BIN)/python -m benchmarks.soak

cohort: $(READY) ## does the live engine say of 100,000 simulated patients what was decided? takes long
	$(BIN)/python -m benchmarks.cohort

docs: $(READY) ## write docs/language.md from the code
	$(BIN)/python -m trialspec docs --language > docs/language.md

accept: $(READY) ## write the snapshots anew; review the difference
	$(BIN)/python -m pytest -q --accept

clean: ## remove what tools leave behind, all but .venv
	rm -rf build dist htmlcov .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt .ci/set-up
	@PYTHON="$(PYTHON)" .ci/set-up && touch $@
