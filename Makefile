# Thin: every target is a line or two; CMake does the work. `make help` lists them.
BUILD_TYPE ?= release
BUILD      := build/$(BUILD_TYPE)
PREFIX     ?= /usr/local
JOBS       ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

.PHONY: all help deps configure test demo check bench fuzz fmt install clean
all: configure ## build the program and the libraries
	cmake --build $(BUILD) -j $(JOBS)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile

deps: ## install what is missing (apt with root or sudo; otherwise print the command)
	@tools/deps.sh build

configure: deps
	@cmake -S . -B $(BUILD) --preset $(BUILD_TYPE) > /dev/null

fmt: ## format the sources
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## install under PREFIX (DESTDIR is honoured)
	cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## remove every build
	rm -rf build
