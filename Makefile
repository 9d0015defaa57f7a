# The whole build, one file.  `make help` lists what there is to make.

CC = gcc
B = build
PREFIX = /usr/local
CONTROLDIR = /etc/godwit
QUEUEDIR = /var/spool/godwit
RUNDIR = /run/godwit

OPT = -O2 -g
SAN =
HARDEN = -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2 -fstack-clash-protection
WARN = -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Werror
CPPFLAGS = -D_GNU_SOURCE -I. -DCONTROLDIR='"$(CONTROLDIR)"' \
	-DQUEUEDIR='"$(QUEUEDIR)"' -DRUNDIR='"$(RUNDIR)"'
ALLCFLAGS = -std=c11 $(OPT) $(SAN) $(HARDEN) $(WARN) $(CFLAGS)
ALLLDFLAGS = $(SAN) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS = -luv -lunbound -lgsasl -lidn2 -lssl -lcrypto -lsodium -lseccomp -lpthread

# A program is its main file; the linker takes what it needs from the room's
# archive and from base's.
ROOMS = base queue inject remote local
PROGRAMS = godwit godwit-enqueue godwit-manager godwit-remote godwit-local \
	godwit-inject godwit-queue sendmail
godwit_MAIN = queue/godwit
godwit-enqueue_MAIN = queue/enqueue
godwit-manager_MAIN = queue/manager
godwit-remote_MAIN = remote/remote
godwit-local_MAIN = local/local
godwit-inject_MAIN = inject/inject
godwit-queue_MAIN = inject/qmail_queue
sendmail_MAIN = inject/sendmail

BINS = $(PROGRAMS:%=$(B)/bin/%)
TESTS = $(patsubst %.c,$(B)/%,$(wildcard tests/*/*_test.c))
UNITS = $(TESTS:$(B)/%=%)

# In a room's tests what is executable is a test.
SCRIPTS = $(sort $(shell find $(ROOMS:%=tests/%) tests/system -type f \
	-perm -100))
TOOLS = $(patsubst tests/%.c,$(B)/%,$(wildcard tests/bench/*.c))

all: $(BINS)

help:
	@echo "make            build everything into build/bin"
	@echo "make demo       a private instance sends real mail and checks it"
	@echo "make check      all tests, in all builds, and the campaigns"
	@echo "make test       all tests, with what is built now"
	@echo "make bench      beside other mailers; QUICK=1, LINES=\"a c\" (root)"
	@echo "make bench-micro  instructions of each hot part; QUICK=1"
	@echo "make check-san  unit tests and the demo under sanitizers"
	@echo "make fuzz       every parser of bytes from outside, by libFuzzer"
	@echo "make model      the queue's protocol, every crash, by spin"
	@echo "make crash      death and errors at every system call"
	@echo "make powercut   power cuts on ext4, xfs and btrfs (root)"
	@echo "make faults     full disks, wrong clocks, damage, strangers"
	@echo "make dane       mistakes in DANE, each of which must be found"
	@echo "make kill       programs killed under load, for SECONDS=600"
	@echo "make campaigns  all of these, a sample of each: QUICK=1, SEED="
	@echo "make soak       all of these, long, with a summary"
	@echo "make layers     who includes whom"
	@echo "make install    DESTDIR= PREFIX=/usr/local, see INSTALL"
	@echo "make install-sendmail, uninstall, clean"

# What is built by other flags is built anew.
$(B)/flags: FORCE
	@mkdir -p $(B)
	@printf '%s\n' $(CC) $(MUSL) $(CPPFLAGS) $(ALLCFLAGS) | cmp -s - $@ || \
		printf '%s\n' $(CC) $(MUSL) $(CPPFLAGS) $(ALLCFLAGS) >$@

$(B)/%.o: %.c Makefile $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
LIB = $(ROOMS:%=$(B)/lib%.a)
$(LIB): $(B)/lib%.a: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(wildcard $$*/*.c))))
	@rm -f $@
	ar rcs $@ $^

# The commands run once a message.  Starting with glibc costs more than all
# their work, on virtual machines above all (its CPUID instructions), so they are
# linked statically with musl where it is installed; MUSL= builds them as the
# others.
COMMANDS = sendmail godwit-inject godwit-queue
MUSL = $(if $(SAN),,$(shell command -v musl-gcc))
# What makes a static program that lies anywhere; musl-gcc does not know how.
MUSL_LIB = /usr/lib/$(subst gnu,musl,$(shell $(MUSL) -print-multiarch))
MUSL_BASE = addr addrlist buf conf connect date envelope file frame header id \
	line log mem rewrite smtp submit utf8 verdict
$(B)/musl/%.o: %.c Makefile $(B)/flags
	@mkdir -p $(@D)
	$(MUSL) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(B)/libmusl.a: $(MUSL_BASE:%=$(B)/musl/base/%.o) \
		$(patsubst %.c,$(B)/musl/%.o,$(wildcard inject/*.c))
	@rm -f $@
	ar rcs $@ $^

room = $(firstword $(subst /, ,$(1)))
ifneq ($(MUSL),)
$(COMMANDS:%=$(B)/bin/%): $(B)/bin/%: $(B)/musl/$$($$*_MAIN).o $(B)/libmusl.a
	@mkdir -p $(@D)
	$(MUSL) $(ALLCFLAGS) -nostartfiles -static -o $@ \
		$(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $^ $(MUSL_LIB)/crtn.o \
		-Wl,-pie,--no-dynamic-linker,-z,text,-z,relro,-z,now $(LDFLAGS)
SHARED = $(filter-out $(COMMANDS:%=$(B)/bin/%),$(BINS))
else
SHARED = $(BINS)
endif
$(SHARED): $(B)/bin/%: $(B)/$$($$*_MAIN).o \
		$(B)/lib$$(call room,$$($$*_MAIN)).a $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(ALLLDFLAGS) $(LIBS)

$(TOOLS): $(B)/%: $(B)/tests/%.o $(B)/libinject.a $(B)/libqueue.a \
		$(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(ALLLDFLAGS) $(LIBS)

# tests/ROOM/NAME_test.c tests ROOM/NAME.c.
$(TESTS): $(B)/tests/%: $(B)/tests/%.o \
		$(B)/lib$$(call room,$$*).a $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(ALLLDFLAGS) $(LIBS)

# tests/fuzz/ROOM-NAME_fuzz.c, by clang with libFuzzer.  QUICK=1 is CI's
# share, SEED=n repeats a run, SECONDS_EACH=n how long each is run.
FUZZERS = $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*_fuzz.c))
$(FUZZERS): $(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o \
		$(B)/lib$$(firstword $$(subst -, ,$$*)).a $(B)/libbase.a
	$(CC) $(ALLCFLAGS) -fsanitize=fuzzer -o $@ $^ $(ALLLDFLAGS) $(LIBS)

fuzz:
	@tests/prepare.sh fuzz
	@$(MAKE) -s -j2 B=$(B)/fuzz CC=clang OPT="-O1 -g" \
		SAN="-fsanitize=fuzzer-no-link $(SANITIZE)" fuzz-run

fuzz-run: $(FUZZERS)
	@tests/fuzz/run.sh $(B) $^

# The queue's protocol, by spin.  QUICK=1 is CI's share, SEED=n the order.
model:
	@tests/prepare.sh model
	@tests/model/run.py $(B)/model

# Each line of a campaign's list, $<, is a program with a mistake that must be
# found; they are made in the folder.
plant = LINK="$(ALLLDFLAGS) $(LIBS)" tests/plant.sh $< $(B) $(1) \
	$(CC) $(CPPFLAGS) $(ALLCFLAGS)

# Death at each system call that changes something, errors at each.
$(B)/crash/kill_at: tests/crash/kill_at.c tests/crash/place.c \
		tests/crash/place.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -o $@ $(filter %.c,$^)

$(B)/crash/planted: tests/crash/plants tests/plant.sh $(BINS)
	@$(call plant,$@)
	@touch $@

crash: all $(B)/crash/kill_at $(B)/crash/planted
	@tests/prepare.sh demo
	@BIN=$(B)/bin tests/crash/crash.py $(B)/crash/kill_at $(B)/crash/planted

# The power fails on real file systems, whose disks record what they get.
# Programs that leave out one sync must be found.
$(B)/powercut/record: tests/powercut/record.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 $(OPT) $(WARN) -D_FILE_OFFSET_BITS=64 \
		-isystem /usr/include/fuse3 -o $@ $< -lfuse3

$(B)/powercut/planted: tests/powercut/plants tests/plant.sh $(BINS)
	@$(call plant,$@)
	@touch $@

powercut: all
	@tests/prepare.sh powercut
	@$(MAKE) -s $(B)/powercut/record $(B)/powercut/planted
	@BIN=$(B)/bin tests/powercut/powercut.py $(B)/powercut/record \
		$(B)/powercut/planted

# Faults from outside, damage, strangers in the spool.
$(B)/faults/clock.so: tests/faults/clock.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(OPT) $(WARN) -fPIC -shared -o $@ $<

$(B)/faults/planted: tests/faults/plants tests/plant.sh $(BINS) \
		$(B)/faults/clock.so
	@$(call plant,$(@D))
	@touch $@

faults: all
	@tests/prepare.sh faults
	@$(MAKE) -s $(B)/faults/planted
	@chmod -R a+rX $(B)/faults
	@BIN=$(B)/bin PLANTED=$(B)/faults tests/faults/run.py

# A godwit-remote that does not heed TLSA records, or heeds the wrong ones,
# must fail the test.
DANE_PLANTS = tests/remote/dane_plants
$(B)/dane/planted: $(DANE_PLANTS) tests/plant.sh $(B)/bin/godwit-remote
	@$(call plant,$(@D))
	@touch $@

dane: all
	@tests/prepare.sh check
	@$(MAKE) -s $(B)/dane/planted
	@BIN=$(B)/bin sh tests/remote/dane_planted.sh $(B)/dane $(DANE_PLANTS)

SECONDS = 600
kill: all
	@tests/prepare.sh demo
	@BIN=$(B)/bin SECONDS=$(SECONDS) tests/system/kill.py

# CI's share of each campaign, the same every time unless SEED= says another;
# and all of them for hours, by chance.
CAMPAIGNS = model crash powercut faults fuzz
campaigns:
	@MAKE="$(MAKE)" QUICK=1 LIMIT=1800 SEED=$(or $(SEED),1) \
		tests/campaigns.sh $(CAMPAIGNS)

soak:
	@MAKE="$(MAKE)" CUTS=$(or $(CUTS),300) \
		SECONDS_EACH=$(or $(SECONDS_EACH),300) \
		tests/campaigns.sh $(CAMPAIGNS) kill

# base includes base alone; every other room base and itself.
layers:
	@bad=0; for room in $(ROOMS); do \
		if grep -nE '#include "' $$room/*.[ch] | \
			grep -vE "#include \"(base|$$room)/"; then bad=1; fi; \
	done; exit $$bad

demo:
	@tests/prepare.sh demo
	@$(MAKE) -s -j2 all
	@BIN=$(B)/bin tests/demo.sh

# Godwit beside other mailers.  LINES=, QUICK=1, RUNS=, SEED=, PEERS=,
# BENCH_ROOT=, DISK=own: doc/performance.md.  Behind all lines, the instructions of each hot part.
bench:
	@tests/prepare.sh bench
	@$(MAKE) -s -j2 all $(TOOLS)
	@BIN=$(B)/bin tests/bench/bench.py
	@[ "$(LINES)" ] || BIN=$(B)/bin tests/bench/micro.py

bench-micro:
	@tests/prepare.sh bench
	@$(MAKE) -s -j2 $(TOOLS)
	@BIN=$(B)/bin tests/bench/micro.py

# Everything: gcc and clang, sanitizers, as root and as an ordinary user, a
# sample of each campaign.
check:
	@tests/prepare.sh check
	@$(MAKE) -s layers
	@echo "Building with gcc, with clang, and with sanitizers"
	@$(MAKE) -s -j2 CC=gcc all $(TESTS)
	@$(MAKE) -s -j2 B=$(B)/clang CC=clang MUSL= all $(UNITS:%=$(B)/clang/%)
	@$(MAKE) -s check-san
	@tests/run.sh $(B) $(TESTS) $(SCRIPTS)
	@$(MAKE) -s dane
	@$(MAKE) -s campaigns

test: all $(TESTS)
	@tests/run.sh $(B) $(TESTS) $(SCRIPTS)

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
check-san:
	@$(MAKE) -s -j2 B=$(B)/san OPT="-O1 -g" SAN="$(SANITIZE)" all \
		$(UNITS:%=$(B)/san/%)
	@SAN="$(SANITIZE)" tests/run.sh $(B)/san $(UNITS:%=$(B)/san/%) \
		tests/system/demo.sh

LIBDIR = $(PREFIX)/lib/godwit
MANDIR = $(PREFIX)/share/man
MANPAGES = $(filter-out %/sendmail.8,$(wildcard doc/man/*))

# The programs look for each other in the folder they lie in.
install: all
	install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PREFIX)/bin
	install $(BINS) $(DESTDIR)$(LIBDIR)
	for name in godwit godwit-inject godwit-queue; do \
		ln -sf ../lib/godwit/$$name $(DESTDIR)$(PREFIX)/bin/ || exit 1; \
	done
	for page in $(MANPAGES); do \
		install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page \
			|| exit 1; \
	done

# Takes over from another mailer whose sendmail stands later in PATH.
install-sendmail: install
	install -d $(DESTDIR)$(PREFIX)/sbin
	ln -sf ../lib/godwit/sendmail $(DESTDIR)$(PREFIX)/sbin/sendmail
	ln -sf ../lib/godwit/sendmail $(DESTDIR)$(PREFIX)/bin/mailq
	ln -sf ../lib/godwit/sendmail $(DESTDIR)$(PREFIX)/bin/newaliases
	install -D -m 644 -t $(DESTDIR)$(MANDIR)/man8 doc/man/sendmail.8

# Settings, mail and the ledger stay; so does another mailer's sendmail.
uninstall:
	for link in bin/godwit bin/godwit-inject bin/godwit-queue \
			sbin/sendmail bin/mailq bin/newaliases; do \
		case $$(readlink $(DESTDIR)$(PREFIX)/$$link) in \
		../lib/godwit/*) rm -f $(DESTDIR)$(PREFIX)/$$link ;; \
		esac; \
	done
	[ -L $(DESTDIR)$(PREFIX)/sbin/sendmail ] || \
		rm -f $(DESTDIR)$(MANDIR)/man8/sendmail.8
	rm -f $(PROGRAMS:%=$(DESTDIR)$(LIBDIR)/%)
	-rmdir $(DESTDIR)$(LIBDIR)
	for page in $(notdir $(MANPAGES)); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; \
	done

clean:
	rm -rf build

format:
	clang-format -i $(ROOMS:%=%/*.[ch]) tests/*/*.[ch]

-include $(shell find $(B) -name '*.d' 2>/dev/null)

FORCE:

.PHONY: all help campaigns soak kill dane faults powercut crash model fuzz fuzz-run layers demo bench bench-micro check test check-san install \
	install-sendmail uninstall clean format FORCE
