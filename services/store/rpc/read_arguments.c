#include "services/store/rpc/read_arguments.h"

#include "libs/base/now.h"
#include "services/store/rpc/read_refusals.h"

bool read_arguments_class(struct rpc_call *rpc, Telefact__Store__V1__ChatClass number,
                          enum chat_class standard, enum chat_class *out)
{
    switch (number) {
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_UNSPECIFIED:
        *out = standard;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_ALL:
        *out = CHAT_CLASS_EVERY;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_USERS:
        *out = CHAT_CLASS_USER;
        return true;
    case TELEFACT__STORE__V1__CHAT_CLASS__CHAT_CLASS_GROUPS:
        *out = CHAT_CLASS_GROUP;
        return true;
    case _TELEFACT__STORE__V1__CHAT_CLASS_IS_INT_SIZE:
        break;
    }
    read_refuse(rpc, READ_INVALID_ARGUMENT, "chat_class: not a known value");
    return false;
}

int64_t read_arguments_now(bool is_given, int64_t now)
{
    return is_given ? now : now_unix_ms() / 1000;
}
