/* telefact-store: the log into tables, and answers from them. */
#include "libs/base/fault.h"
#include "libs/base/process.h"
#include "services/store/commands.h"
#include "services/store/faults.h"

int main(int argc, char **argv)
{
    process_harden();
    fault_init(STORE_FAULT_POINTS, STORE_FAULT_BUGS);
    return commands_run(argc, argv);
}
