#include "tests/support/rpc_echo_server/options.h"

#include <string.h>

/* Where a number goes, or NULL for an unknown name. */
static bool set_number(struct rpc_limits *limits, struct bytes name, int64_t value)
{
    const struct {
        const char *name;
        int *as_int;
        size_t *as_size;
        int64_t *as_int64;
    } rows[] = {
        {"max_connections", &limits->max_connections, NULL, NULL},
        {"max_streams", &limits->max_streams, NULL, NULL},
        {"message_max", NULL, &limits->message_max, NULL},
        {"header_max", NULL, &limits->header_max, NULL},
        {"send_buffer_max", NULL, &limits->send_buffer_max, NULL},
        {"default_deadline_ms", NULL, NULL, &limits->default_deadline_ms},
        {"max_deadline_ms", NULL, NULL, &limits->max_deadline_ms},
        {"idle_ms", NULL, NULL, &limits->idle_ms},
        {"write_deadline_ms", NULL, NULL, &limits->write_deadline_ms},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!bytes_equal(name, bytes_of_text(rows[i].name)))
            continue;
        if (rows[i].as_int != NULL)
            *rows[i].as_int = (int)value;
        if (rows[i].as_size != NULL)
            *rows[i].as_size = (size_t)value;
        if (rows[i].as_int64 != NULL)
            *rows[i].as_int64 = value;
        return true;
    }
    return false;
}

static bool set_option(struct echo_options *options, const char *word, struct err *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL)
        return err_set(err, ERR_REJECT, "%s: not name=value", word);
    struct bytes name = {word, (size_t)(equals - word)};
    const char *value = equals + 1;
    if (bytes_equal(name, BYTES_LITERAL("listen"))) {
        options->listen = value;
        return true;
    }
    if (bytes_equal(name, BYTES_LITERAL("tokens")))
        return rpc_tokens_load(value, &options->tokens, err);
    int64_t number = 0;
    if (!bytes_get_int64(bytes_of_text(value), &number))
        return err_set(err, ERR_REJECT, "%s: not a number", word);
    return set_number(&options->limits, name, number) ||
           err_set(err, ERR_REJECT, "%s: unknown name", word);
}

bool echo_options_read(int argc, char *const *argv, struct echo_options *out, struct err *err)
{
    *out = (struct echo_options){.listen = "127.0.0.1:0", .limits = rpc_limits_standard()};
    for (int i = 1; i < argc; i++) {
        if (!set_option(out, argv[i], err))
            return false;
    }
    return true;
}

void echo_options_done(struct echo_options *options)
{
    rpc_tokens_done(&options->tokens);
}
