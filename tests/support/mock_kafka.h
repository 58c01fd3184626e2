/*
 * mock_kafka: the gateway's producer on librdkafka's mock cluster, because only that answers with a
 * chosen error code.
 *
 * One broker, one topic; one key, so everything goes to one partition. A wait that takes too long
 * fails the test. One of its options names a certificate file: the mock cluster speaks no TLS and
 * nothing reads it, but that it changes counts.
 */
#ifndef TESTS_SUPPORT_MOCK_KAFKA_H
#define TESTS_SUPPORT_MOCK_KAFKA_H

#include "services/gateway/kafka/producer.h"
#include "tests/support/certificates.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#define MOCK_TIMEOUT_MS 3000 /* of a delivery */
#define MOCK_PATIENCE_MS 30000
#define MOCK_BURST 20 /* records on their way at the same time */

struct mock_kafka {
    rd_kafka_t *owner; /* the mock cluster lives in a client of its own */
    rd_kafka_mock_cluster_t *cluster;
    struct certificates files;
    char ca_path[2 * CERTIFICATES_PATH_MAX];
    struct setting_pair pair;
    struct settings_pairs passed;
    struct kafka_options options;
    struct loop *loop;
    struct loop_timer *patience;
    struct background *background;
    struct producer *producer;
    struct record_sink sink;
};

struct mock_outcome { /* of one record */
    struct mock_kafka *mock;
    int calls;
    struct delivery delivery;
};

/* What cmocka calls before and after a test: *state is the mock_kafka. */
int mock_kafka_set_up(void **state);
int mock_kafka_tear_down(void **state);

/* Run the loop until it holds. */
void mock_kafka_run_until(struct mock_kafka *mock, bool (*holds)(struct mock_kafka *mock));
bool mock_kafka_is_ready(struct mock_kafka *mock);
bool mock_kafka_is_all_reported(struct mock_kafka *mock);

bool mock_kafka_put(struct mock_kafka *mock, size_t value_len, struct mock_outcome *outcome,
                    struct err *err);

/* Put a record and wait for its report. */
void mock_kafka_deliver(struct mock_kafka *mock, struct mock_outcome *outcome);

/* Put records at once, as long as they are taken, and wait until each was reported once; returns
 * how many are durable. */
int mock_kafka_send_burst(struct mock_kafka *mock, struct mock_outcome outcomes[MOCK_BURST]);

/* The next produce request is answered with this, after rtt_ms. */
void mock_kafka_answer(struct mock_kafka *mock, rd_kafka_resp_err_t code, int rtt_ms);

void mock_kafka_change_files(struct mock_kafka *mock);

#endif
