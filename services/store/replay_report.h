/* replay_report: what a person, a file or a program reads of a rebuild's progress. Pure; what does
 * not fit into the buffer is cut. */
#ifndef SERVICES_STORE_REPLAY_REPORT_H
#define SERVICES_STORE_REPLAY_REPORT_H

#include "libs/base/buf.h"
#include "services/store/replay.h"

enum report_form {
    REPORT_BAR,  /* one line that is drawn over itself, for a terminal */
    REPORT_LINE, /* a line of text */
    REPORT_JSON, /* an object a line */
};

/* Speed over the last samples. A zeroed struct is fine. */
struct replay_speed {
    int64_t since_ms, since_done; /* of the first sample of this state */
    enum generation_state state;
    bool is_known; /* there are two samples */
    double per_s;
};
void replay_speed_add(struct replay_speed *speed, const struct replay_view *view, int64_t now_ms);
/* Seconds until the bulk is done; -1: unknown. */
int64_t replay_speed_left_s(const struct replay_speed *speed, const struct replay_view *view);

/* One report; a bar is drawn without an end of line. */
void replay_report(struct buf *out, enum report_form form, int generation,
                   const struct replay_view *view, const struct replay_speed *speed);

void replay_report_table(struct buf *out, enum report_form form,
                         const struct table_difference *table);
void replay_report_row(struct buf *out, enum report_form form, const struct generation_row *row);

#endif
