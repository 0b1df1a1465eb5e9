# SPDX-License-Identifier: MIT
# The commands people type. CMake does the building: see CMakePresets.json for what is built how.
.PHONY: help setup build demo test bench bench-quick lint format docs-check debian13 clean
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)

help:  ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## install what is needed (Debian packages)
	@scripts/setup

build: setup  ## the library, the examples and the command, optimised
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target tutti_command tutti_examples

demo: setup  ## fetch 200 pages one after another, then 50 at a time
	@echo "building the command tutti (a minute or two the first time)"
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target tutti_command
	@build/release/bin/tutti demo

test: setup  ## every test: release, sanitizers
	@scripts/test

bench: setup  ## every benchmark, beside the peers that are installed
	@bench/all $(BENCH)

bench-quick: setup  ## the same in a few minutes: does everything run, and is it right
	@bench/all --quick $(BENCH)

lint: setup  ## layers, formatting, clang-tidy
	@scripts/check_layers
	@scripts/lint

format: setup  ## format every source file
	@scripts/lint --fix-format

docs-check:  ## whether the pages agree with the examples and the code
	@scripts/docs --check

debian13:  ## build and test with GCC 14 in a Debian 13 root (needs root)
	@scripts/in_debian13

clean:  ## remove everything that was built
	rm -rf build
