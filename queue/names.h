/* names.h - the files that control/ may hold
 *
 * Those of queue/settings.h and those below: what other rooms read, and what
 * a qmail site may bring along.  Pure. */
#ifndef QUEUE_NAMES_H
#define QUEUE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum name_use {
    NAME_UNKNOWN,
    NAME_SETTING, /* a row of settings_table */
    NAME_TEXT,    /* read by another program of ours */
    NAME_SECRET,  /* the same; its owner alone may read it, whoever that is */
    NAME_SECRETS, /* a folder of such files */
    NAME_NUMBER,  /* the same, a number of at most max */
    NAME_UNUSED,  /* means something to qmail, nothing yet to this version */
};

/* What the file is for; max (of NAME_NUMBER) may be NULL. */
enum name_use name_use(const char *name, uint64_t *max);

/* The name of a used file that was likely meant by an unknown one: two slips
 * away at most (a letter more, less, other, or two exchanged), or the same in
 * other letters of case; NULL if there is none. */
const char *name_guess(const char *name);

/* The used file of which this one looks like a copy ("locals~",
 * "smtproutes.bak"), or NULL. */
const char *name_copied(const char *name);

#endif
