#include "services/store/verify_report.h"

#include "libs/base/buf.h"

#include <assert.h>
#include <inttypes.h>

#define PIECE_MAX (64 << 10) /* of one check; keys are short */

static void put(struct verify_report *report, struct buf *piece, bool fits)
{
    assert(fits);
    (void)fwrite(piece->data, 1, piece->len, report->out);
    (void)fflush(report->out); /* a check may take long: show what is known */
    buf_done(piece);
}

void verify_report_begin(struct verify_report *report, const struct verify_subject *subject)
{
    struct buf piece;
    buf_init(&piece, PIECE_MAX);
    report->has_begun = true;
    bool fits = buf_appendf(&piece,
                            report->is_json ? "{\"bot_id\":%" PRId64 ",\"generation\":%d,"
                                              "\"position\":\"%s\",\"checks\":["
                                            : "bot %" PRId64 ", generation %d, position %s\n",
                            subject->bot_id, subject->generation, subject->position);
    put(report, &piece, fits);
}

static bool put_json(struct buf *piece, const struct verify_finding *finding, bool is_first)
{
    bool fits = buf_appendf(piece,
                            "%s\n{\"name\":\"%s\",\"compares\":\"%.*s\",\"differences\":%" PRId64
                            ",\"ms\":%" PRId64 ",\"examples\":[",
                            is_first ? "" : ",", finding->name, (int)finding->compares.len,
                            finding->compares.data, finding->differences, finding->took_ms);
    for (size_t i = 0; fits && i < finding->example_count; i++)
        fits = buf_appendf(piece, "%s%s", i == 0 ? "" : ",", finding->examples[i]);
    return fits && buf_appendf(piece, "]}");
}

static bool put_lines(struct buf *piece, const struct verify_finding *finding)
{
    bool is_wrong = finding->differences > 0;
    bool fits = buf_appendf(piece, "%s %s: %.*s\n", is_wrong ? "WRONG" : "ok   ", finding->name,
                            (int)finding->compares.len, finding->compares.data);
    if (fits && is_wrong)
        fits =
            buf_appendf(piece, "      %" PRId64 " rows differ, among them\n", finding->differences);
    for (size_t i = 0; fits && i < finding->example_count; i++)
        fits = buf_appendf(piece, "      %s\n", finding->examples[i]);
    return fits;
}

void verify_report_find(struct verify_report *report, const struct verify_finding *finding)
{
    struct buf piece;
    buf_init(&piece, PIECE_MAX);
    bool fits = report->is_json ? put_json(&piece, finding, report->checks == 0)
                                : put_lines(&piece, finding);
    report->checks++;
    report->wrong += finding->differences > 0 ? 1 : 0;
    put(report, &piece, fits);
}

void verify_report_end(struct verify_report *report, bool is_complete)
{
    struct buf piece;
    if (!report->has_begun)
        return; /* nothing was looked at */
    buf_init(&piece, PIECE_MAX);
    bool fits = report->is_json
                    ? buf_appendf(&piece, "],\"wrong\":%d,\"complete\":%s}\n", report->wrong,
                                  is_complete ? "true" : "false")
                    : buf_appendf(&piece, "%d checks, %d found differences%s\n", report->checks,
                                  report->wrong, is_complete ? "" : ", and the others did not run");
    put(report, &piece, fits);
}
