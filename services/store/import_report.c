#include "services/store/import_report.h"

#include <inttypes.h>
#include <stdarg.h>

#define LINE_BYTES_MAX 1024
#define LINES_MS 1000
#define BAR_MS 200
#define BAR_CELLS 30
#define CLEAR_LINE "\r\033[K"

/* Texts are constants, so a line always fits. */
static void PRINTF_LIKE(2, 3) say(struct import_report *report, const char *fmt, ...)
{
    char line[LINE_BYTES_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    (void)fputs(line, report->out);
}

static void leave_bar(struct import_report *report)
{
    if (report->has_bar)
        (void)fputs(CLEAR_LINE, report->out);
    report->has_bar = false;
}

void import_report_skipped(struct import_report *report, enum import_table table, int64_t key,
                           const char *why)
{
    const char *name = import_table_name(table);
    leave_bar(report);
    if (report->form == IMPORT_JSON)
        say(report, "{\"skipped\": {\"table\": \"%s\", \"key\": %" PRId64 ", \"why\": \"%s\"}}\n",
            name, key, why);
    else
        say(report, "skipped %s %" PRId64 ": %s\n", name, key, why);
}

static void draw_bar(struct import_report *report, const struct import_status *status)
{
    static const char full[] = "##############################";
    static const char empty[] = "..............................";
    const struct import_counts *counts = &status->tables[status->table];
    int64_t rows = counts->rows > 0 ? counts->rows : 1;
    int cells = (int)((double)counts->read / (double)rows * BAR_CELLS);
    say(report, CLEAR_LINE "%-6s [%.*s%.*s] %" PRId64 " of %" PRId64 " rows",
        import_table_name(status->table), cells, full, BAR_CELLS - cells, empty, counts->read,
        counts->rows);
    report->has_bar = true;
}

static void tell_progress(struct import_report *report, const struct import_status *status)
{
    const char *name = import_table_name(status->table);
    const struct import_counts *counts = &status->tables[status->table];
    if (report->form == IMPORT_BAR)
        draw_bar(report, status);
    else if (report->form == IMPORT_JSON)
        say(report,
            "{\"progress\": {\"table\": \"%s\", \"read\": %" PRId64 ", \"rows\": %" PRId64
            ", \"durable\": %" PRIu64 "}}\n",
            name, counts->read, counts->rows, status->durable);
    else
        say(report, "%s: %" PRId64 " of %" PRId64 " rows, %" PRIu64 " events durable\n", name,
            counts->read, counts->rows, status->durable);
    (void)fflush(report->out);
}

void import_report_moved(struct import_report *report, const struct import_status *status,
                         int64_t now_ms)
{
    int64_t period_ms = report->form == IMPORT_BAR ? BAR_MS : LINES_MS;
    if (report->told_ms != 0 && now_ms - report->told_ms < period_ms)
        return;
    report->told_ms = now_ms;
    tell_progress(report, status);
}

static void show_table(struct import_report *report, const struct import_status *status,
                       enum import_table table)
{
    const struct import_counts *counts = &status->tables[table];
    if (report->form == IMPORT_JSON)
        say(report,
            "\"%s\": {\"rows\": %" PRId64 ", \"imported\": %" PRId64 ", \"skipped\": %" PRId64
            ", \"cut\": %" PRId64 ", \"events\": %" PRId64 "}, ",
            import_table_name(table), counts->rows, counts->read - counts->skipped, counts->skipped,
            counts->cut, counts->events);
    else
        say(report, "%-7s %11" PRId64 " %11" PRId64 " %11" PRId64 " %11" PRId64 " %11" PRId64 "\n",
            import_table_name(table), counts->rows, counts->read - counts->skipped, counts->skipped,
            counts->cut, counts->events);
}

void import_report_done(struct import_report *report, const struct import_status *status,
                        bool is_dry_run)
{
    leave_bar(report);
    bool is_json = report->form == IMPORT_JSON;
    say(report, "%s",
        is_json ? "{\"done\": {"
                : "table          rows    imported     skipped   links cut"
                  "      events\n");
    for (int i = 0; i < IMPORT_TABLES; i++)
        show_table(report, status, (enum import_table)i);
    if (is_json)
        say(report, "\"durable\": %" PRIu64 ", \"dry_run\": %s}}\n", status->durable,
            is_dry_run ? "true" : "false");
    else if (is_dry_run)
        say(report, "nothing was written\n");
    else
        say(report, "%" PRIu64 " events are durable\n", status->durable);
    (void)fflush(report->out);
}

void import_report_broken(struct import_report *report, const struct import_status *status)
{
    leave_bar(report);
    if (report->form == IMPORT_JSON)
        say(report, "{\"broken\": {\"durable\": %" PRIu64 "}}\n", status->durable);
    else
        say(report, "broken off, %" PRIu64 " events are durable; run it again from the beginning\n",
            status->durable);
    (void)fflush(report->out);
}
