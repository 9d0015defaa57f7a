# The whole build, one file.  `make help` lists what there is to make.

CC ?= gcc
B ?= build
PREFIX ?= /usr/local
CONTROLDIR ?= /etc/godwit
QUEUEDIR ?= /var/spool/godwit
RUNDIR ?= /run/godwit

OPT ?= -O2 -g
SAN ?=
HARDEN = -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2 -fstack-clash-protection
WARN = -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Werror
CPPFLAGS += -D_GNU_SOURCE -I. \
	-DCONTROLDIR='"$(CONTROLDIR)"' -DQUEUEDIR='"$(QUEUEDIR)"' -DRUNDIR='"$(RUNDIR)"'
ALLCFLAGS = -std=c11 $(OPT) $(SAN) $(HARDEN) $(WARN) $(CFLAGS)
ALLLDFLAGS = $(SAN) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS = -luv -lsodium -lseccomp -lpthread

# Programs and the objects of each; what several share is in base/.
STORE = queue/store queue/message queue/slot queue/control
SUBMIT = inject/deliver_to_queue
godwit_OBJS = queue/godwit queue/init queue/start queue/child queue/list \
	queue/show queue/trace queue/check queue/audit queue/chain queue/settings queue/segment \
	queue/ledger_read $(STORE)
godwit-enqueue_OBJS = queue/enqueue queue/door queue/commit queue/incoming $(STORE)
godwit-manager_OBJS = queue/manager queue/channel queue/route queue/settings \
	queue/schedule queue/retry queue/ledger queue/ledger_read queue/chain queue/segment \
	queue/bounce queue/blocks queue/recover queue/effect queue/checkpoint queue/attempt $(STORE)
godwit-remote_OBJS = $(basename $(wildcard remote/*.c))
godwit-local_OBJS = $(basename $(wildcard local/*.c))
sendmail_OBJS = inject/sendmail inject/complete
PROGRAMS = godwit godwit-enqueue godwit-manager godwit-remote godwit-local sendmail

BASE_OBJS = $(basename $(wildcard base/*.c))
BINS = $(PROGRAMS:%=$(B)/bin/%)

all: $(BINS)

help:
	@echo "make         build everything into build/bin"
	@echo "make demo    a private instance that sends real mail and checks itself"
	@echo "make check   all tests (installs what they need on Debian)"
	@echo "make bench   the first measurements"
	@echo "make install DESTDIR= PREFIX=/usr/local   see INSTALL"

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALLCFLAGS) -MMD -MP -c -o $@ $<

$(B)/libbase.a: $(BASE_OBJS:%=$(B)/%.o)
	@rm -f $@
	ar rcs $@ $^

.SECONDEXPANSION:
$(BINS): $(B)/bin/%: $$(addprefix $(B)/,$$(addsuffix .o,$$($$*_OBJS))) $(B)/libbase.a
	@mkdir -p $(@D)
	$(CC) $(ALLCFLAGS) -o $@ $(filter %.o,$^) $(B)/libbase.a $(ALLLDFLAGS) $(LIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all help
