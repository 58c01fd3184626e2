#include "services/store/kafka/leave.h"

#include "libs/base/now.h"

#define LEAVE_TIMEOUT_MS 3000
#define LEAVE_POLL_MS 50

/* rd_kafka_consumer_close would wait for a coordinator that is away for as long as its session. */
static void leave_group(rd_kafka_t *rk)
{
    int64_t deadline_ms = now_monotonic_ms() + LEAVE_TIMEOUT_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    while (error == NULL && !rd_kafka_consumer_closed(rk) && now_monotonic_ms() < deadline_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LEAVE_POLL_MS);
        if (event == NULL)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            (void)rd_kafka_assign(rk, NULL);
        rd_kafka_event_destroy(event);
    }
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

void leave_and_destroy(rd_kafka_t *rk, bool has_joined)
{
    if (has_joined)
        leave_group(rk);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
