# SPDX-License-Identifier: ISC
# The rules of the build; what configure found is in config.mk.  GNU make.
#
#   make deps demo      install what is needed, then see poplar at work
#   make deps check     install what is needed, then run every test
#
# Variables: BUILD (directory of what is built), CC, CFLAGS, CPPFLAGS, LDFLAGS,
# DESTDIR, WERROR=1 (warnings are errors), T="fetch uidl" (check runs only these
# tests), CONFIGURE_FLAGS (given to configure, which runs again for other ones).

srcdir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
BUILD = build
INSTALL ?= install
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# The goals that need no configuration; any other reads config.mk, which make
# then makes first (and after deps, when deps is asked for too).
ifneq ($(filter-out deps clean distclean dist,$(or $(MAKECMDGOALS),all)),)
include config.mk
# Flags that are not those it was made with: it is made anew.
ifneq ($(or $(CONFIGURE_FLAGS),$(CONFIGURED_WITH)),$(CONFIGURED_WITH))
config.mk: FORCE
endif
endif
DEPS_FIRST := $(filter deps,$(MAKECMDGOALS))

config.mk: $(srcdir)/configure $(srcdir)/src/config.mk.in | $(DEPS_FIRST)
	if [ -x config.status ] && [ -z '$(CONFIGURE_FLAGS)' ]; then \
	    ./config.status --recheck && ./config.status; \
	else $(srcdir)/configure $(CONFIGURE_FLAGS); fi
	@echo 'CONFIGURED_WITH = $(or $(CONFIGURE_FLAGS),$(CONFIGURED_WITH))' >>$@

$(srcdir)/configure: $(srcdir)/configure.ac | $(DEPS_FIRST)
	cd $(srcdir) && autoreconf -fi
	@touch $@

# What is compiled. A wildcard, so that a new file is a new file and no line
# here; sorted, because the order of a directory differs between machines and
# the binary must not. The archive is all of poplar but main(), for the tests.
SRCS := $(sort $(wildcard $(srcdir)/src/*/*.c))
OBJS := $(SRCS:$(srcdir)/src/%.c=$(BUILD)/src/%.o)
SERVER_SRCS := $(sort $(wildcard $(srcdir)/tests/server.c $(srcdir)/tests/server/*.c))
# Beside the program `server' there cannot be a directory of its name.
SERVER_OBJS := $(SERVER_SRCS:$(srcdir)/tests/%.c=$(BUILD)/tests/obj/%.o)
UNITS := $(sort $(wildcard $(srcdir)/tests/unit/*_test.c))
BATS := $(sort $(wildcard $(srcdir)/tests/*.bats))
ifdef T
UNITS := $(filter $(T:%=$(srcdir)/tests/unit/%_test.c),$(UNITS))
BATS := $(filter $(T:%=$(srcdir)/tests/%.bats),$(BATS))
endif
UNIT_PROGRAMS := $(UNITS:$(srcdir)/tests/%.c=$(BUILD)/tests/%)

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion \
    -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
# Without optimisation the C library warns about _FORTIFY_SOURCE, so it goes then.
ALL_CPPFLAGS = -D_GNU_SOURCE -DPOPLAR_VERSION=\"$(VERSION)\" \
    -DPOPLAR_CA_FILE=\"$(CA_FILE)\" $(LARGEFILE) -I$(srcdir)/src \
    $(LIB_CFLAGS) $(if $(filter -O0,$(CFLAGS)),,$(HARDEN_FORTIFY)) $(CPPFLAGS)
# The prefix maps keep the places of source and build out of the binary.
ALL_CFLAGS = -std=c11 $(WARNINGS) $(if $(WERROR),-Werror) -MMD -MP \
    -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(abspath $(srcdir))/= \
    -ffile-prefix-map=$(srcdir)/= \
    $(HARDEN_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARDEN_LDFLAGS) $(CFLAGS) $(LDFLAGS)

# Build poplar and the tests' server.
all: $(BUILD)/poplar $(BUILD)/tests/server

$(BUILD)/poplar: $(BUILD)/src/main.o $(BUILD)/libpoplar.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Made anew each time: ar would keep the members of files that are gone.
$(BUILD)/libpoplar.a: $(OBJS)
	rm -f $@
	$(AR) rcsD $@ $(OBJS)

$(BUILD)/src/%.o: $(srcdir)/src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/obj/%.o: $(srcdir)/tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) -I$(srcdir)/tests $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/server: $(SERVER_OBJS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/tables: $(BUILD)/tests/obj/tables.o $(BUILD)/libpoplar.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The decision and the journal over every small history.
WORLD_OBJS := $(patsubst $(srcdir)/tests/%.c,$(BUILD)/tests/obj/%.o,\
    $(sort $(wildcard $(srcdir)/tests/world/*.c)))
$(BUILD)/tests/small-world: $(WORLD_OBJS) $(BUILD)/libpoplar.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/obj/unit/%_test.o $(BUILD)/libpoplar.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Objects depend on the compiler and its flags: other flags, other objects.
FLAGS_LINE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)
$(BUILD)/flags: FORCE | $(DEPS_FIRST)
	@mkdir -p $(BUILD)
	@echo '$(FLAGS_LINE)' | cmp -s - $@ || echo '$(FLAGS_LINE)' >$@

# Install what building, demo and tests need with the system's package manager;
# only as much as the other goals on the command line call for.
deps:
	@sh $(srcdir)/.ci/deps $(filter-out deps,$(MAKECMDGOALS))

# What the scripts under tests/ are told: where everything is and how to compile.
RUN_ENV = POPLAR=$(abspath $(BUILD))/poplar POPLAR_BUILD=$(abspath $(BUILD)) \
    POPLAR_SRC=$(abspath $(srcdir)) CC='$(CC)'

# Run the unit tests and the Bats files; T="fetch uidl" runs only those named.
check: all $(BUILD)/tests/tables $(BUILD)/tests/small-world $(UNIT_PROGRAMS)
	@$(if $(UNITS)$(BATS),,echo 'no test is named $(T)'; exit 1)
	@$(RUN_ENV) $(srcdir)/tests/run $(UNIT_PROGRAMS) $(BATS)

# The same tests under the address and undefined behaviour sanitizers; a leak is
# a failure too.
SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
    -fno-sanitize-recover=all
check-sanitize:
	ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 POPLAR_SANITIZED=1 $(MAKE) \
	    BUILD='$(BUILD)-sanitize' CFLAGS='$(SANITIZE)' HARDEN_FORTIFY= check

# Formatting, shell scripts, manual pages.
C_FILES = $(sort $(wildcard $(srcdir)/src/*.[ch] $(srcdir)/src/*/*.[ch] \
    $(srcdir)/tests/*.[ch] $(srcdir)/tests/*/*.[ch]))
SHELL_FILES = $(sort $(shell grep -lsE -d skip '^\#!.*[ /](ba)?sh$$' $(srcdir)/.ci/* \
    $(srcdir)/tests/run $(srcdir)/tests/*/*) \
    $(wildcard $(srcdir)/tests/lib/*.bash $(srcdir)/completions/*.bash) $(BATS))
lint:
	clang-format -n -Werror $(C_FILES)
	shellcheck -x -P $(srcdir)/tests -e SC2154 $(SHELL_FILES)
	mandoc -T lint -W warning $(sort $(wildcard $(srcdir)/man/*.[0-9]))

# Make the completions anew from the tables of options; docs.bats compares.
completions: $(BUILD)/tests/tables
	$(BUILD)/tests/tables | $(srcdir)/completions/generate $(srcdir)/completions

# bench, fuzz, torture, mutants: the longer measurements, a script each.
LONG := $(foreach t,bench fuzz torture mutants,$(if \
    $(wildcard $(srcdir)/tests/$t/run),$t))
$(LONG): all
	@$(RUN_ENV) $(srcdir)/tests/$@/run

# The small world to the end: what make check looks at for ten seconds.
world: $(BUILD)/tests/small-world
	$(BUILD)/tests/small-world -f $(srcdir)/tests/world/histories

# See poplar fetch sample mail from the bundled server.
demo: all
	@$(RUN_ENV) $(srcdir)/tests/demo/run

# Put program, manual, completions and systemd units under $(DESTDIR)$(prefix).
MAN1 := $(sort $(wildcard $(srcdir)/man/*.1))
MAN5 := $(sort $(wildcard $(srcdir)/man/*.5))
MAN7 := $(sort $(wildcard $(srcdir)/man/*.7))
install: $(BUILD)/poplar
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 \
	    $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man7 \
	    $(DESTDIR)$(bashcompdir) \
	    $(DESTDIR)$(zshcompdir) $(DESTDIR)$(fishcompdir) \
	    $(DESTDIR)$(systemduserunitdir)
	$(INSTALL) -m 755 $(BUILD)/poplar $(DESTDIR)$(bindir)/poplar
	$(INSTALL) -m 644 $(MAN1) $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 $(MAN5) $(DESTDIR)$(mandir)/man5
	$(INSTALL) -m 644 $(MAN7) $(DESTDIR)$(mandir)/man7
	$(INSTALL) -m 644 $(srcdir)/completions/poplar.bash $(DESTDIR)$(bashcompdir)/poplar
	$(INSTALL) -m 644 $(srcdir)/completions/_poplar $(DESTDIR)$(zshcompdir)/_poplar
	$(INSTALL) -m 644 $(srcdir)/completions/poplar.fish $(DESTDIR)$(fishcompdir)/poplar.fish
	sed 's|@bindir@|$(bindir)|' $(srcdir)/src/systemd/poplar@.service.in \
	    >$(DESTDIR)$(systemduserunitdir)/poplar@.service
	chmod 644 $(DESTDIR)$(systemduserunitdir)/poplar@.service
	$(INSTALL) -m 644 $(srcdir)/src/systemd/poplar@.timer $(DESTDIR)$(systemduserunitdir)

# The same without symbols in the program.
install-strip: install
	strip $(DESTDIR)$(bindir)/poplar

# Remove what install put there.
uninstall:
	rm -f $(DESTDIR)$(bindir)/poplar \
	    $(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(MAN1))) \
	    $(addprefix $(DESTDIR)$(mandir)/man5/,$(notdir $(MAN5))) \
	    $(addprefix $(DESTDIR)$(mandir)/man7/,$(notdir $(MAN7))) \
	    $(DESTDIR)$(bashcompdir)/poplar $(DESTDIR)$(zshcompdir)/_poplar \
	    $(DESTDIR)$(fishcompdir)/poplar.fish \
	    $(addprefix $(DESTDIR)$(systemduserunitdir)/,poplar@.service poplar@.timer)

# A tarball of the last commit with configure in it, so that who builds from it
# needs no autoconf.
dist:
	@BUILD='$(abspath $(BUILD))' sh $(srcdir)/.ci/dist

# Unpack that tarball, make it read-only, build and install it elsewhere, and
# see that uninstall and distclean leave nothing.
distcheck: dist
	@BUILD='$(abspath $(BUILD))' MAKE='$(MAKE)' sh $(srcdir)/.ci/distcheck

# Remove what was built; distclean: what configure and autoreconf made too.
clean:
	rm -rf $(BUILD) $(BUILD)-sanitize

distclean: clean
	rm -rf config.mk config.log config.status GNUmakefile autom4te.cache
	$(if $(wildcard $(srcdir)/.git),rm -f configure configure~ aclocal.m4)

FORCE:
.PHONY: all deps check check-sanitize lint completions $(LONG) world demo install install-strip \
    uninstall dist distcheck clean distclean FORCE
.SECONDARY:

-include $(OBJS:.o=.d) $(BUILD)/src/main.d $(SERVER_OBJS:.o=.d) \
    $(BUILD)/tests/obj/tables.d $(WORLD_OBJS:.o=.d) \
    $(UNITS:$(srcdir)/tests/%.c=$(BUILD)/tests/obj/%.d)
