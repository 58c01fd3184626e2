/* session: nghttp2's side of a connection: its options, and its callbacks turned into the events of
 * calls. Internal. */
#ifndef LIBS_RPC_SESSION_H
#define LIBS_RPC_SESSION_H

#include <nghttp2/nghttp2.h>

struct rpc_connection;

struct rpc_session_setup { /* the same for every connection */
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
};

void rpc_session_setup_init(struct rpc_session_setup *setup);
void rpc_session_setup_done(struct rpc_session_setup *setup);

/* A server session whose SETTINGS wait to be sent. Ends with nghttp2_session_del. */
nghttp2_session *rpc_session_new(const struct rpc_session_setup *setup,
                                 struct rpc_connection *connection);

#endif
