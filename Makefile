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
LIBS = -luv -lsodium -lseccomp -lpthread

# A program is its main file; the linker takes what it needs from the room's
# archive and from base's.
ROOMS = base queue inject remote local
PROGRAMS = godwit godwit-enqueue godwit-manager godwit-remote godwit-local \
	sendmail
godwit_MAIN = queue/godwit
godwit-enqueue_MAIN = queue/enqueue
godwit-manager_MAIN = queue/manager
godwit-remote_MAIN = remote/remote
godwit-local_MAIN = local/local
sendmail_MAIN = inject/sendmail

BINS = $(PROGRAMS:%=$(B)/bin/%)
TESTS = $(patsubst %.c,$(B)/%,$(wildcard tests/*/*_test.c))

all: $(BINS)

help:
	@echo "make          build everything into build/bin"
	@echo "make demo     a private instance that sends real mail and checks itself"
	@echo "make check    all tests"
	@echo "make bench    the first measurements"
	@echo "make install  DESTDIR= PREFIX=/usr/local, see INSTALL"

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
LIB = $(ROOMS:%=$(B)/lib%.a)
$(LIB): $(B)/lib%.a: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(wildcard $$*/*.c))))
	@rm -f $@
	ar rcs $@ $^

room = $(firstword $(subst /, ,$(1)))
$(BINS): $(B)/bin/%: $(B)/$$($$*_MAIN).o \
		$(B)/lib$$(call room,$$($$*_MAIN)).a $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(ALLLDFLAGS) $(LIBS)

# tests/ROOM/NAME_test.c tests ROOM/NAME.c.
$(TESTS): $(B)/tests/%: $(B)/tests/%.o \
		$(B)/lib$$(call room,$$*).a $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $^ $(ALLLDFLAGS) $(LIBS)

# base includes base alone; every other room base and itself.
layers:
	@bad=0; for room in $(ROOMS); do \
		if grep -nE '#include "' $$room/*.[ch] | \
			grep -vE "#include \"(base|$$room)/"; then bad=1; fi; \
	done; exit $$bad

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all help layers
