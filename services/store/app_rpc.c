#include "services/store/app_rpc.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/rpc/call_metrics.h"
#include "libs/rpc/tokens.h"
#include "services/store/app_admin.h"
#include "services/store/position_wait.h"
#include "services/store/postgres/pg_metrics.h"
#include "services/store/postgres/reads.h"
#include "services/store/rpc/admin_refusals.h"
#include "services/store/rpc/read_refusals.h"
#include "services/store/rpc/read_service.h"

#include <stdlib.h>

#define QUESTIONS_MAX 1000 /* calls that wait for a connection */
#define WAITERS_MAX 10000  /* calls that wait for a position */
#define SERVICES 2

struct app_rpc {
    struct reads *reads;
    struct position_wait *wait;
    struct read_service service;
    struct app_admin *admin;
    struct rpc_service described[SERVICES];
    struct rpc_tokens tokens;
    struct rpc_server *server;
};

static int64_t lag_ms(void *self)
{
    return self == NULL ? -1 : ingest_lag_ms(self);
}

static bool load_tokens(const struct store_settings *settings, struct rpc_tokens *out,
                        struct err *err)
{
    if (!rpc_tokens_load(settings->rpc_tokens_file, out, err))
        return err_prefix(err, "STORE_RPC_TOKENS_FILE");
    if (out->count > 0 || settings->rpc_allow_public ||
        rpc_listen_is_loopback(settings->rpc_listen))
        return true;
    rpc_tokens_done(out);
    return err_set(err, ERR_REJECT,
                   "STORE_RPC_LISTEN: %s is not loopback; set STORE_RPC_TOKENS_FILE, or "
                   "STORE_RPC_ALLOW_PUBLIC=true if something in front authenticates",
                   settings->rpc_listen);
}

bool app_rpc_check(const struct store_settings *settings, struct err *err)
{
    struct rpc_tokens tokens = {0};
    if (!load_tokens(settings, &tokens, err))
        return false;
    bool is_good = app_admin_check(settings, &tokens, err);
    rpc_tokens_done(&tokens);
    return is_good;
}

static void build_reads(struct app_rpc *rpc, struct loop *loop,
                        const struct app_rpc_options *options)
{
    const struct store_settings *settings = options->settings;
    struct pool_options pool = {
        .connect = {.conninfo = options->conninfo,
                    .application_name = "telefact-store rpc",
                    .statement_timeout_ms = rpc_limits_standard().max_deadline_ms,
                    .lock_timeout_ms = settings->lock_timeout_ms},
        .min = (int)settings->rpc_pool_min,
        .max = (int)settings->rpc_pool_max,
        .queue_max = QUESTIONS_MAX,
    };
    rpc->reads = reads_new(loop, &pool);
    rpc->wait = position_wait_new(loop, reads_port(rpc->reads), WAITERS_MAX);
    rpc->service = (struct read_service){
        .store = reads_port(rpc->reads),
        .wait = rpc->wait,
        .ad_rules = {.threshold = (int32_t)settings->ad_threshold,
                     .mode = (enum ad_mode)settings->ad_mode},
        .lag_ms = lag_ms,
        .lag_self = options->ingest,
    };
    rpc->described[0] = read_service_describe(&rpc->service);
}

bool app_rpc_open(struct loop *loop, const struct app_rpc_options *options, struct app_rpc **out,
                  struct err *err)
{
    struct app_rpc *rpc = mem_alloc(sizeof(*rpc));
    if (!load_tokens(options->settings, &rpc->tokens, err)) {
        free(rpc);
        return false;
    }
    build_reads(rpc, loop, options);
    if (!app_admin_open(loop, options->settings, options->conninfo, &rpc->admin, err)) {
        app_rpc_free(rpc);
        return false;
    }
    rpc->described[1] = app_admin_describe(rpc->admin);
    rpc_call_metrics_add(rpc->described, SERVICES);
    pg_metrics_add_pool();
    read_refusals_add();
    admin_refusals_add();
    struct rpc_options server = {
        .limits = rpc_limits_standard(),
        .services = rpc->described,
        .service_count = SERVICES,
        .tokens = rpc->tokens.items,
        .token_count = rpc->tokens.count,
        .hook = rpc_call_metrics_hook(),
    };
    if (!rpc_server_open(loop, options->settings->rpc_listen, &server, &rpc->server, err)) {
        app_rpc_free(rpc);
        return false;
    }
    rpc_server_set_serving(rpc->server, true);
    log_info("RPCs are served", LOG_TEXT("listen", options->settings->rpc_listen),
             LOG_INT("port", rpc_server_port(rpc->server)));
    *out = rpc;
    return true;
}

bool app_rpc_is_ready(const struct app_rpc *rpc, struct err *err)
{
    return reads_connected(rpc->reads) > 0 ||
           err_set(err, ERR_RETRY, "no connection to the database");
}

struct read_store app_rpc_reads(struct app_rpc *rpc)
{
    return rpc->service.store;
}

void app_rpc_drain(struct app_rpc *rpc)
{
    rpc_server_set_serving(rpc->server, false);
    rpc_server_drain(rpc->server);
    app_admin_drain(rpc->admin);
}

bool app_rpc_is_idle(const struct app_rpc *rpc)
{
    return rpc_server_calls(rpc->server) == 0 && app_admin_is_idle(rpc->admin);
}

/* The server first: it cancels the calls that are left, and they their questions. */
void app_rpc_free(struct app_rpc *rpc)
{
    if (rpc == NULL)
        return;
    rpc_server_free(rpc->server);
    app_admin_free(rpc->admin);
    position_wait_free(rpc->wait);
    reads_free(rpc->reads);
    rpc_tokens_done(&rpc->tokens);
    free(rpc);
}
