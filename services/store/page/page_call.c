#include "services/store/page/page_call.h"

#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "services/store/page/page_answer.h"

#include <stdlib.h>

#define JSON_MAX ((size_t)1 << 20)

struct page_call *page_call_new(struct page *page, struct http_exchange *exchange)
{
    if (page->call_count >= PAGE_CALLS_MAX) {
        page_answer_refusal(exchange, PAGE_TOO_MANY, "too many requests at a time");
        return NULL;
    }
    struct page_call *call = mem_alloc(sizeof(*call));
    call->page = page;
    call->options = &page->options;
    call->exchange = exchange;
    json_text_init(&call->json, JSON_MAX);
    call->next = page->calls;
    if (call->next != NULL)
        call->next->previous = call;
    page->calls = call;
    page->call_count++;
    return call;
}

/* The exchange lives on. */
static struct http_exchange *close_call(struct page_call *call)
{
    struct http_exchange *exchange = call->exchange;
    struct page *page = call->page;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        page->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    page->call_count--;
    loop_timer_free(call->timer);
    json_text_done(&call->json);
    free(call);
    return exchange;
}

void page_call_end(struct page_call *call)
{
    if (!json_text_is_whole(&call->json)) {
        page_call_refuse(call, PAGE_UNAVAILABLE, "the answer passes its maximum");
        return;
    }
    struct buf text = call->json.out;
    call->json.out = (struct buf){0};
    struct http_exchange *exchange = close_call(call);
    page_answer_json(exchange, buf_bytes(&text));
    buf_done(&text);
}

void page_call_refuse(struct page_call *call, enum page_refusal refusal, const char *why)
{
    if (call->read != NULL)
        call->options->reads.cancel(call->options->reads.self, call->read);
    if (call->rebuild != NULL) {
        struct err err;
        rebuild_desk_cancel(call->options->desk(call->options->desk_self, &err), call->rebuild);
    }
    page_answer_refusal(close_call(call), refusal, why);
}

/* ---- questions ---- */

static void on_read(void *self, const struct read_answer *answer, const struct err *err)
{
    struct page_call *call = self;
    call->read = NULL;
    call->on_read(call, answer, err);
}

void page_call_ask(struct page_call *call, const struct read_request *request, page_answer_fn fn)
{
    struct read_request asked = *request;
    asked.deadline_ms = now_monotonic_ms() + PAGE_DEADLINE_MS;
    call->on_read = fn;
    call->read = call->options->reads.ask(call->options->reads.self, &asked, on_read, call);
}

static void on_rebuild(void *self, const struct rebuild_answer *answer)
{
    struct page_call *call = self;
    call->rebuild = NULL;
    call->on_rebuild(call, answer);
}

static void on_late(void *self)
{
    page_call_refuse(self, PAGE_UNAVAILABLE, "not answered in time");
}

void page_call_ask_rebuild(struct page_call *call, page_rebuild_fn fn)
{
    struct rebuild_order order = {.action = REPLAY_STATUS};
    struct err err;
    struct rebuild_desk *desk = call->options->desk(call->options->desk_self, &err);
    if (desk == NULL) {
        page_call_refuse(call, PAGE_NOT_SERVED, err.text);
        return;
    }
    call->on_rebuild = fn;
    call->rebuild = rebuild_desk_put(desk, &order, on_rebuild, call);
    if (call->rebuild == NULL) {
        page_call_refuse(call, PAGE_TOO_MANY, "too many orders wait");
        return;
    }
    call->timer = loop_timer_new(call->page->loop, on_late, call);
    loop_timer_arm(call->timer, PAGE_DEADLINE_MS);
}

void page_call_put_snapshot(struct page_call *call, const struct read_answer *answer)
{
    json_text_number(&call->json, "generation", answer->generation);
    json_text_string(&call->json, "position", answer->position);
}
