#include "libs/http/connection.h"

struct bytes http_method(const struct http_exchange *exchange)
{
    return exchange->parser.head.method;
}

struct bytes http_path(const struct http_exchange *exchange)
{
    return exchange->parser.head.path;
}

struct bytes http_query(const struct http_exchange *exchange)
{
    return exchange->parser.head.query;
}

struct bytes http_header(const struct http_exchange *exchange, const char *name)
{
    const struct http_head *head = &exchange->parser.head;
    struct bytes wanted = bytes_of_text(name);
    for (size_t i = 0; i < head->field_count; i++)
        if (http_name_equal(head->fields[i].name, wanted))
            return head->fields[i].value;
    return (struct bytes){0};
}

struct bytes http_body(const struct http_exchange *exchange)
{
    if (!exchange->is_complete)
        return (struct bytes){0};
    if (exchange->body_is_apart)
        return buf_bytes(&exchange->body);
    const struct http_parser *parser = &exchange->parser;
    return (struct bytes){exchange->in + parser->head_len, (size_t)parser->head.length};
}

size_t http_header_count(const struct http_exchange *exchange)
{
    return exchange->parser.head.field_count;
}

void http_header_at(const struct http_exchange *exchange, size_t index, struct bytes *out_name,
                    struct bytes *out_value)
{
    const struct http_head_field *field = &exchange->parser.head.fields[index];
    *out_name = field->name;
    *out_value = field->value;
}
