/* place.h - where in the program a system call comes from
 *
 * A place is the chain of the program's own functions above the call, the
 * nearest three: `file_sync+1a<sync_folder+12<...`.  It is read from the
 * stack without frame pointers: a word counts as a return address only when
 * a call instruction stands before it, and as the next of the chain only
 * when that call leads to the function the last one lies in. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PLACE_MAX = 216 };

/* Reads the program's symbols, once.  Ends this program if it cannot. */
void place_program(const char *path);

/* Writes the place of the call that pid is stopped at, its stack pointer
 * being sp, into text; "lib" where no function of the program is near.
 * Whether there was one. */
bool place_print(pid_t pid, unsigned long sp, char text[PLACE_MAX]);

/* Somebody executed another program, or a number was given anew. */
void place_forget(void);
