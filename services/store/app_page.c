#include "services/store/app_page.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"
#include "libs/rpc/tokens.h"
#include "services/store/app_ingest.h"
#include "services/store/kafka/log_watch.h"
#include "services/store/page/page.h"
#include "services/store/postgres/generations.h"

#include <stdio.h>
#include <stdlib.h>

#define OFF_MAX 300

struct app_page {
    struct app_page_options options;
    struct loop *loop;
    struct rpc_auth auth;
    struct page *page;
    /* NULL until somebody looks at a rebuild. */
    struct rebuild_desk *desk;
    struct generations *generations;
    struct kafka_log_watch *watch;
    char topic[APP_TOPIC_MAX];
    struct consumer_options consumer_options;
};

void app_page_add_metrics(void)
{
    page_add_metrics();
}

static bool load_tokens(const struct store_settings *settings, struct rpc_tokens *out,
                        struct err *err)
{
    return rpc_tokens_load(settings->page_tokens_file, out, err) ||
           err_prefix(err, "STORE_PAGE_TOKENS_FILE");
}

/* A token that may only look must not be one that may give orders. */
static bool check_tokens(const struct store_settings *settings, struct err *err)
{
    struct rpc_tokens tokens = {0};
    struct rpc_tokens orders = {0};
    if (!load_tokens(settings, &tokens, err))
        return false;
    bool is_read = rpc_tokens_load(settings->rpc_admin_tokens_file, &orders, err);
    bool is_shared = is_read && rpc_tokens_share(&tokens, &orders);
    rpc_tokens_done(&tokens);
    rpc_tokens_done(&orders);
    if (!is_read)
        return err_prefix(err, "STORE_RPC_ADMIN_TOKENS_FILE");
    return !is_shared ||
           err_set(err, ERR_REJECT,
                   "STORE_PAGE_TOKENS_FILE: a token is in STORE_RPC_ADMIN_TOKENS_FILE "
                   "too; give each its own");
}

bool app_page_check(const struct store_settings *settings, struct err *err)
{
    if (!page_access_check_header(settings->page_proxy_header, err))
        return err_prefix(err, "STORE_PAGE_PROXY_HEADER");
    return check_tokens(settings, err);
}

char *app_page_off(const struct store_settings *settings)
{
    char text[OFF_MAX];
    bool is_on = rpc_listen_is_loopback(settings->admin_listen) ||
                 settings->page_tokens_file[0] != '\0' || settings->page_proxy_header[0] != '\0';
    if (is_on)
        return NULL;
    (void)snprintf(text, sizeof(text),
                   "the status page is off: STORE_ADMIN_LISTEN %.100s is not loopback; set "
                   "STORE_PAGE_TOKENS_FILE, or STORE_PAGE_PROXY_HEADER if a proxy in front "
                   "authenticates",
                   settings->admin_listen);
    return mem_text(text, strlen(text));
}

/* As app_admin's, but it is only asked, and made when it is needed. */
static struct rebuild_desk *desk_of(void *self, struct err *err)
{
    struct app_page *page = self;
    const struct store_settings *settings = page->options.settings;
    if (page->desk != NULL)
        return page->desk;
    if (settings->kafka_bootstrap_servers[0] == '\0') {
        (void)err_set(err, ERR_REJECT, "how far a rebuild is needs STORE_KAFKA_BOOTSTRAP_SERVERS");
        return NULL;
    }
    struct session_options session = app_session_options(settings, page->options.conninfo);
    session.application_name = "telefact-store page";
    session.is_writer = false;
    if (page->generations == NULL) {
        app_events_topic(settings, page->topic);
        page->consumer_options = app_consumer_options(settings, "telefact-page", page->topic);
        page->generations = generations_new(&session, settings->bot_id);
        page->watch = kafka_log_watch_new(&page->consumer_options);
    }
    struct generation_store store = generations_port(page->generations);
    struct log_watch log = kafka_log_watch_port(page->watch);
    return rebuild_desk_open(page->loop, &store, &log, &page->desk, err) ? page->desk : NULL;
}

static void open_page(struct app_page *page, struct admin *admin)
{
    const struct store_settings *settings = page->options.settings;
    app_events_topic(settings, page->topic);
    struct page_options options = {
        .access = {.is_loopback = rpc_listen_is_loopback(settings->admin_listen),
                   .auth = page->auth,
                   .proxy_header = settings->page_proxy_header},
        .version = TELEFACT_VERSION,
        .topic = page->topic,
        .bot_id = settings->bot_id,
        .reads = page->options.reads,
        .ingest = page->options.ingest,
        .desk = desk_of,
        .desk_self = page,
    };
    page->page = page_new(page->loop, &options);
    admin_serve(admin, page_serve, page->page);
}

bool app_page_open(struct loop *loop, struct admin *admin, const struct app_page_options *options,
                   struct app_page **out, struct err *err)
{
    struct rpc_tokens tokens = {0};
    if (!load_tokens(options->settings, &tokens, err))
        return false;
    struct app_page *page = mem_alloc(sizeof(*page));
    page->options = *options;
    page->loop = loop;
    rpc_auth_init(&page->auth, tokens.items, tokens.count);
    rpc_tokens_done(&tokens);
    open_page(page, admin);
    char *off = app_page_off(options->settings);
    if (off == NULL)
        log_info("status page is served", LOG_TEXT("listen", options->settings->admin_listen),
                 LOG_INT("port", admin_port(admin)));
    else
        log_info(off);
    free(off);
    *out = page;
    return true;
}

void app_page_drain(struct app_page *page)
{
    page_drain(page->page);
}

bool app_page_is_idle(const struct app_page *page)
{
    return page_is_idle(page->page);
}

void app_page_free(struct app_page *page)
{
    if (page == NULL)
        return;
    page_free(page->page);
    rebuild_desk_free(page->desk);
    kafka_log_watch_free(page->watch);
    generations_free(page->generations);
    rpc_auth_done(&page->auth);
    free(page);
}
