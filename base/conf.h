/* conf.h - one setting, one small file
 *
 * The control folder is qmail's: each file holds one value on its first line
 * or a list of one entry a line; '#' starts a comment line. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/buf.h"

enum { CONF_FILE_MAX = 16 << 20 };

/* Where the instance lives.  GODWIT_HOME, when set (absolute or not), is the
 * parent of control/, queue/ and run/; else the compiled-in folders. */
struct conf_paths {
    char *control;
    char *queue;
    char *run;
};

void conf_paths(struct conf_paths *p);
void conf_pathsfree(struct conf_paths *p);

/* A list of owned strings. */
struct conf_list {
    char **items;
    unsigned *lines; /* the line in the file each item stands on, from 1 */
    size_t count;
};

/* The first line of control/name without blanks at its end, owned by the
 * caller; NULL if there is no such file.  0 or a negative errno: a file that
 * cannot be read is never taken for one that is not there. */
int conf_value(int controldir, const char *name, char **value);

/* The same as a number, fallback if there is no file or it is empty; -EINVAL
 * if it is no number of at most max. */
int conf_number(int controldir, const char *name, uint64_t fallback,
                uint64_t max, uint64_t *n);

/* All lines but comments and empty ones; 0, -ENOENT (list empty), or a
 * negative errno. */
int conf_list(int controldir, const char *name, struct conf_list *list);
void conf_listfree(struct conf_list *list);

#endif
