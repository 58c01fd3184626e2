/* process: what a process asks of the kernel about itself. */
#ifndef LIBS_BASE_PROCESS_H
#define LIBS_BASE_PROCESS_H

/* No core file and no memory image for others: both would hold the bot token. Once at start; best
 * effort. */
void process_harden(void);

#endif
