# `make chat` and `make test` do all the set-up themselves. Needed: Linux, make, and any Python 3 with pip (or uv).
BIN := .venv/bin

.PHONY: help chat test check docs lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

chat: .venv/base.stamp ## Train the demo assistant where needed and talk to it
	@$(BIN)/emoplugin chat rasa_project

test: check ## Check and test everything
	$(BIN)/pytest -n 2 --dist loadgroup

check: .venv/dev.stamp ## Format, lint, types and architecture
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/dev.stamp ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

# The development set holds the base set in the same versions, so installing it marks both as done.
.venv/base.stamp: requirements/base.txt pyproject.toml
	@requirements/install.sh base

.venv/dev.stamp: requirements/dev.txt pyproject.toml
	@requirements/install.sh dev

LOCK := --python-version 3.10 --python-platform x86_64-manylinux_2_28 --override requirements/overrides.txt \
	--generate-hashes --no-header --no-annotate --quiet

lock: ## Resolve the requirements anew (needs uv)
	uv pip compile pyproject.toml requirements/base.in $(LOCK) --output-file requirements/base.txt
	uv pip compile pyproject.toml requirements/base.in --extra dev --extra docs \
		--constraint requirements/base.txt $(LOCK) --output-file requirements/dev.txt

clean: ## Remove what was installed and trained
	rm -rf .venv .tools rasa_project/models rasa_project/.rasa
