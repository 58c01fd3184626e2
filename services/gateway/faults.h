/* faults: the names of this service's crash points and planted bugs, for tests to enumerate
 * (libs/base/fault.h). */
#ifndef SERVICES_GATEWAY_FAULTS_H
#define SERVICES_GATEWAY_FAULTS_H

#ifdef TELEFACT_FAULTS

extern const char *const GATEWAY_FAULT_POINTS[]; /* in the order of the write path; ended by NULL */
extern const char *const GATEWAY_FAULT_BUGS[];   /* ended by NULL */

#endif
#endif
