# Everything a new machine needs: `make demo` and `make test`. See README.md.
SWIFT ?= swift
BUILD_FLAGS := -c release
# Tests reach internal declarations, and warnings are errors; a build folder of their own keeps
# `make demo` from rebuilding after `make test`.
TEST_FLAGS := -c release -Xswiftc -enable-testing --scratch-path .build-test

.PHONY: demo test test-integrations build man completions install uninstall wheel container setup lint docs schemas bench fuzz sanitize misfits killed-sweep killed-results killed-workers hostile-peers clean

demo: build
	.build/release/gradleak demo --out out/demo

build: setup
	$(SWIFT) build $(BUILD_FLAGS) --product gradleak

test: setup lint
	GRADLEAK_WARNINGS_AS_ERRORS=1 $(SWIFT) build --build-tests $(TEST_FLAGS)
	GRADLEAK_WARNINGS_AS_ERRORS=1 $(SWIFT) test --skip-build $(TEST_FLAGS)

# What needs PyTorch, Flower, NVFlare, Opacus or a browser, in a throwaway environment into which the wheel is installed.
test-integrations: build wheel
	$(SWIFT) build --build-tests $(TEST_FLAGS)
	scripts/checks/integrations.sh .build/release/gradleak out/wheel/gradleak-*.whl $(TEST_FLAGS)

# The manual (out/man) and what shells complete (out/completions), by what the program says of itself.
PROGRAM ?= .build/release/gradleak
man completions: $(if $(filter .build/release/gradleak,$(PROGRAM)),build)
man:
	$(SWIFT) build -c release --package-path $$(ls -d .build*/checkouts/swift-argument-parser | head -1) \
	  --product generate-manual --scratch-path .build-manual
	mkdir -p out/man
	.build-manual/release/generate-manual $(PROGRAM) --output-directory out/man \
	  --date $(shell git log -1 --format=%cs 2>/dev/null || date +%F)

completions:
	mkdir -p out/completions
	$(PROGRAM) --generate-completion-script bash >out/completions/gradleak.bash
	$(PROGRAM) --generate-completion-script zsh >out/completions/_gradleak
	$(PROGRAM) --generate-completion-script fish >out/completions/gradleak.fish

# The program, its manual and completions. As another user than the one who builds: `make man completions` first.
PREFIX ?= /usr/local
BIN := $(DESTDIR)$(PREFIX)/bin
SHARE := $(DESTDIR)$(PREFIX)/share
install: man completions
	install -d $(BIN) $(SHARE)/man/man1 $(SHARE)/bash-completion/completions \
	  $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	install -m 755 $(PROGRAM) $(BIN)/gradleak
	install -m 644 out/man/gradleak.1 $(SHARE)/man/man1/gradleak.1
	install -m 644 out/completions/gradleak.bash $(SHARE)/bash-completion/completions/gradleak
	install -m 644 out/completions/_gradleak $(SHARE)/zsh/site-functions/_gradleak
	install -m 644 out/completions/gradleak.fish $(SHARE)/fish/vendor_completions.d/gradleak.fish

uninstall:
	rm -f $(BIN)/gradleak $(SHARE)/man/man1/gradleak.1 $(SHARE)/bash-completion/completions/gradleak \
	  $(SHARE)/zsh/site-functions/_gradleak $(SHARE)/fish/vendor_completions.d/gradleak.fish

# What `pip install` takes: out/wheel/gradleak-VERSION-py3-none-manylinux_..._x86_64.whl.
wheel: setup
	scripts/wheel/program.sh out/wheel/gradleak
	$(MAKE) man completions PROGRAM=out/wheel/gradleak
	python3 scripts/wheel/wheel.py --program out/wheel/gradleak --man out/man \
	  --completions out/completions --out out/wheel

CONTAINER ?= $(firstword $(shell command -v docker podman))
container:
	$(CONTAINER) build -f packaging/Dockerfile \
	  -t gradleak:$(shell sed -n 's/.*current = "\(.*\)"/\1/p' Sources/Audit/Records/GradleakVersion.swift) .

# The JSON Schemas and docs/records.md, from the types that are encoded.
schemas:
	scripts/docs/schemas.py

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks Checks Examples
	scripts/checks/imports.sh

# The reference of the libraries, for any web server: out/reference/Leakage.doccarchive and others.
docs: setup
	GRADLEAK_WARNINGS_AS_ERRORS=1 $(SWIFT) package $(TEST_FLAGS) dump-symbol-graph \
	  --minimum-access-level public --skip-synthesized-members
	scripts/docs/reference.sh .build-test/*/symbolgraph out/reference

bench: setup
	Benchmarks/Comparison/run.sh

# Updates that are not what they are said to be: no good grade, no claim that does not hold.
misfits: build
	scripts/checks/misfits.py

# Twenty kills at random moments, a full disk and bad files; the results must stay as they were.
killed-sweep: build
	scripts/checks/killed-sweep.py

# 200 kills while demo, audit, report and sweep write: the old results or the new ones, whole.
killed-results: build
	scripts/checks/killed-results.py

# 20 workers of federations killed at random moments: the training goes on, or says why not.
killed-workers: build
	scripts/checks/killed-workers.py

# 100,000 messages that no honest party sends, to live federations.
hostile-peers: build
	scripts/checks/hostile-peers.py

# Mutated inputs for every reader of outside files; FUZZ_COUNT changes how many for each.
FUZZ_COUNT ?= 1000000
fuzz: setup
	$(SWIFT) build $(BUILD_FLAGS) --product FuzzReaders
	nice -n 19 .build/release/FuzzReaders --count $(FUZZ_COUNT) --corpus Tests/Fixtures

# The C kernels with address and undefined-behaviour checks, every reader of outside files with address
# checks, and the threads that share work with race checks. Separate build folders: everything is built
# anew (some ten minutes).
SANITIZED := -c debug -Xswiftc -O -Xcc -O1 -Xcc -g
MEMORY_FLAGS := $(SANITIZED) --sanitize=address -Xcc -fsanitize=undefined,float-cast-overflow \
	-Xcc -fno-sanitize-recover=undefined,float-cast-overflow --scratch-path .build-asan
THREAD_FLAGS := $(SANITIZED) --sanitize=thread --scratch-path .build-tsan
SANITIZED_INPUTS ?= 10000
sanitize: setup
	$(SWIFT) build $(MEMORY_FLAGS) --product KernelCheck
	ASAN_OPTIONS=detect_leaks=0 .build-asan/debug/KernelCheck 1
	ASAN_OPTIONS=detect_leaks=0 .build-asan/debug/KernelCheck 3 odd
	$(SWIFT) build $(MEMORY_FLAGS) --product FuzzReaders
	ASAN_OPTIONS=detect_leaks=0 .build-asan/debug/FuzzReaders --count $(SANITIZED_INPUTS) \
	  --corpus Tests/Fixtures --seconds 30 --megabytes 4096
	$(SWIFT) build $(THREAD_FLAGS) --product KernelCheck
	TSAN_OPTIONS=halt_on_error=1 .build-tsan/debug/KernelCheck 4

setup:
	@scripts/setup.sh

clean:
	rm -rf .build .build-manual .build-wheel .build-test .build-asan .build-tsan out
