/*
 * poller_alarm: why no updates come in although they should: told once, and shown by a gauge. One
 * thread.
 */
#ifndef SERVICES_GATEWAY_POLLER_ALARM_H
#define SERVICES_GATEWAY_POLLER_ALARM_H

enum poller_alarm {
    POLLER_ALARM_NONE,
    POLLER_ALARM_WEBHOOK,  /* one is set */
    POLLER_ALARM_TOKEN,    /* Telegram does not know it */
    POLLER_ALARM_CONFLICT, /* somebody else asks */
    POLLER_ALARMS,
};

/* *alarm becomes `now`, and if that is news it is told; NONE: polling works again. */
void poller_alarm_change(enum poller_alarm *alarm, enum poller_alarm now);

/* Nothing is asked any more, so nothing is known. */
void poller_alarm_forget(enum poller_alarm *alarm);

/* What is wrong and what to do; not of NONE. */
const char *poller_alarm_text(enum poller_alarm alarm);

void poller_alarm_add_metrics(void); /* once at start */

#endif
