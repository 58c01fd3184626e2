/* metrics_text: what /metrics would say now. */
#ifndef TESTS_SUPPORT_METRICS_TEXT_H
#define TESTS_SUPPORT_METRICS_TEXT_H

#include <stdbool.h>

/* Is this part of the text? */
bool metrics_text_has(const char *part);

#endif
