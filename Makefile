# weir. `make help` lists what there is.
BUILD ?= release
OUT   := build/$(BUILD)
GEN   := build/gen
CC    ?= gcc

PKGS := sqlite3 libuv zlib libzstd
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lmsgpackc -lxxhash -lm -lpthread

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
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread

FOLDERS := core parser planner runtime runtime/expr runtime/ops runtime/aggs state connectors connectors/formats server
LIB_SRC := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
CLI_SRC := $(wildcard cli/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o) $(if $(wildcard parser/sql.y),$(OUT)/gen/sql.o)
CLI_OBJ := $(CLI_SRC:%.c=$(OUT)/%.o)
LIB     := $(OUT)/libweir.a
WEIR    := $(OUT)/weir
UNITS   := $(notdir $(wildcard tests/unit/*))

.PHONY: all
all: $(WEIR) ## build ./weir (release)
	@ln -sf $(WEIR) weir

$(WEIR): $(CLI_OBJ) $(LIB)
	$(CC) $(LDFLAGS_$(BUILD)) $(LDFLAGS) -rdynamic -o $@ $^ $(PKG_LIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(CFLAGS_$(BUILD)) -MMD -MP -c -o $@ $<

# lemon writes its output beside its input, so it works on a copy.
$(GEN)/sql.c $(GEN)/sql.h &: parser/sql.y
	@mkdir -p $(GEN)
	cp parser/sql.y $(GEN)/sql.y
	lemon -q -d$(GEN) $(GEN)/sql.y
$(OUT)/gen/sql.o: $(GEN)/sql.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -w $(CFLAGS_$(BUILD)) -Iparser -MMD -MP -c -o $@ $<
$(OUT)/parser/%.o: $(if $(wildcard parser/sql.y),$(GEN)/sql.h)

# One Criterion program per folder of tests/unit.
$(OUT)/test_%: $(LIB) FORCE
	@$(MAKE) --no-print-directory BUILD=$(BUILD) NAME=$* $(OUT)/unit_$*
FORCE:
ifneq ($(NAME),)
UNIT_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/unit/$(NAME)/*.c))
$(OUT)/unit_$(NAME): $(UNIT_OBJ) $(LIB)
	$(CC) $(LDFLAGS_$(BUILD)) -o $@ $^ -lcriterion $(PKG_LIBS)
-include $(UNIT_OBJ:.o=.d)
endif

.PHONY: unit
unit: $(UNITS:%=unit-%) ## run the unit tests of BUILD
unit-%: $(OUT)/test_%
	$(OUT)/unit_$* --jobs 2

.PHONY: clean
clean: ## remove build/
	rm -rf build weir

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
