#include "services/store/dlq_list.h"

#include "libs/base/buf.h"
#include "libs/wire/event_codec.h"
#include "services/store/dlq_event.h"

#include <assert.h>
#include <inttypes.h>

#define SHOWN_MAX (1 << 20) /* bytes about one letter: its texts escaped */

struct listing {
    FILE *out;
    bool is_json;
    bool reveals;
    int64_t left; /* letters that may still be shown */
    struct letter_place next;
    bool has_more;
};

const char *letter_decision_name(enum letter_decision decision)
{
    static const char *const NAMES[] = {NULL, "open", "retried", "dropped"};
    return NAMES[decision];
}

static void put(FILE *out, struct buf *text)
{
    (void)fwrite(text->data, 1, text->len, out);
    buf_done(text);
}

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static bool put_line(struct buf *text, const struct letter *letter)
{
    bool fits =
        buf_appendf(text, "%" PRId32 ":%" PRId64 "  %s  %s  %s  %s  %s  ", letter->place.partition,
                    letter->place.offset, letter_decision_name(letter->decision), letter->cause,
                    or_dash(letter->kind), or_dash(letter->event_id), letter->time);
    if (letter->is_expired)
        return fits && buf_appendf(text, "expired\n");
    return fits &&
           buf_appendf(text, "%" PRId64 " bytes\n", letter->value_len < 0 ? 0 : letter->value_len);
}

static bool list_one(void *self, const struct letter *letter, struct err *err)
{
    struct listing *listing = self;
    (void)err;
    if (listing->left == 0) {
        if (!listing->has_more)
            listing->next = letter->place;
        listing->has_more = true;
        return true;
    }
    struct buf text;
    buf_init(&text, SHOWN_MAX);
    bool fits =
        listing->is_json ? buf_appendf(&text, "%s\n", letter->json) : put_line(&text, letter);
    assert(fits);
    put(listing->out, &text);
    listing->left--;
    return true;
}

/* Read page by page. */
struct paging {
    const struct letter_desk *desk;
    struct letter_query query;
    struct letter_taker taker;
};

static bool take_paged(void *self, const struct letter *letter, struct err *err)
{
    struct paging *paging = self;
    paging->query.from = (struct letter_place){letter->place.partition, letter->place.offset + 1};
    return paging->taker.take(paging->taker.self, letter, err);
}

static bool read_page(struct paging *paging, int *out_count, struct err *err)
{
    struct letter_query query = paging->query;
    struct letter_taker taker = {.take = take_paged, .self = paging};
    return paging->desk->read(paging->desk->self, &query, &taker, out_count, err);
}

bool dlq_list(const struct letter_desk *desk, const struct dlq_options *options, FILE *out,
              struct err *err)
{
    struct listing listing = {.out = out, .is_json = options->is_json, .left = options->limit};
    struct paging paging = {.desk = desk, .taker = {list_one, &listing}};
    paging.query = (struct letter_query){options->filter, options->from, LETTER_SHORT, LETTER_PAGE};
    int count = LETTER_PAGE;
    while (count == LETTER_PAGE && !listing.has_more)
        if (!read_page(&paging, &count, err))
            return false;
    if (!listing.has_more || options->is_json)
        return true; /* a program counts, and knows the last place */
    struct buf text;
    buf_init(&text, SHOWN_MAX);
    bool fits = buf_appendf(&text, "there are more: --from %" PRId32 ":%" PRId64 "\n",
                            listing.next.partition, listing.next.offset);
    assert(fits);
    put(out, &text);
    return true;
}

/* ---- export ---- */

static bool export_one(void *self, const struct letter *letter, struct err *err)
{
    FILE *out = self;
    if (fputs(letter->json, out) < 0 || fputc('\n', out) < 0)
        return err_set(err, ERR_REJECT, "write the export: the output takes no more");
    return true;
}

bool dlq_export(const struct letter_desk *desk, const struct dlq_options *options, FILE *out,
                struct err *err)
{
    struct paging paging = {.desk = desk, .taker = {export_one, out}};
    paging.query =
        (struct letter_query){options->filter, options->from, LETTER_WHOLE_JSON, LETTER_PAGE};
    int count = LETTER_PAGE;
    while (count == LETTER_PAGE)
        if (!read_page(&paging, &count, err))
            return false;
    return fflush(out) == 0 ||
           err_set(err, ERR_REJECT, "write the export: the output takes no more");
}

/* ---- one letter ---- */

static bool put_event(struct buf *text, const struct letter *letter, bool reveals)
{
    struct event event;
    const char *why = NULL;
    struct event_arena *arena = event_arena_new(EVENT_BYTES_MAX);
    bool fits = true;
    switch (event_decode(letter->value, arena, &event, &why)) {
    case EVENT_DECODED:
        fits = buf_appendf(text, "event %s\n", event_kind_name(event.kind)) &&
               dlq_event_put(&event, reveals, text);
        break;
    case EVENT_UNKNOWN_PAYLOAD:
        fits = buf_appendf(text, "event: newer than this build\n");
        break;
    case EVENT_MALFORMED:
    case EVENT_ARENA_FULL:
        fits = buf_appendf(text, "event: %s\n", why == NULL ? "too large" : why);
        break;
    }
    event_arena_free(arena);
    return fits;
}

static bool put_letter(struct buf *text, const struct letter *letter, bool reveals)
{
    bool fits = buf_appendf(text,
                            "place: %" PRId32 ":%" PRId64
                            "\ndecision: %s\ncause: %s\ndetail: %s\nkind: %s\n"
                            "event_id: %s\nrecord_time: %s\n",
                            letter->place.partition, letter->place.offset,
                            letter_decision_name(letter->decision), letter->cause, letter->detail,
                            or_dash(letter->kind), or_dash(letter->event_id), letter->time);
    if (letter->decided_at[0] != '\0')
        fits = fits && buf_appendf(text, "decided_at: %s\n", letter->decided_at);
    if (letter->traceparent.len > 0)
        fits = fits && buf_appendf(text, "traceparent: %.*s\n", (int)letter->traceparent.len,
                                   letter->traceparent.data);
    if (letter->is_expired)
        return fits && buf_appendf(text, "bytes: expired\n");
    fits = fits && buf_appendf(text, "bytes: %zu of the key, %zu of the value\n", letter->key.len,
                               letter->value.len);
    return fits && put_event(text, letter, reveals);
}

static bool show_one(void *self, const struct letter *letter, struct err *err)
{
    struct listing *listing = self;
    if (letter->place.partition != listing->next.partition ||
        letter->place.offset != listing->next.offset)
        return true;
    struct buf text;
    buf_init(&text, SHOWN_MAX);
    bool fits = put_letter(&text, letter, listing->reveals);
    listing->left = 0;
    put(listing->out, &text);
    return fits || err_set(err, ERR_REJECT, "the letter is too large to be shown: export it");
}

bool dlq_show(const struct letter_desk *desk, const struct dlq_options *options, FILE *out,
              struct err *err)
{
    struct letter_place place = options->places[0];
    struct listing listing = {.out = out, .reveals = options->reveals, .left = 1, .next = place};
    struct letter_query query = {.filter = {.partition = -1}, .from = place, .limit = 1};
    int count = 0;
    query.content = LETTER_WITH_BYTES;
    struct letter_taker taker = {.take = show_one, .self = &listing};
    if (!desk->read(desk->self, &query, &taker, &count, err))
        return false;
    return listing.left == 0 ||
           err_set(err, ERR_REJECT, "there is no dead letter at %" PRId32 ":%" PRId64,
                   place.partition, place.offset);
}
