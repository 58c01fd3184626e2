#include "libs/rpc/session.h"

#include "libs/base/bytes.h"
#include "libs/base/mem.h"
#include "libs/rpc/call.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/response.h"
#include "libs/rpc/state.h"

#include <assert.h>
#include <stdlib.h>

#define STREAM_WINDOW (256U << 10)
#define CONNECTION_WINDOW (1 << 20)
#define EARNED_BY_DATA 4 /* a reader answers each DATA with up to two WINDOW_UPDATE and a PING */
#define EARNED_BY_HEADERS 2
/* Limits inside nghttp2: bytes and frames that a peer makes us hold or work off for nothing. */
#define OUTBOUND_ACK_MAX 1000
#define SETTINGS_MAX 32
#define CONTINUATIONS_MAX 8
#define RESETS_BURST 1000
#define RESETS_PER_S 100

static struct rpc_call *call_of(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data)
{
    (void)session;
    bool is_work =
        hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION || hd->type == NGHTTP2_DATA;
    if (!is_work)
        rpc_connection_charge(user_data, 1);
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct rpc_call *call = rpc_call_new(user_data, frame->hd.stream_id);
    int failure = nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
    assert(failure == 0);
    (void)failure;
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2's signature */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user_data)
{
    (void)flags;
    (void)user_data;
    struct rpc_call *call = call_of(session, frame->hd.stream_id);
    if (call != NULL)
        rpc_call_header(call, (struct bytes){(const char *)name, name_len},
                        (struct bytes){(const char *)value, value_len});
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2's signature */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t len, void *user_data)
{
    (void)flags;
    (void)user_data;
    struct rpc_call *call = call_of(session, stream_id);
    if (call != NULL)
        rpc_call_data(call, (struct bytes){(const char *)data, len});
    return 0;
}

static void on_call_frame(nghttp2_session *session, const nghttp2_frame *frame,
                          struct rpc_connection *connection)
{
    bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    if (is_data && !is_end && frame->hd.length <= frame->data.padlen)
        rpc_connection_charge(connection, 1);
    struct rpc_call *call = call_of(session, frame->hd.stream_id);
    if (call == NULL)
        return;
    if (!is_data && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        rpc_call_headers_end(call);
    if (is_end)
        rpc_call_request_end(call);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct rpc_connection *connection = user_data;
    bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        on_call_frame(session, frame, connection);
    else if (frame->hd.type == NGHTTP2_SETTINGS && !is_ack)
        connection->is_greeted = true;
    else if (frame->hd.type == NGHTTP2_PING && is_ack)
        rpc_connection_drain_acknowledged(connection);
    return 0;
}

/* An answer may be out before the request is whole; the rest of the request is not wanted then. */
static void refuse_rest(nghttp2_session *session, int32_t stream_id)
{
    if (nghttp2_session_get_stream_remote_close(session, stream_id) == 0)
        (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR);
}

/* What nghttp2 refuses by itself shows in the frames that it sends. */
static void note_refusal(const nghttp2_frame *frame, struct rpc_connection *connection)
{
    bool is_reset = frame->hd.type == NGHTTP2_RST_STREAM;
    if (!is_reset && frame->hd.type != NGHTTP2_GOAWAY)
        return;
    uint32_t error = is_reset ? frame->rst_stream.error_code : frame->goaway.error_code;
    if (error == NGHTTP2_REFUSED_STREAM)
        rpc_connection_refused(connection, RPC_TOO_MANY_STREAMS,
                               "more streams than our SETTINGS allow");
    else if (error == NGHTTP2_ENHANCE_YOUR_CALM)
        rpc_connection_refused(connection, RPC_FLOOD, "frames without use");
    else if (error != NGHTTP2_NO_ERROR && error != NGHTTP2_CANCEL)
        rpc_connection_refused(connection, RPC_WRONG_HTTP2, nghttp2_http2_strerror(error));
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct rpc_connection *connection = user_data;
    bool is_data = frame->hd.type == NGHTTP2_DATA;
    note_refusal(frame, connection);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        rpc_connection_goaway_sent(connection);
    if (!is_data && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    rpc_credit_earn(&connection->credit, is_data ? EARNED_BY_DATA : EARNED_BY_HEADERS);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        refuse_rest(session, frame->hd.stream_id);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                           void *user_data)
{
    (void)error_code;
    (void)user_data;
    struct rpc_call *call = call_of(session, stream_id);
    if (call != NULL) {
        (void)nghttp2_session_set_stream_user_data(session, stream_id, NULL);
        rpc_call_stream_gone(call);
    }
    return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        mem_exhausted();
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

static nghttp2_option *make_option(void)
{
    nghttp2_option *option = NULL;
    if (nghttp2_option_new(&option) != 0)
        mem_exhausted();
    nghttp2_option_set_max_outbound_ack(option, OUTBOUND_ACK_MAX);
    nghttp2_option_set_max_settings(option, SETTINGS_MAX);
#ifdef NGHTTP2_HAS_RESET_RATE_LIMIT
    nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_S);
#endif
#ifdef NGHTTP2_HAS_MAX_CONTINUATIONS
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
#endif
    return option;
}

void rpc_session_setup_init(struct rpc_session_setup *setup)
{
    *setup = (struct rpc_session_setup){make_callbacks(), make_option()};
}

void rpc_session_setup_done(struct rpc_session_setup *setup)
{
    nghttp2_session_callbacks_del(setup->callbacks);
    nghttp2_option_del(setup->option);
}

static void *session_malloc(size_t size, void *data)
{
    (void)data;
    void *p = malloc(size);
    if (p == NULL && size > 0)
        mem_exhausted();
    return p;
}

static void session_free(void *p, void *data)
{
    (void)data;
    free(p);
}

static void *session_calloc(size_t count, size_t size, void *data)
{
    (void)data;
    return mem_array(count, size);
}

static void *session_realloc(void *p, size_t size, void *data)
{
    (void)data;
    return mem_grow(p, size, 1);
}

static nghttp2_mem session_memory = {NULL, session_malloc, session_free, session_calloc,
                                     session_realloc};

nghttp2_session *rpc_session_new(const struct rpc_session_setup *setup,
                                 struct rpc_connection *connection)
{
    const struct rpc_limits *limits = &connection->server->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)limits->max_streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
    };
    nghttp2_session *session = NULL;
    int failure = nghttp2_session_server_new3(&session, setup->callbacks, connection, setup->option,
                                              &session_memory);
    if (failure == 0)
        failure = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                                          sizeof(settings) / sizeof(settings[0]));
    if (failure == 0)
        failure =
            nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    assert(failure == 0);
    (void)failure;
    return session;
}
