/* commands.h - the subcommands of godwit
 *
 * Each has its own file and one row in the table of queue/godwit.c.  An
 * entry gets its own word as argv[0] and returns the exit code: 0, 100 it
 * will not work, 111 not now, 64 wrong usage.  `--help` never reaches it. */
#ifndef QUEUE_COMMANDS_H
#define QUEUE_COMMANDS_H

enum { EXIT_OK = 0, EXIT_USAGE = 64, EXIT_NEVER = 100, EXIT_LATER = 111 };

int init_main(int argc, char **argv);  /* init */
int start_main(int argc, char **argv); /* start */
int list_main(int argc, char **argv);  /* queue */
int repair_main(int argc, char **argv); /* queue --check, --repair */
int show_main(int argc, char **argv);  /* show */
int trace_main(int argc, char **argv); /* trace */
int audit_main(int argc, char **argv); /* audit */
int flush_main(int argc, char **argv); /* flush */
int hold_main(int argc, char **argv);  /* hold, release, cancel */
int status_main(int argc, char **argv); /* status */
int check_main(int argc, char **argv); /* check */
int route_main(int argc, char **argv); /* route */

#endif
