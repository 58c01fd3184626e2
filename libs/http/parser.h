/*
 * parser: the head of an HTTP/1 request, strictly.
 *
 * Pure and incremental: it is called again with more of the same bytes and looks at every line
 * once, so a head that arrives byte by byte costs no more than one that arrives whole. Whatever two
 * programs could read differently is refused (see server.h). No memory is allocated; views point
 * into the caller's bytes.
 */
#ifndef LIBS_HTTP_PARSER_H
#define LIBS_HTTP_PARSER_H

#include "libs/base/bytes.h"

#define HTTP_FIELDS_MAX 64

struct http_head_field {
    struct bytes name;
    struct bytes value; /* without white space around it */
};

struct http_head {
    struct bytes method;
    struct bytes path;  /* begins with '/' */
    struct bytes query; /* after '?' */
    bool is_http_1_0;
    bool is_keep_alive;
    bool is_chunked;
    bool has_length;
    uint64_t length; /* UINT64_MAX stands for all that is larger */
    bool expects_continue;
    size_t field_count;
    struct http_head_field fields[HTTP_FIELDS_MAX];
};

enum http_parse {
    HTTP_PARSE_MORE, /* all is well so far, the end is not there yet */
    HTTP_PARSE_DONE,
    HTTP_PARSE_REFUSED, /* see the status; the connection cannot be used any more */
};

struct http_parser {
    size_t line_start;
    size_t scanned; /* bytes before this hold no line break of the current line */
    bool has_request_line;
    size_t hosts;
    bool closes;
    int status;      /* after HTTP_PARSE_REFUSED: what to answer */
    size_t head_len; /* after HTTP_PARSE_DONE: where the body begins */
    struct http_head head;
};

void http_parser_init(struct http_parser *parser);

/* `data` is all that has arrived since the head's first byte: the same address with the same bytes
 * before it. */
enum http_parse http_parser_run(struct http_parser *parser, struct bytes data);

/* Field names are compared without regard to case. */
bool http_name_equal(struct bytes name, struct bytes other);

/* A character of a method or a field name. */
bool http_is_token_char(char c);

#endif
