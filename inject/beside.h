/* beside.h - runs a program that is installed beside this one */
#ifndef INJECT_BESIDE_H
#define INJECT_BESIDE_H

/* Runs name, from the folder of this program's file, and waits for its end.
 * Its exit code, 128 and the number of the signal that ended it, or a
 * negative errno if it cannot be run. */
int beside_run(const char *name, char *const argv[]);

#endif
