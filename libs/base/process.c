#include "libs/base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void process_harden(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    /* RLIMIT_CORE does not stop a core that the kernel pipes to a program; this does. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
