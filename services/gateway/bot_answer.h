/* bot_answer: the envelope of the Bot API's answers, read strictly. */
#ifndef SERVICES_GATEWAY_BOT_ANSWER_H
#define SERVICES_GATEWAY_BOT_ANSWER_H

#include "libs/base/bytes.h"
#include "libs/base/err.h"

#include <yyjson.h>

/* True: the method succeeded; the document is the caller's to free, the result is inside it.
 * ERR_REJECT: Telegram refused, and the text says why. ERR_RETRY: it asks to wait, or this is no
 * answer of the Bot API. */
MUST_CHECK bool bot_answer_read(struct bytes answer, yyjson_doc **out_document,
                                yyjson_val **out_result, struct err *err);

#endif
