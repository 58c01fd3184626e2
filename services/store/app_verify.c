#include "services/store/app_verify.h"

#include "libs/base/log.h"
#include "services/store/app.h"
#include "services/store/postgres/database_url.h"
#include "services/store/postgres/verify.h"
#include "services/store/verify_report.h"

#include <stdlib.h>

#define CHECK_TIMEOUT_MS (INT64_C(6) * 3600 * 1000) /* a check scans a history of any length */

static void begin(void *self, const struct verify_subject *subject)
{
    log_info("verifying", LOG_INT("generation", subject->generation));
    verify_report_begin(self, subject);
}

static void find(void *self, const struct verify_finding *finding)
{
    log_info("checked", LOG_TEXT("check", finding->name),
             LOG_INT("differences", finding->differences), LOG_INT("ms", finding->took_ms));
    verify_report_find(self, finding);
}

int app_verify(const struct store_settings *settings, const struct verify_options *options)
{
    struct err err;
    struct verify_report report = {.out = stdout, .is_json = options->is_json};
    struct verify_listener listener = {.begin = begin, .find = find, .self = &report};
    struct verify_target target = {.bot_id = settings->bot_id, .generation = options->generation};
    char *conninfo = database_url_conninfo(settings->database_url);
    struct session_options session = {.conninfo = conninfo,
                                      .application_name = APP_NAME "-verify",
                                      .connect_timeout_ms = settings->connect_timeout_ms,
                                      .statement_timeout_ms = CHECK_TIMEOUT_MS,
                                      .lock_timeout_ms = settings->lock_timeout_ms};
    bool is_complete = verify_database(&session, &target, &listener, &err);
    free(conninfo);
    if (!is_complete)
        log_error("cannot verify", LOG_TEXT("error", err.text));
    verify_report_end(&report, is_complete);
    return is_complete && report.wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
