#include "services/store/page/page_answer.h"

#include "services/store/page/assets.h"
#include "services/store/page/json_text.h"

#define REFUSAL_MAX 1024
#define FIELDS_MAX 9

#define TYPE_JSON "application/json; charset=utf-8"

static const char POLICY[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending;
    const char *type;
} TYPES[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

struct fields {
    struct http_field items[FIELDS_MAX];
    size_t count;
};

static void add(struct fields *fields, const char *name, const char *value)
{
    fields->items[fields->count++] = (struct http_field){name, bytes_of_text(value)};
}

/* What is in the cache may be another build's, or somebody else's to see. */
static struct fields fields_of(const char *type, bool is_figures)
{
    struct fields fields = {.count = 0};
    add(&fields, "Content-Type", type);
    add(&fields, "Cache-Control", is_figures ? "no-store" : "no-cache");
    add(&fields, "Content-Security-Policy", POLICY);
    add(&fields, "X-Content-Type-Options", "nosniff");
    add(&fields, "X-Frame-Options", "DENY");
    add(&fields, "Referrer-Policy", "no-referrer");
    add(&fields, "Cross-Origin-Resource-Policy", "same-origin");
    return fields;
}

static const char *type_of(struct bytes name)
{
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++) {
        struct bytes ending = bytes_of_text(TYPES[i].ending);
        if (name.len > ending.len &&
            memcmp(name.data + name.len - ending.len, ending.data, ending.len) == 0)
            return TYPES[i].type;
    }
    return "application/octet-stream";
}

bool page_answer_asset(struct http_exchange *exchange)
{
    struct bytes path = http_path(exchange);
    struct bytes name = {path.data + 1, path.len - 1};
    if (name.len == 0)
        name = BYTES_LITERAL("index.html");
    for (size_t i = 0; i < EMBEDDED_ASSETS_COUNT; i++) {
        const struct embedded_file *file = &EMBEDDED_ASSETS[i];
        if (!bytes_equal(name, bytes_of_text(file->name)))
            continue;
        struct fields fields = fields_of(type_of(name), false);
        http_answer(exchange, 200, fields.items, fields.count,
                    (struct bytes){file->text, file->len});
        return true;
    }
    return false;
}

void page_answer_json(struct http_exchange *exchange, struct bytes json)
{
    struct fields fields = fields_of(TYPE_JSON, true);
    http_answer(exchange, 200, fields.items, fields.count, json);
}

void page_answer_refusal(struct http_exchange *exchange, enum page_refusal refusal, const char *why)
{
    int status = page_refusal_status(refusal);
    struct fields fields = fields_of(TYPE_JSON, true);
    struct json_text json;
    if (status == 401)
        add(&fields, "WWW-Authenticate", "Bearer");
    if (status == 503)
        add(&fields, "Retry-After", "1");
    page_refusal_tell(refusal, why);
    json_text_init(&json, REFUSAL_MAX);
    json_text_open(&json, NULL, '{');
    json_text_string(&json, "error", bytes_of_text(why));
    json_text_close(&json, '}');
    http_answer(exchange, status, fields.items, fields.count, buf_bytes(&json.out));
    json_text_done(&json);
}
