/* health: grpc.health.v1.Health, Check and Watch, for "" and every added service. Internal to this
 * folder. */
#ifndef LIBS_RPC_HEALTH_H
#define LIBS_RPC_HEALTH_H

#include "libs/rpc/methods.h"

struct rpc_health;

/* Adds its methods to `methods`. */
struct rpc_health *rpc_health_new(struct rpc_methods *methods, const struct rpc_service *services,
                                  size_t service_count);

/* Tell every watcher of a change. */
void rpc_health_set_serving(struct rpc_health *health, bool is_serving);

/* End every Watch, now and from now on. */
void rpc_health_drain(struct rpc_health *health);
void rpc_health_free(struct rpc_health *health); /* after its calls were cancelled */

#endif
