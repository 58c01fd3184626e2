/*
 * scan: refuse request bytes that protobuf-c would take although they are hostile. Pure.
 *
 * protobuf-c cuts strings at NUL, does not check UTF-8, follows any nesting and makes up to
 * hundreds of bytes of heap out of two bytes of input. So the bytes are walked by the descriptor
 * before they are unpacked.
 */
#ifndef LIBS_RPC_SCAN_H
#define LIBS_RPC_SCAN_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#include <protobuf-c/protobuf-c.h>

/* ERR_REJECT: not a message of this type; a string with NUL or not UTF-8; nested too deep; more
 * than heap_max bytes once unpacked. The text names the message or the field and holds nothing of
 * its content. */
MUST_CHECK bool rpc_scan(const ProtobufCMessageDescriptor *type, struct bytes message,
                         size_t heap_max, struct err *err);

#endif
