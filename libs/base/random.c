#include "libs/base/random.h"

#include "libs/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void random_fill(void *out, size_t len)
{
    unsigned char *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            log_error("the kernel gives no random bytes, exiting",
                      LOG_TEXT("error", strerror(errno)));
            _exit(EXIT_FAILURE);
        }
        to += got;
        len -= (size_t)got;
    }
}

uint32_t random_u32(void)
{
    uint32_t number;
    random_fill(&number, sizeof(number));
    return number;
}

void random_uuid7(int64_t unix_ms, uint8_t out[16])
{
    random_fill(out, 16);
    for (size_t i = 0; i < 6; i++)
        out[i] = (uint8_t)((uint64_t)unix_ms >> (40 - 8 * i));
    out[6] = (uint8_t)((out[6] & 0x0FU) | 0x70U); /* version 7 */
    out[8] = (uint8_t)((out[8] & 0x3FU) | 0x80U); /* variant of RFC 9562 */
}
