#include "services/store/page/page.h"

#include "tests/support/fake_read_store.h"
#include "tests/support/http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define POSITION "0:5,3:7"

static struct loop *loop;
static struct http_server *server;
static struct page *page;
static struct fake_read_store fake;
static struct read_request asked;
static struct read_answer answer;
static bool is_answering;

/* ---- the page, and a store that answers at the loop's next turn ---- */

static void answer_it(void *self)
{
    static const struct err UNWELL = {ERR_RETRY, "no connection"};
    (void)self;
    fake_read_store_answer(&fake, answer.generation == 0 ? NULL : &answer, &UNWELL);
}

static void end_loop(void *self)
{
    (void)self;
    loop_stop(loop);
}

static struct read_ticket *ask_fake(void *self, const struct read_request *request, read_fn fn,
                                    void *arg)
{
    struct read_store store = fake_read_store_port(self);
    asked = *request;
    loop_post(loop, is_answering ? answer_it : end_loop, NULL);
    return store.ask(store.self, request, fn, arg);
}

static void cancel_fake(void *self, struct read_ticket *ticket)
{
    struct read_store store = fake_read_store_port(self);
    store.cancel(store.self, ticket);
}

static bool take_head(void *self, struct http_exchange *exchange)
{
    (void)self;
    (void)exchange;
    return true;
}

static void serve(void *self, struct http_exchange *exchange)
{
    (void)self;
    if (!page_serve(page, exchange))
        http_answer(exchange, 404, NULL, 0, BYTES_LITERAL("none"));
}

static struct rebuild_desk *no_desk(void *self, struct err *err)
{
    (void)self;
    (void)err_set(err, ERR_REJECT, "no brokers are known");
    return NULL;
}

static int setup(void **state)
{
    static const struct http_limits LIMITS = {.max_connections = 4,
                                              .head_max = 4096,
                                              .request_deadline_ms = 20000,
                                              .idle_ms = 20000,
                                              .write_deadline_ms = 20000};
    const struct http_handler handler = {.on_head = take_head, .on_request = serve};
    struct page_options options = {
        .access = {.is_loopback = true, .proxy_header = ""},
        .version = "1.2.3",
        .topic = "t.events.v1",
        .bot_id = 123,
        .reads = {.ask = *state == NULL ? ask_fake : NULL, .cancel = cancel_fake, .self = &fake},
        .desk = no_desk,
    };
    struct err err;
    loop = loop_new();
    fake = (struct fake_read_store){0};
    answer = (struct read_answer){.generation = 4, .position = BYTES_LITERAL(POSITION)};
    is_answering = true;
    page = page_new(loop, &options);
    return http_server_open(loop, "127.0.0.1:0", &LIMITS, &handler, &server, &err) ? 0 : -1;
}

static int setup_without_reads(void **state)
{
    static char yes;
    *state = &yes;
    return setup(state);
}

static int teardown(void **state)
{
    (void)state;
    page_free(page);
    http_server_free(server);
    loop_free(loop);
    return 0;
}

/* ---- a client on a thread ---- */

struct question {
    const char *path;
    const char *host;
    pthread_t thread;
    struct http_client_answer answer;
};

static void *ask_on_thread(void *self)
{
    struct question *question = self;
    char request[300];
    int fd = http_client_open(http_server_port(server));
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", question->path,
                   question->host);
    if (http_client_send_text(fd, request))
        question->answer = http_client_receive(fd, false);
    http_client_close(fd);
    loop_stop(loop);
    return NULL;
}

static void begin(struct question *question)
{
    assert_int_equal(pthread_create(&question->thread, NULL, ask_on_thread, question), 0);
    loop_run(loop);
}

/* The answer; the caller ends it. */
static struct http_client_answer get(const char *path)
{
    struct question question = {.path = path, .host = "localhost"};
    begin(&question);
    assert_int_equal(pthread_join(question.thread, NULL), 0);
    return question.answer;
}

static void expect(const char *path, int status, const char *body)
{
    struct http_client_answer got = get(path);
    if (got.status != status || strcmp(got.body, body) != 0)
        fail_msg("%s: %d %s", path, got.status, got.body);
    http_client_answer_done(&got);
}

/* ---- figures ---- */

static void totals_are_asked_as_the_rpc_asks_them(void **state)
{
    (void)state;
    answer.totals = (struct read_totals){1, 2, 3, 4, 5, 6, 7};
    expect("/api/v1/bot-stats.json", 200,
           "{\"generation\":4,\"position\":\"" POSITION "\",\"chats\":1,\"videos\":2,\"images\":3,"
           "\"music\":6,\"video_users\":4,\"image_users\":5,\"music_users\":7}");
    assert_int_equal(asked.kind, READ_TOTALS);
    assert_int_equal(asked.chat_class, CHAT_CLASS_EVERY);
    struct http_client_answer got = get("/api/v1/bot-stats.json?class=groups&seconds=60&now=7200");
    assert_int_equal(got.status, 200);
    http_client_answer_done(&got);
    assert_int_equal(asked.kind, READ_WINDOW);
    assert_int_equal(asked.chat_class, CHAT_CLASS_GROUP);
    assert_int_equal(asked.window.after, 7140);
}

static void a_series_has_every_bucket(void **state)
{
    (void)state;
    static const struct read_point POINTS[] = {{7200, 5}, {3700, 2}, {7300, 1}};
    answer.series.points = (struct read_points){POINTS, 3};
    answer.series.has_first = true;
    answer.series.first = 50;
    expect("/api/v1/time-series.json?series=music&bucket=hour&from=3700&to=14400&class=users", 200,
           "{\"generation\":4,\"position\":\"" POSITION "\",\"from\":3700,\"to\":14400,"
           "\"start\":3600,\"step\":3600,\"first\":50,\"counts\":[2,6,0]}");
    assert_int_equal(asked.kind, READ_SERIES_MUSIC);
    assert_int_equal(asked.chat_class, CHAT_CLASS_USER);
    answer.series.has_first = false;
    answer.series.points.count = 0;
    expect("/api/v1/time-series.json?series=images&bucket=day", 200,
           "{\"generation\":4,\"position\":\"" POSITION "\",\"from\":0,\"to\":0,\"start\":0,"
           "\"step\":86400,\"first\":null,\"counts\":[]}");
    assert_int_equal(asked.kind, READ_SERIES_IMAGES);
}

static void rankings_keep_their_order_and_ids_are_texts(void **state)
{
    (void)state;
    static const struct read_text_count TEXTS[] = {{{"r\"u", 3}, 9}, {{"en", 2}, 4}};
    static const struct read_chat_count CHATS[] = {{INT64_C(4611686018427387905), 8}, {-7, 2}};
    answer.overview.file_modes = 3;
    answer.overview.langs = (struct read_text_counts){TEXTS, 2};
    answer.overview.top = (struct read_chat_counts){CHATS, 2};
    expect("/api/v1/other-stats.json", 200,
           "{\"generation\":4,\"position\":\"" POSITION "\",\"file_mode_count\":3,\"top_langs\":["
           "{\"lang\":\"r\\\"u\",\"count\":9},{\"lang\":\"en\",\"count\":4}],\"top_users\":["
           "{\"user_id\":\"4611686018427387905\",\"count\":8},{\"user_id\":\"-7\",\"count\":2}]}");
    answer.referrals = (struct read_text_counts){TEXTS, 1};
    expect("/api/v1/referral-stats.json?limit=3", 200,
           "{\"generation\":4,\"position\":\"" POSITION "\",\"referrals\":["
           "{\"link\":\"r\\\"u\",\"count\":9}]}");
    assert_int_equal(asked.limit, 3);
}

static void wrong_arguments_are_told_and_not_asked(void **state)
{
    (void)state;
    expect("/api/v1/bot-stats.json?seconds=-1", 400,
           "{\"error\":\"seconds: must be 0 to 9223372036854775807\"}");
    expect("/api/v1/time-series.json?bucket=day", 400, "{\"error\":\"series: missing\"}");
    expect("/api/v1/time-series.json?series=users&to=36000001", 400,
           "{\"error\":\"to: more than 10000 buckets after from\"}");
    expect("/api/v1/other-stats.json?x=1", 400,
           "{\"error\":\"query: an argument that this does not take\"}");
    expect("/api/v1/bot-stats.json?class=al%6C", 400,
           "{\"error\":\"query: not name=value of plain letters and digits\"}");
    assert_int_equal(fake.asked, 0);
}

static void an_unwell_database_is_unavailable(void **state)
{
    (void)state;
    answer.generation = 0; /* no answer */
    expect("/api/v1/other-stats.json", 503, "{\"error\":\"no connection\"}");
}

/* ---- the status ---- */

static void the_status_is_told_without_the_database_too(void **state)
{
    (void)state;
    static const struct read_letter_count LETTERS[] = {{3, {"bad_row", 7}, 2, 99}};
    static const struct read_generation GENERATIONS[] = {{4, {"live", 4}, false, 5, {"", 0}}};
    answer.pipeline.letters = (struct read_letter_counts){LETTERS, 1};
    answer.pipeline.generations = (struct read_generations){GENERATIONS, 1};
    struct http_client_answer got = get("/api/v1/status.json");
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.body,
                           "\"bot_id\":\"123\",\"is_rpc\":true,\"ingest\":null,\"tables\":"
                           "{\"is_known\":true,\"generation\":4,\"position\":\"" POSITION
                           "\",\"letters\":[{\"partition\":3,\"cause\":\"bad_row\","
                           "\"count\":2,\"oldest_ms\":99}],\"generations\":[{\"id\":4,"
                           "\"state\":\"live\",\"is_paused\":false,\"created_ms\":5000,"
                           "\"detail\":\"\"}]}}"));
    http_client_answer_done(&got);
    answer.generation = 0;
    got = get("/api/v1/status.json");
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.body, "\"tables\":{\"is_known\":false,\"why\":\"no connection\"}}"));
    http_client_answer_done(&got);
}

static void without_the_role_rpc_there_is_the_status_alone(void **state)
{
    (void)state;
    struct http_client_answer got = get("/api/v1/status.json");
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.body, "\"is_rpc\":false"));
    http_client_answer_done(&got);
    expect("/api/v1/bot-stats.json", 404, "{\"error\":\"this process has not the role rpc\"}");
    expect("/api/v1/rebuild.json", 404, "{\"error\":\"no brokers are known\"}");
}

/* ---- the rest ---- */

static void the_static_page_comes_with_its_headers(void **state)
{
    (void)state;
    static const char *const FILES[][2] = {{"/", "text/html; charset=utf-8"},
                                           {"/page.js", "text/javascript; charset=utf-8"},
                                           {"/page.css", "text/css; charset=utf-8"},
                                           {"/icon.svg", "image/svg+xml"}};
    for (size_t i = 0; i < sizeof(FILES) / sizeof(*FILES); i++) {
        struct http_client_answer got = get(FILES[i][0]);
        assert_int_equal(got.status, 200);
        assert_non_null(strstr(got.head, FILES[i][1]));
        assert_non_null(strstr(got.head, "Content-Security-Policy: default-src 'none';"));
        assert_non_null(strstr(got.head, "X-Content-Type-Options: nosniff"));
        http_client_answer_done(&got);
    }
    expect("/none.js", 404, "none");
    expect("/api/v1/none.json", 404, "none");
}

static void another_name_sees_no_figures(void **state)
{
    (void)state;
    struct question question = {.path = "/api/v1/other-stats.json", .host = "evil.example"};
    begin(&question);
    assert_int_equal(pthread_join(question.thread, NULL), 0);
    assert_int_equal(question.answer.status, 403);
    http_client_answer_done(&question.answer);
    assert_int_equal(fake.asked, 0);
}

static void a_draining_page_begins_nothing(void **state)
{
    (void)state;
    page_drain(page);
    expect("/api/v1/other-stats.json", 503, "{\"error\":\"the store is shutting down\"}");
    assert_true(page_is_idle(page));
}

static void the_end_answers_what_is_open(void **state)
{
    (void)state;
    struct question question = {.path = "/api/v1/other-stats.json", .host = "localhost"};
    is_answering = false;
    begin(&question);
    assert_false(page_is_idle(page));
    page_free(page);
    page = NULL;
    assert_int_equal(fake.cancelled, 1);
    assert_int_equal(pthread_join(question.thread, NULL), 0);
    assert_int_equal(question.answer.status, 503);
    http_client_answer_done(&question.answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(totals_are_asked_as_the_rpc_asks_them),
        TEST(a_series_has_every_bucket),
        TEST(rankings_keep_their_order_and_ids_are_texts),
        TEST(wrong_arguments_are_told_and_not_asked),
        TEST(an_unwell_database_is_unavailable),
        TEST(the_status_is_told_without_the_database_too),
        cmocka_unit_test_setup_teardown(without_the_role_rpc_there_is_the_status_alone,
                                        setup_without_reads, teardown),
        TEST(the_static_page_comes_with_its_headers),
        TEST(another_name_sees_no_figures),
        TEST(a_draining_page_begins_nothing),
        TEST(the_end_answers_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
