/* beside.h - becomes a program that is installed beside this one */
#ifndef INJECT_BESIDE_H
#define INJECT_BESIDE_H

/* Runs name, from the folder of this program's file, in its place.  Returns
 * a negative errno if that cannot be done, else never. */
int beside_run(const char *name, char *const argv[]);

#endif
