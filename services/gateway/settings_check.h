/* settings_check: what the values of the settings must be together; a line for every fault. */
#ifndef SERVICES_GATEWAY_SETTINGS_CHECK_H
#define SERVICES_GATEWAY_SETTINGS_CHECK_H

#include "services/gateway/settings.h"

struct settings_faults {
    FILE *report;
    int count;
};

/* To run: everything. Sets the bot's id. */
void settings_check_all(struct settings *settings, struct settings_faults *faults);

/* For the topics command. */
void settings_check_topics(const struct settings *settings, struct settings_faults *faults);

/* To ask the Bot API. Sets the bot's id. */
void settings_check_bot(struct settings *settings, struct settings_faults *faults);

#endif
