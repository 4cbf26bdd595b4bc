# Everything a new machine needs: `make demo` and `make test`. See README.md.
SWIFT ?= swift
BUILD_FLAGS := -c release
# Tests reach internal declarations, and warnings are errors; a build folder of their own keeps
# `make demo` from rebuilding after `make test`.
TEST_FLAGS := -c release -Xswiftc -enable-testing --scratch-path .build-test

.PHONY: demo test build setup lint bench fuzz killed-sweep killed-results clean

demo: build
	.build/release/gradleak demo --out out/demo

build: setup
	$(SWIFT) build $(BUILD_FLAGS) --product gradleak

test: setup lint
	GRADLEAK_WARNINGS_AS_ERRORS=1 $(SWIFT) build --build-tests $(TEST_FLAGS)
	GRADLEAK_WARNINGS_AS_ERRORS=1 $(SWIFT) test --skip-build $(TEST_FLAGS)

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks
	scripts/check-imports.sh

bench: setup
	bench/run.sh

# Twenty kills at random moments, a full disk and bad files; the results must stay as they were.
killed-sweep: build
	scripts/check-killed-sweep.py

# 200 kills while demo, audit, report and sweep write: the old results or the new ones, whole.
killed-results: build
	scripts/check-killed-results.py

# Mutated inputs for every reader of outside files; FUZZ_COUNT changes how many for each.
FUZZ_COUNT ?= 1000000
fuzz: setup
	$(SWIFT) build $(BUILD_FLAGS) --product FuzzReaders
	nice -n 19 .build/release/FuzzReaders --count $(FUZZ_COUNT) --corpus Tests/Fixtures

setup:
	@scripts/setup.sh

clean:
	rm -rf .build .build-test out
