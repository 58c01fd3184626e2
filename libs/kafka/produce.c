#include "libs/kafka/produce.h"

#include "libs/base/mem.h"
#include "libs/kafka/conf.h"

static const struct kafka_property DURABILITY[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2_random"}, /* as Java's clients, so that other tools agree */
    {"message.max.bytes", "2097152"},
};

bool produce_conf_set(rd_kafka_conf_t *conf, struct err *err)
{
    return kafka_conf_set_all(conf, DURABILITY, sizeof(DURABILITY) / sizeof(*DURABILITY), err);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, struct bytes value)
{
    if (rd_kafka_header_add(headers, name, -1, value.data, (ssize_t)value.len) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        mem_exhausted();
}

static rd_kafka_headers_t *headers_of(const struct record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count + 1);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        add_header(headers, header->name, (struct bytes){header->value, header->len});
    }
    if (record->trace_state_len > 0)
        add_header(headers, "tracestate",
                   (struct bytes){record->trace_state, record->trace_state_len});
    return headers;
}

rd_kafka_error_t *produce_record(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition,
                                 const struct record *record, void *opaque)
{
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key, record->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, values, sizeof(values) / sizeof(*values));
    if (error != NULL)
        rd_kafka_headers_destroy(headers);
    return error;
}

bool produce_is_durable(const rd_kafka_message_t *message)
{
    return message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_PERSISTED;
}

bool produce_is_too_large(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}
