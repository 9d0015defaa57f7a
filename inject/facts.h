/* facts.h - what the commands take from this host and the calling user
 *
 * A control folder that is not there or is closed to the caller (a sandbox
 * with the socket alone) leaves the host's own name; a file in it that
 * cannot be read or is wrong is an error. */
#ifndef INJECT_FACTS_H
#define INJECT_FACTS_H

#include "base/rewrite.h"
#include "base/verdict.h"
#include "inject/qualify.h"

/* Owned strings, each the first line of the file of its name. */
struct facts {
    char *me;            /* default: the host's name */
    char *defaulthost;   /* default: me */
    char *defaultdomain; /* default: me's domain */
    char *plusdomain;    /* default: me's domain */
    char *idhost;        /* default: me */
    unsigned submitwait; /* seconds; default: SUBMIT_WAIT */
    struct rewrite rewrite; /* canonical, masquerade; default: nothing */
};

/* DONE; LATER with o where a file cannot be read ("4.3.0") or makes no sense
 * ("4.3.5"). */
enum verdict facts_read(struct facts *f, struct outcome *o);
void facts_free(struct facts *f);

/* The same names, borrowed. */
struct qualify facts_names(const struct facts *f);

/* 64 bits of chance from the kernel. */
uint64_t facts_chance(void);

#endif
