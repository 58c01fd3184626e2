/* faults: the names of this service's crash points and planted bugs, for tests to enumerate
 * (libs/base/fault.h). The load of a point is the number of events in hand, not yet applied. */
#ifndef SERVICES_STORE_FAULTS_H
#define SERVICES_STORE_FAULTS_H

#ifdef TELEFACT_FAULTS

extern const char *const STORE_FAULT_POINTS[]; /* in the order of the write path; ended by NULL */
extern const char *const STORE_FAULT_BUGS[];   /* ended by NULL */

#endif
#endif
