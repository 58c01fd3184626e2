#include "services/store/app_admin.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "services/store/app_ingest.h"
#include "services/store/kafka/log_watch.h"
#include "services/store/postgres/generations.h"
#include "services/store/rpc/admin_service.h"

#include <stdlib.h>

struct app_admin {
    struct rpc_tokens tokens;
    struct admin_service service;
    /* NULL: it is off. */
    struct rebuild_desk *desk;
    struct generations *generations;
    struct kafka_log_watch *watch;
    char topic[APP_TOPIC_MAX];
    struct consumer_options consumer_options;
};

static bool load_tokens(const struct store_settings *settings, struct rpc_tokens *out,
                        struct err *err)
{
    return rpc_tokens_load(settings->rpc_admin_tokens_file, out, err) ||
           err_prefix(err, "STORE_RPC_ADMIN_TOKENS_FILE");
}

bool app_admin_check(const struct store_settings *settings, const struct rpc_tokens *others,
                     struct err *err)
{
    struct rpc_tokens tokens = {0};
    if (!load_tokens(settings, &tokens, err))
        return false;
    bool is_shared = rpc_tokens_share(&tokens, others);
    rpc_tokens_done(&tokens);
    return !is_shared || err_set(err, ERR_REJECT,
                                 "STORE_RPC_ADMIN_TOKENS_FILE: a token is in STORE_RPC_TOKENS_FILE "
                                 "too; give each its own");
}

static bool open_desk(struct app_admin *admin, const struct store_settings *settings,
                      const char *conninfo, struct err *err)
{
    struct session_options session = app_session_options(settings, conninfo);
    session.application_name = "telefact-store admin";
    app_events_topic(settings, admin->topic);
    admin->consumer_options = app_consumer_options(settings, "telefact-replay", admin->topic);
    admin->generations = generations_new(&session, settings->bot_id);
    admin->watch = kafka_log_watch_new(&admin->consumer_options);
    struct generation_store store = generations_port(admin->generations);
    struct log_watch log = kafka_log_watch_port(admin->watch);
    return rebuild_desk_open(admin->service.loop, &store, &log, &admin->desk, err);
}

bool app_admin_open(struct loop *loop, const struct store_settings *settings, const char *conninfo,
                    struct app_admin **out, struct err *err)
{
    struct app_admin *admin = mem_alloc(sizeof(*admin));
    admin->service.loop = loop;
    bool is_good = load_tokens(settings, &admin->tokens, err) &&
                   (admin->tokens.count == 0 || open_desk(admin, settings, conninfo, err));
    if (!is_good) {
        app_admin_free(admin);
        return false;
    }
    admin->service.desk = admin->desk;
    if (admin->desk != NULL)
        log_info("AdminService is on");
    *out = admin;
    return true;
}

struct rpc_service app_admin_describe(struct app_admin *admin)
{
    return admin_service_describe(&admin->service, admin->tokens.items, admin->tokens.count);
}

void app_admin_drain(struct app_admin *admin)
{
    admin_service_drain(&admin->service);
}

bool app_admin_is_idle(const struct app_admin *admin)
{
    return admin->desk == NULL || rebuild_desk_is_idle(admin->desk);
}

void app_admin_free(struct app_admin *admin)
{
    if (admin == NULL)
        return;
    rebuild_desk_free(admin->desk);
    kafka_log_watch_free(admin->watch);
    generations_free(admin->generations);
    rpc_tokens_done(&admin->tokens);
    free(admin);
}
