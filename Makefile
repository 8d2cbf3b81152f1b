# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# aegress: everything is built under build/. `make help` lists the targets, V=1 shows the commands.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SECONDARY:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@true,@printf '  %-8s %s\n' $(1) $(2))

# scripts/setup installs what is missing and writes what it found (library flags, bpftool, the
# multiarch directory) into build/deps.mk; make builds an included file before anything else.
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
include build/deps.mk
endif
build/deps.mk: scripts/setup
	$(Q)scripts/setup
	$(Q)mkdir -p build && scripts/setup --flags >$@.tmp && mv $@.tmp $@

# --- flags ----------------------------------------------------------------------------------
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang-19
PREFIX ?= /usr/local
DESTDIR ?=

WARN := -Werror -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wpointer-arith -Wcast-align -Wformat=2 -Wvla -Wundef \
	-Wimplicit-fallthrough -Wredundant-decls -Wdate-time -Wno-unused-parameter \
	-Wno-missing-field-initializers
# Quoted includes only: <bpf/…> must always mean libbpf, never our own bpf/.
INCLUDES := -iquote . -iquote user -iquote build
CPPFLAGS := $(INCLUDES) -D_GNU_SOURCE $(PKG_CFLAGS)
BASE_CFLAGS := -std=gnu11 -g -fno-strict-aliasing -fno-common $(WARN)
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
SAN := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wshadow \
	-Wno-unused-parameter -D__TARGET_ARCH_$(BPF_ARCH) -iquote . -idirafter /usr/include/$(MULTIARCH)

# One source tree, four object trees: build/obj is shipped, the others find memory errors.
TREES := obj san-gcc san-clang fuzz
CC_obj = $(CC)
CC_san-gcc = gcc
CC_san-clang = $(CLANG)
CC_fuzz = $(CLANG)
CFLAGS_obj = -O2 $(HARDEN) $(CFLAGS)
CFLAGS_san-gcc = $(SAN)
CFLAGS_san-clang = $(SAN)
CFLAGS_fuzz = $(SAN) -fsanitize=fuzzer-no-link
LDFLAGS_obj = $(HARDEN_LD) $(LDFLAGS)
LDFLAGS_san-gcc = $(SAN)
LDFLAGS_san-clang = $(SAN)
LDFLAGS_fuzz = $(SAN) -fsanitize=fuzzer

# --- sources --------------------------------------------------------------------------------
ROOMS := base policy workload kube datapath observe
LIB_SRC := $(foreach r,$(ROOMS),$(wildcard user/$(r)/*.c))
DAEMON_SRC := $(wildcard user/daemon/*.c)
CLI_SRC := $(wildcard user/cli/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_UTIL := $(wildcard tests/unit/util*.c)
PROPERTY_SRC := $(wildcard tests/property/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
PROG_SRC := $(filter-out %.bpf.c,$(wildcard tests/prog/*.c))
PROG_BPF := $(wildcard tests/prog/*.bpf.c)
PARSERS_SRC := $(filter-out %.bpf.c,$(wildcard tests/parsers/*.c))
TOOL_SRC := $(filter-out %.bpf.c,$(wildcard tests/bench/*.c tests/e2e/*.c tests/bypass/*.c)) tests/kernels/guest.c tests/kernels/insns.c
GUEST_SRC := $(wildcard tests/kernels/guest_*.c)
BPF_SRC := $(wildcard bpf/*.bpf.c)
MAN := $(patsubst docs/man/%.scd,build/man/%,$(wildcard docs/man/*.scd))
C_SRC := $(LIB_SRC) $(DAEMON_SRC) $(CLI_SRC) $(UNIT_SRC) $(UNIT_UTIL) $(PROPERTY_SRC) $(PROG_SRC) \
	$(TOOL_SRC) $(GUEST_SRC) $(FUZZ_SRC)
C_SRC += $(PARSERS_SRC)
SKEL := build/gen/aegress.skel.h
PROG_SKEL := $(PROG_BPF:tests/prog/%.bpf.c=build/gen/%.skel.h)
FLOOD_SKEL := build/gen/flood.skel.h
TOOLS := $(TOOL_SRC:tests/%.c=build/%)

# $(call objs,TREE,SOURCES)
objs = $(patsubst %.c,build/$(1)/%.o,$(2))

# --- targets --------------------------------------------------------------------------------
.PHONY: all demo test test-unit test-property test-prog test-parsers test-cli test-e2e test-demo test-bypass test-clients test-observe test-k8s test-kernels \
	test-fuzz bench fuzz lint man install image clean help tidy test-programs FORCE

all: build/aegressd build/aegress $(TOOLS) ## build the daemon and the CLI (default)

demo: all ## build all, then show allowed and denied connections of three "pods" (root)
	$(Q)scripts/demo

SUITES ?= unit property prog parsers cli e2e bypass
test: test-programs ## every test suite: unit property prog parsers cli e2e bypass (root for all but the first two)
	+$(Q)tests/lib/suite.sh suites $(SUITES)

test-unit: $(UNIT_SRC:%.c=build/san-gcc/%) $(UNIT_SRC:%.c=build/san-clang/%) ## unit tests, gcc and clang, ASan+UBSan
	$(Q)tests/lib/suite.sh programs $^

# The triples of the sanitizer run are few because it is twenty times slower.
test-property: build/obj/tests/property/property build/san-gcc/tests/property/property ## random policies: compiled tables against the slow evaluator
	$(Q)tests/lib/suite.sh programs $< 'AEG_PROPERTY_TRIPLES=40000 $(word 2,$^)'

test-prog: build/obj/tests/prog/prog build/obj/tests/property/property ## the same vectors and random policies in the kernel and natively (root)
	$(Q)tests/lib/suite.sh together '$< --every 2 0' '$< --every 2 1' '$(word 2,$^) --live'

PARSERS := build/obj/tests/parsers/parsers build/tests/parsers/parsers.bpf.o \
	build/obj/tests/parsers/claims build/tests/parsers/claims.bpf.o
test-parsers: $(PARSERS) ## the parsers in the kernel and natively, on the same mutated inputs (root)
	$(Q)tests/lib/suite.sh programs '$(wordlist 1,2,$^) tests/fixtures' \
		'$(wordlist 3,4,$^)'

test-cli: all ## the CLI: golden output, bad policies
	$(Q)tests/cli/run

test-e2e: all ## real sockets in namespaces and cgroups (root)
	$(Q)tests/e2e/run

test-demo: all ## make demo as a user runs it, stopped at any moment too; nothing may be left (root)
	$(Q)tests/demo/run

test-bypass: all build/obj/tests/prog/prog ## every known way around, tried; what caught it, what arrived (root)
	$(Q)tests/bypass/run

test-clients: all ## huggingface_hub, @huggingface/*, Node 24, Go, Java against a stand-in Hub (root; PyPI and npm)
	$(Q)tests/clients/run

test-observe: all ## a real Prometheus, its rules, the dashboard; the status page in Chromium (root)
	$(Q)tests/observe/run

test-k8s: all ## a real API server, the CRDs, the chart, pods as a kubelet makes them (root; Go modules)
	$(Q)tests/kube/run

test-kernels: all ## 5.10 to the newest kernel under emulation; the verifier's work on each
	$(Q)tests/kernels/run

test-programs: all $(foreach t,san-gcc san-clang,$(UNIT_SRC:%.c=build/$(t)/%)) \
	build/obj/tests/property/property build/san-gcc/tests/property/property build/obj/tests/prog/prog

test-programs: $(PARSERS)

bench: all $(PARSERS) ## the figures: connections, names, hooks, load time, memory (root)
	$(Q)tests/bench/run

FUZZ_SECONDS ?= 30
test-fuzz fuzz: $(FUZZ_SRC:%.c=build/fuzz/%)
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $^
test-fuzz: ## run every fuzzer for FUZZ_SECONDS (30); what it finds lies in build/fuzz

lint: tidy-prepare ## formatting, static analysis, our own rules
	$(Q)scripts/lint/run

man: $(MAN) ## the manual pages

install: all man ## install below $(DESTDIR)$(PREFIX)
	install -D -m 0755 build/aegressd $(DESTDIR)$(PREFIX)/sbin/aegressd
	install -D -m 0755 build/aegress $(DESTDIR)$(PREFIX)/bin/aegress
	for page in $(MAN); do \
		install -D -m 0644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done
	for file in policies/catalogue/*.yaml; do \
		install -D -m 0644 "$$file" "$(DESTDIR)$(PREFIX)/share/aegress/catalogue/$${file##*/}"; done
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' deploy/systemd/aegressd.service.in | \
		install -D -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/aegressd.service
	build/aegress completion bash | \
		install -D -m 0644 /dev/stdin $(DESTDIR)$(PREFIX)/share/bash-completion/completions/aegress

image: all ## the container image, an OCI layout in build/image, without a container engine
	$(Q)scripts/image

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

# --- BPF ------------------------------------------------------------------------------------
build/%.bpf.o: %.bpf.c Makefile build/deps.mk | $$(@D)/.
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

# Linking drops the DWARF and keeps the BTF.
build/bpf/aegress.o: $(BPF_SRC:%.c=build/%.o)
	$(call say,BPFLINK,$@)
	$(if $^,,$(error bpf/: no *.bpf.c))
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKEL): build/bpf/aegress.o
$(PROG_SKEL): build/gen/%.skel.h: build/tests/prog/%.bpf.o
$(FLOOD_SKEL): build/tests/bench/flood.bpf.o
$(SKEL) $(PROG_SKEL) $(FLOOD_SKEL): build/gen/%.skel.h: | $$(@D)/.
	$(call say,SKEL,$@)
	$(Q){ printf '%s\n' '/* NOLINTBEGIN: generated */' '#pragma GCC system_header'; \
		$(BPFTOOL) gen skeleton $< name $*; echo '/* NOLINTEND */'; } >$@

# --- generated headers ----------------------------------------------------------------------
build/gen/version.h: FORCE | $$(@D)/.
	$(Q)version=$$(git describe --tags --match 'v*' 2>/dev/null || echo v0.1.0); \
	revision=$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown); \
	printf '#define AEG_VERSION "%s"\n#define AEG_REVISION "%s"\n' "$${version#v}" "$$revision" >$@.tmp; \
	if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi

build/gen/page.h: user/daemon/page.html scripts/page | $$(@D)/.
	$(call say,PAGE,$@)
	$(Q)scripts/page $< >$@

# --- C --------------------------------------------------------------------------------------
define tree
build/$(1)/%.o: %.c Makefile build/deps.mk | $$$$(@D)/. build/gen/version.h
	$$(call say,CC,$$@)
	$$(Q)$$(CC_$(1)) $$(CPPFLAGS) $$(BASE_CFLAGS) $$(CFLAGS_$(1)) -MMD -MP -c $$< -o $$@

build/$(1)/libaegress.a: $$(call objs,$(1),$$(LIB_SRC))
build/$(1)/libaegressd.a: $$(call objs,$(1),$$(filter-out %/main.c,$$(DAEMON_SRC)))
build/$(1)/%.a: | $$$$(@D)/.
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)

$$(call objs,$(1),$$(filter user/datapath/% user/daemon/%,$$(C_SRC)) $$(PROG_SRC) $$(PROPERTY_SRC) \
	$$(TOOL_SRC)): | $$(SKEL) build/gen/page.h

build/$(1)/tests/unit/test_%: build/$(1)/tests/unit/test_%.o $$(call objs,$(1),$$(UNIT_UTIL)) \
		build/$(1)/libaegressd.a build/$(1)/libaegress.a
	$$(call link,$(1),$$(LIBS_TEST))
build/$(1)/tests/fuzz/%: build/$(1)/tests/fuzz/%.o build/$(1)/libaegress.a
	$$(call link,$(1),$$(LIBS_TEST))
build/$(1)/tests/parsers/parsers: build/$(1)/tests/parsers/corpus.o
build/$(1)/tests/parsers/%: build/$(1)/tests/parsers/%.o
	$$(call link,$(1),$$(LIBS_TEST))
build/$(1)/tests/property/property: $$(call objs,$(1),$$(PROPERTY_SRC)) build/$(1)/libaegress.a
	$$(call link,$(1),$$(LIBS_TEST))
$$(call objs,$(1),$$(PROG_SRC)): | $$(PROG_SKEL)
$$(call objs,$(1),tests/bench/flood.c): | $$(FLOOD_SKEL)
build/$(1)/tests/prog/prog: $$(call objs,$(1),$$(PROG_SRC)) build/$(1)/libaegressd.a build/$(1)/libaegress.a
	$$(call link,$(1),$$(LIBS_TEST))
endef

# $(call link,TREE,LIBRARIES)
define link
$(call say,LINK,$@)
$(Q)$(CC_$(1)) $(LDFLAGS_$(1)) $(filter %.o,$^) $(filter %.a,$^) $(2) -o $@
endef

$(foreach t,$(TREES),$(eval $(call tree,$(t))))

build/libaegress.a: build/obj/libaegress.a
	$(Q)ln -sf obj/libaegress.a $@
build/aegressd: $(call objs,obj,$(filter %/main.c,$(DAEMON_SRC))) build/obj/libaegressd.a build/obj/libaegress.a
	$(call link,obj,$(LIBS_DAEMON))
build/aegress: $(call objs,obj,$(CLI_SRC)) build/obj/libaegress.a
	$(call link,obj,$(LIBS_CLI))
build/kernels/guest: $(call objs,obj,$(GUEST_SRC) tests/prog/wire.c)
$(TOOLS): build/%: build/obj/tests/%.o build/obj/libaegress.a | $$(@D)/.
	$(call link,obj,$(LIBS_TEST))

build/man/%: docs/man/%.scd | $$(@D)/.
	$(call say,MAN,$@)
	$(Q)scdoc <$< >$@

# --- clang-tidy: a file is analysed again only when its object would be built again -----------
TIDY := clang-tidy-19 --quiet --warnings-as-errors='*'
.PHONY: tidy-prepare
tidy-prepare: $(SKEL) $(PROG_SKEL) $(FLOOD_SKEL) build/gen/version.h build/gen/page.h
tidy: $(C_SRC:%.c=build/tidy/%.ok) $(BPF_SRC:%.c=build/tidy/%.ok)
build/tidy/bpf/%.ok: bpf/%.c build/bpf/%.o .clang-tidy | $$(@D)/.
	$(call say,TIDY,$<)
	$(Q)$(TIDY) $< -- $(BPF_CFLAGS) 2>/dev/null && touch $@
build/tidy/%.ok: %.c build/obj/%.o .clang-tidy | $$(@D)/.
	$(call say,TIDY,$<)
	$(Q)$(TIDY) $< -- $(CPPFLAGS) $(BASE_CFLAGS) 2>/dev/null && touch $@

%/.:
	$(Q)mkdir -p $@

-include $(foreach t,$(TREES),$(patsubst %.c,build/$(t)/%.d,$(C_SRC))) $(patsubst %.c,build/%.d,$(BPF_SRC) $(PROG_BPF) tests/bench/flood.bpf.c) \
	build/tests/parsers/parsers.bpf.d build/tests/parsers/claims.bpf.d
