/*
 * log_signals: the log's level while a process runs.
 *
 * SIGUSR1 makes it one level more talkative, at most debug; SIGUSR2 takes it back to where it
 * began.
 */
#ifndef LIBS_BASE_LOG_SIGNALS_H
#define LIBS_BASE_LOG_SIGNALS_H

#include "libs/base/log.h"

/* From now on. level: the one of log_init. */
void log_signals_take(enum log_level level);

#endif
