/* commands: the command line: options and subcommands, each to its end. */
#ifndef SERVICES_STORE_COMMANDS_H
#define SERVICES_STORE_COMMANDS_H

/* Returns the exit code: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration. */
int commands_run(int argc, char **argv);

#endif
