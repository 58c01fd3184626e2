/* telefact-gateway: Telegram's updates and published events into Kafka. */
#include "libs/base/fault.h"
#include "libs/base/process.h"
#include "services/gateway/commands.h"
#include "services/gateway/faults.h"

int main(int argc, char **argv)
{
    process_harden();
    fault_init(GATEWAY_FAULT_POINTS, GATEWAY_FAULT_BUGS);
    return commands_run(argc, argv);
}
