# weir. `make help` lists what there is.
BUILD ?= release
OUT   := build/$(BUILD)
GEN   := build/gen
CC    ?= gcc

PKGS := sqlite3 libuv jansson yaml-0.1 zlib libzstd libpcre2-8 nettle libutf8proc openssl
# libpq is loaded when a table of Postgres is used, libcurl when a server is asked: of their packages the headers are enough.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) libpq libcurl 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lhttp_parser -lmsgpackc -lxxhash -lm -lpthread

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
        -Wwrite-strings -Wpointer-arith -Wundef -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion \
        -Wno-missing-field-initializers
ifneq ($(CI),)
WARN += -Werror
endif
# Sums must not depend on the machine: no fused multiply-add behind our back.
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -fno-common -fvisibility=hidden -ffp-contract=off -fno-strict-aliasing \
              -I. -I$(GEN) $(PKG_CFLAGS) $(WARN) $(CFLAGS)
CFLAGS_release := -O2 -g -fno-omit-frame-pointer -fno-math-errno
CFLAGS_debug   := -O0 -g3 -DWR_DEBUG
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DWR_DEBUG
CFLAGS_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer -DWR_DEBUG
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -w
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread

# What a build prints: a line per file; `make V=1` prints the whole commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)$(if $(filter-out release,$(BUILD)), ($(BUILD)))')
# All cores, unless make has been told how many.
PARALLEL = $(if $(findstring j,$(MAKEFLAGS)),,-j$(shell nproc))

FOLDERS := core parser apps planner planner/nodes runtime runtime/expr runtime/ops runtime/aggs runtime/rcf runtime/tablefns state state/snapshots state/streams connectors connectors/formats server
LIB_SRC := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
CLI_SRC := $(wildcard cli/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o) $(if $(wildcard parser/sql.y),$(OUT)/gen/sql.o)
CLI_OBJ := $(CLI_SRC:%.c=$(OUT)/%.o)
LIB     := $(OUT)/libweir.a
WEIR    := $(OUT)/weir
UNITS   := $(notdir $(patsubst %/,%,$(wildcard tests/unit/*/)))

# What is missing is said before the compiler does, unless the goal installs it or needs no compiler.
ifneq ($(filter-out deps deps-test deps-dev demo test clean help format check-format check-layers check-size,$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell pkg-config --exists $(PKGS) msgpack libxxhash libpq libcurl 2>/dev/null && command -v lemon && $(CC) -E -include http_parser.h -x c /dev/null -o /dev/null 2>/dev/null),)
$(error Packages that weir is built with are missing: run make deps first, by itself; it installs them)
endif
endif

.PHONY: all
all: $(WEIR) ## build ./weir (release)
	@ln -sf $(WEIR) weir

$(WEIR): $(CLI_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_$(BUILD)) $(LDFLAGS) -rdynamic -o $@ $^ $(PKG_LIBS)

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(BUILD)) -MMD -MP -c -o $@ $<

# lemon writes its output beside its input, so it works on a copy.
$(GEN)/sql.c $(GEN)/sql.h &: parser/sql.y
	@mkdir -p $(GEN)
	$(if $(V),,@printf '  LEMON parser/sql.y\n')
	@cp parser/sql.y $(GEN)/sql.y
	$(Q)lemon -q -d$(GEN) $(GEN)/sql.y
	@touch $(GEN)/sql.h
$(OUT)/gen/sql.o: $(GEN)/sql.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -w $(CFLAGS_$(BUILD)) -Iparser -MMD -MP -c -o $@ $<
$(filter $(OUT)/parser/%,$(LIB_OBJ)): | $(if $(wildcard parser/sql.y),$(GEN)/sql.h)

# One Criterion program per folder of tests/unit.
$(OUT)/test_%: $(LIB) FORCE
	@$(MAKE) --no-print-directory BUILD=$(BUILD) NAME=$* $(OUT)/unit_$*
FORCE:
ifneq ($(NAME),)
UNIT_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/unit/$(NAME)/*.c))
$(OUT)/unit_$(NAME): $(UNIT_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_$(BUILD)) -o $@ $^ -lcriterion $(PKG_LIBS)
-include $(UNIT_OBJ:.o=.d)
endif


# ---- packages ----
DEPS      := gcc libc6-dev pkg-config lemon libsqlite3-dev libuv1-dev zlib1g-dev libzstd-dev libmsgpack-dev libxxhash-dev \
             libjansson-dev libyaml-dev libhttp-parser-dev libcurl4-openssl-dev libpcre2-dev nettle-dev libutf8proc-dev libpq-dev libssl-dev tzdata
DEPS_TEST := libcriterion-dev curl openssl python3 python3-venv libpq5 postgresql-15
DEPS_DEV  := clang clang-format clang-tidy cppcheck

.PHONY: deps deps-test deps-dev
deps: ## install the Debian packages that the build needs
	@sh tests/deps.sh $(DEPS)
deps-test: deps ## and those that the tests need
	@sh tests/deps.sh $(DEPS_TEST)
deps-dev: deps-test ## and those that make check and make format need
	@sh tests/deps.sh $(DEPS_DEV)

# ---- demo ----
DEMO_ROWS := 5000000
.PHONY: demo demo-run
demo: deps ## per-minute metrics of 5 million clicks, from nothing
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@$(MAKE) --no-print-directory demo-run
demo-run: build/demo/clicks.jsonl
	@sh examples/demo.sh
# One worker: the rows of several would stand in the file as they happened to be written, some of them too late.
build/demo/clicks.jsonl: | $(WEIR)
	@mkdir -p $(@D)
	@printf '\nMaking $(DEMO_ROWS) click events, once: 680 MB in $@\n'
	@$(WEIR) run --quiet --workers 1 -e "CREATE STREAM g WITH (connector = 'datagen', kind = 'clicks', rows = $(DEMO_ROWS)); \
	  CREATE STREAM f WITH (connector = 'file', path = '$@.part', format = 'json') AS SELECT * FROM g;"
	@mv $@.part $@

# ---- tests ----
.PHONY: test test-run
test: deps-test ## everything: units and SQL under ASan, TSan, oracle, examples
	@$(MAKE) --no-print-directory test-run
test-run:
	@sh tests/run.sh

# Python with DuckDB, for the oracles, schemathesis, for the server's API, a parser of metrics, and forests to compare with.
.PHONY: venv
venv:
	@[ -x build/venv/bin/python ] || python3 -m venv build/venv
	@build/venv/bin/python -c "import duckdb, schemathesis, prometheus_client, rrcf, scipy" 2>/dev/null || \
	  build/venv/bin/pip install --quiet duckdb schemathesis prometheus_client rrcf numpy scipy

# Makes calls of a running job fail: preloaded. ASan has its own malloc: there, system calls only.
$(OUT)/shim.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARN) -Wno-missing-prototypes $(if $(filter-out release,$(BUILD)),-DNO_MALLOC) \
	  -shared -fPIC -o $@ $<
FAULTS ?= 6000
.PHONY: faults
faults: deps-test all $(OUT)/shim.so ## jobs whose system calls and memory fail, and damaged files: FAULTS trials of each, three times as many damaged
	python3 tests/faults/run.py ./weir $(OUT)/shim.so --budget $(FAULTS) --part disk --part clock --part memory --part sql
	python3 tests/faults/run.py ./weir $(OUT)/shim.so --budget $$(($(FAULTS) * 4)) --part damage

MINUTES ?= 10
.PHONY: soak
soak: deps-test all venv ## all oracles with fresh seeds, release, ASan and TSan, for MINUTES
	@$(MAKE) --no-print-directory BUILD=asan build/asan/weir
	@$(MAKE) --no-print-directory BUILD=tsan build/tsan/weir
	@build/venv/bin/python tests/soak.py $(MINUTES)

JOBS ?= 10000
KILLS ?= 500
.PHONY: soak-server
soak-server: all ## weir serve: JOBS submitted and stopped with memory held flat, KILLS kill -9 of its process
	@python3 tests/server/soak.py $(WEIR) --jobs $(JOBS)
	@python3 tests/server/kills.py $(WEIR) --kills $(KILLS)

.PHONY: unit
unit: $(UNITS:%=unit-%) ## unit tests of BUILD
unit-%: $(OUT)/test_%
	@$(OUT)/unit_$* --jobs 2

.PHONY: debug asan tsan
debug asan tsan: ## build build/<name>/weir
	@$(MAKE) --no-print-directory BUILD=$@ build/$@/weir

# Fuzz targets: replayed on their corpus by gcc in make test; `make fuzz-NAME` runs libFuzzer for FUZZ_SECONDS.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(shell grep -l LLVMFuzzerTestOneInput tests/fuzz/fuzz_*.c 2>/dev/null))
FUZZ_SECONDS ?= 60
$(OUT)/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay_main.c $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(BUILD)) -Wno-missing-prototypes -o $@ $^ $(PKG_LIBS)
# Holds kernels and SQLite together; has a main of its own.
$(OUT)/fuzz_expr: tests/fuzz/fuzz_expr.c $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(BUILD)) -o $@ $^ $(PKG_LIBS)
.PHONY: replay
replay: $(FUZZERS:%=$(OUT)/replay_%) ## fuzz targets over their saved corpus
	@for f in $(FUZZERS); do printf "%s: " $$f; $(OUT)/replay_$$f $$(ls -d tests/fuzz/corpus/$$f 2>/dev/null) || exit 1; done
build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_fuzz) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)
fuzz-%: ## libFuzzer on one target (clang)
	@command -v clang > /dev/null || { echo "fuzz-$*: clang is missing; make deps-dev installs it"; exit 1; }
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD=fuzz CC=clang build/fuzz/fuzz_$*
	@mkdir -p build/fuzz/corpus/$*
	build/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) build/fuzz/corpus/$* $$(ls -d tests/fuzz/corpus/$* 2>/dev/null)

# ---- care ----
C_FILES := $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)
.PHONY: docs format check check-format check-layers check-symbols check-size check-static check-docs
format: ## clang-format all C files
	$(Q)clang-format -i $(C_FILES)
check: check-format check-layers check-symbols check-size check-docs check-static ## format, layers, symbols, sizes, docs, static analysis
check-format:
	@clang-format --dry-run -Werror $(C_FILES) 2>&1 | sed -n 's/^\([^ :]*\.[ch]\):[0-9].*/\1 is not formatted: make format/p' | \
	  sort -u | (! grep .)
check-layers:
	@sh tests/check_layers.sh
check-symbols: $(LIB)
	@sh tests/check_symbols.sh $(LIB)
check-size:
	@sh tests/check_size.sh $(C_FILES)
check-docs: $(WEIR)
	@sh tests/check_docs.sh $(WEIR)
	@python3 tests/check_routes.py
# shiftTooManyBitsSigned: gcc's shifts of negative numbers are arithmetic.
check-static: compile_commands.json
	@cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 -D_GNU_SOURCE -I. \
	  --template='{file}:{line}: {severity}: {message} [{id}]' --suppress=shiftTooManyBitsSigned \
	  --suppress=missingIncludeSystem --suppress=nullPointerArithmetic $(LIB_SRC) $(CLI_SRC)
compile_commands.json: Makefile
	@sh tests/compile_commands.sh '$(CC) $(CFLAGS_ALL) $(CFLAGS_release)' $(LIB_SRC) $(CLI_SRC) > $@
docs: $(WEIR) ## regenerate the reference parts of docs/SQL.md and docs/METRICS.md
	@sh tests/check_docs.sh $(WEIR) --write

.PHONY: bench
bench: deps-test all venv ## measure against the bare limit and DuckDB; prints ratios
	python3 bench/run.py

.PHONY: bench-nexmark
bench-nexmark: all ## the Nexmark queries over a million events: events per second and core
	python3 bench/nexmark/run.py

$(OUT)/bench_log $(OUT)/bench_latency $(OUT)/bench_rcf: $(OUT)/bench_%: bench/%.c $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS_$(BUILD)) $(LDFLAGS_$(BUILD)) -o $@ $^ $(PKG_LIBS)

.PHONY: bench-snapshots
bench-snapshots: all ## pauses, throughput, bytes and recovery with a gigabyte of keyed state
	python3 bench/snapshots.py

.PHONY: bench-log
bench-log: $(OUT)/bench_log ## the sharded log against the disk and the page cache
	@rm -rf build/bench/log && mkdir -p build/bench/log
	@$(OUT)/bench_log build/bench/log

.PHONY: bench-latency
bench-latency: $(OUT)/bench_latency ## from an appended record to a query's result, at 50,000 records a second
	@for durability in os fsync; do rm -rf build/bench/latency && mkdir -p build/bench/latency && \
		echo "durability $$durability" && $(OUT)/bench_latency build/bench/latency 50000 10 $$durability || exit 1; done

.PHONY: bench-rcf
bench-rcf: $(OUT)/bench_rcf venv ## random cut forests: points per second of a core, and against the package rrcf
	@$(OUT)/bench_rcf
	@build/venv/bin/python bench/rcf.py $(OUT)/bench_rcf

PREFIX ?= /usr/local
# Installs what a command prints as a file below PREFIX: a new file, as the old one may be running.
put = @$(2) > $(OUT)/install.tmp && install -D -m $(3) $(OUT)/install.tmp $(DESTDIR)$(PREFIX)/$(1) && \
      rm $(OUT)/install.tmp && echo '  $(DESTDIR)$(PREFIX)/$(1)'
.PHONY: install
install: all ## install weir, its man page and completions to PREFIX (/usr/local)
	$(call put,bin/weir,cat $(WEIR),755)
	$(call put,share/man/man1/weir.1,$(WEIR) help man,644)
	$(call put,share/bash-completion/completions/weir,$(WEIR) completion bash,644)
	$(call put,share/zsh/site-functions/_weir,$(WEIR) completion zsh,644)
	$(call put,share/fish/vendor_completions.d/weir.fish,$(WEIR) completion fish,644)
.PHONY: uninstall
uninstall: ## remove what install has put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/weir share/man/man1/weir.1 share/bash-completion/completions/weir \
	  share/zsh/site-functions/_weir share/fish/vendor_completions.d/weir.fish)

.PHONY: clean help
clean: ## remove build/
	rm -rf build weir compile_commands.json
help: ## this list
	@grep -hE '^[a-z][a-z0-9 %-]*:.*## ' Makefile | sed -E 's/^([a-z0-9 %-]+):[^#]*## (.*)/  \1|\2/' | \
	  awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
