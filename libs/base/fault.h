/*
 * fault: crash points and planted bugs, in test builds only.
 *
 * A test proves that a crash at any step loses nothing, and that the oracle would notice if it did.
 * In a build without TELEFACT_FAULTS none of this exists.
 *
 * Environment of a test build:
 *
 *   TELEFACT_CRASH_AT=<point>[:<load>]  SIGKILL this process at the first pass of the point with at
 *                                       least that load
 *   TELEFACT_STOP_AT=<point>[:<load>]   SIGSTOP it there instead, once: whoever sends SIGCONT lets
 *                                       a zombie go on
 *   TELEFACT_CRASH_LOG=<file>           one line "<point> <load>" is appended before either
 *   TELEFACT_PLANT=<bug>                switch one planted bug on
 *   TELEFACT_CLOCK_FILE=<file>          the wall clock is wrong by the milliseconds in it; it may
 *                                       change at any time
 *
 * An unknown point or bug name makes the process exit with 78 at start: a test cannot pass because
 * of a typo.
 */
#ifndef LIBS_BASE_FAULT_H
#define LIBS_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TELEFACT_FAULTS

/* Names that exist in this program; checked against the environment. Ended by NULL. Once at start.
 */
void fault_init(const char *const *points, const char *const *bugs);

/* Passing a step that a test may crash at; load: what is in hand right now (requests in flight,
 * events not applied). */
void fault_point(const char *point, int64_t load);

/* True when a test wants this bug. */
bool fault_planted(const char *bug);

/* How wrong a test wants the wall clock to be; 0: right. Any thread. */
int64_t fault_clock_skew_ms(void);

#else

#define fault_init(points, bugs) ((void)0)
#define fault_point(point, load) ((void)0)
#define fault_planted(bug) false
#define fault_clock_skew_ms() ((int64_t)0)

#endif
#endif
