# Thin: every target is a line or two; CMake does the work. `make help` lists them.
BUILD_TYPE ?= release
BUILD      := build/$(BUILD_TYPE)
PREFIX     ?= /usr/local
JOBS       ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
MAKEFLAGS  += --no-print-directory
# A release build for people needs neither tests nor benchmarks.
release_flags := -DIDENTIFY_TESTS=OFF -DIDENTIFY_BENCH=OFF -DIDENTIFY_TOOLS=OFF

SHOTS := build/screenshots

.PHONY: all help deps demo test check asan tsan interop rivals bench fuzz fmt screenshots install deb clean
all: deps ## build the program and the libraries
	@cmake -S . -B $(BUILD) --preset $(BUILD_TYPE) $(if $(filter release,$(BUILD_TYPE)),$(release_flags)) > build.log 2>&1 || { cat build.log; exit 1; }
	@rm -f build.log
	cmake --build $(BUILD) -j $(JOBS)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile

deps: ## install what is missing (apt with root or sudo; otherwise the command is printed)
	@tools/deps.sh build

demo: all ## index the example collection, verify it, identify the camera frames
	@tools/demo.sh $(BUILD)/dlf-identify

test: ## build for development and run every test
	@tools/deps.sh build test
	@cmake -S . -B build/dev --preset dev > /dev/null
	cmake --build build/dev -j $(JOBS)
	cd build/dev && ctest -j $(JOBS) --output-on-failure

check: ## what CI runs
	.ci/run

asan tsan: ## the tests under AddressSanitizer and UBSan, or ThreadSanitizer
	@tools/deps.sh build test ci
	@cmake -S . -B build/$@ --preset $@ > /dev/null
	cmake --build build/$@ -j $(JOBS)
	cd build/$@ && ctest -j $(JOBS) --output-on-failure

interop: ## CLIP, heads, weights and indexes against the real PyTorch
	@tools/deps.sh build test interop
	@cmake -S . -B build/dev --preset dev > /dev/null
	cmake --build build/dev -j $(JOBS) --target dlf-identify unit_format_test_tensors
	for script in tests/interop/test_*.py; do IDENTIFY_BUILD_DIR=build/dev /usr/bin/python3 $$script || exit 1; done

rivals: ## install what `make bench` compares with: PyTorch, oneDNN, ONNX Runtime, FastAPI
	@tools/deps.sh build test interop rivals
	npm install --ignore-scripts --no-save --prefix build/rivals onnxruntime-node@1.30.0

bench: ## print every figure with its baseline, as JSON
	@tools/deps.sh build test
	@cmake -S . -B build/bench --preset release > /dev/null
	@cmake --build build/bench -j $(JOBS) > /dev/null
	@bench/run build/bench

screenshots: ## every state of the live page at four widths in both themes, as PNG
	@tools/deps.sh test
	IDENTIFY_BUILD_DIR=build/dev node tests/web/run.mjs screenshots.mjs $(SHOTS)
	IDENTIFY_BUILD_DIR=build/dev node tests/web/run.mjs readme_picture.mjs $(SHOTS)/readme.jpg

fuzz: ## run every fuzz target for FUZZ_SECONDS (60)
	@tools/deps.sh build test ci
	@cmake -S . -B build/fuzz --preset fuzz > /dev/null
	cmake --build build/fuzz -j $(JOBS)
	tools/fuzz.sh build/fuzz

fmt: ## format the sources
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## install under PREFIX (DESTDIR is honoured)
	cmake --install $(BUILD) --prefix $(PREFIX)

deb: ## make a Debian package in build/deb
	@tools/deps.sh build
	@cmake -S . -B build/deb --preset release -DCMAKE_INSTALL_PREFIX=/usr $(release_flags) -DIDENTIFY_PACKAGE=ON > /dev/null
	cmake --build build/deb -j $(JOBS)
	cd build/deb && cpack -G DEB > cpack.log || { cat cpack.log; exit 1; }
	@ls build/deb/*.deb

clean: ## remove every build
	rm -rf build
