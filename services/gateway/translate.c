#include "services/gateway/translate.h"

#include "libs/base/mem.h"
#include "libs/json/json_pick.h"
#include "libs/wire/decimal.h"
#include "libs/wire/event_id.h"
#include "services/gateway/translate_text.h"
#include "services/gateway/update_json.h"

#include <assert.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QUERY_ID_MAX 256               /* bytes of a callback's id; Telegram's have 20 */
#define NATURAL_MAX (QUERY_ID_MAX + 8) /* "cq:<id>", "m:<int64>:<int64>" */

/* What the handlers of one update share. */
struct job {
    const struct translate_context *context;
    struct translation *out;
    struct scratch scratch;
    char natural[NATURAL_MAX]; /* the natural id, see docs/events.md, "Event id" */
    size_t natural_len;
    int64_t date; /* as event ids want it */
    int64_t occurred_at_ms;
};

/* False from a handler or reader: something that is needed is missing, twice or of the wrong type,
 * and the update is UNPARSABLE. */
typedef bool handle_fn(struct job *job, yyjson_val *object);

static void add_natural(struct job *job, struct bytes text)
{
    assert(job->natural_len + text.len <= NATURAL_MAX);
    memcpy(job->natural + job->natural_len, text.data, text.len);
    job->natural_len += text.len;
}

static void add_natural_number(struct job *job, int64_t number)
{
    char text[DECIMAL_MAX];
    add_natural(job, (struct bytes){text, decimal_write(number, text)});
}

/* The natural id "<form><chat>:<item>", and when it happened, of all events of this update. */
static void set_cause(struct job *job, int64_t date, struct bytes form, int64_t chat, int64_t item)
{
    job->natural_len = 0;
    add_natural(job, form);
    add_natural_number(job, chat);
    add_natural(job, BYTES_LITERAL(":"));
    add_natural_number(job, item);
    job->date = date;
    job->occurred_at_ms = date * 1000;
}

/* A zeroed payload for the caller to fill; seal() makes the id. */
static struct event *add_event(struct job *job, enum event_kind kind, int64_t subject_id)
{
    struct translation *out = job->out;
    assert(out->event_count < TRANSLATE_EVENTS_MAX);
    uint32_t ordinal = 0;
    for (size_t i = 0; i < out->event_count; i++)
        ordinal += out->events[i].kind == kind;
    struct event *event = &out->events[out->event_count++];
    *event = (struct event){
        .bot_id = job->context->bot_id,
        .update_id = out->update_id,
        .occurred_at_ms = job->occurred_at_ms,
        .received_at_ms = job->context->received_at_ms,
        .producer = job->context->producer,
        .ordinal = ordinal,
        .kind = kind,
        .subject_id = subject_id,
    };
    struct bytes natural = {job->natural, job->natural_len};
    event_id_of_update(event, natural, job->date, event->id);
    return event;
}

static struct bytes fit_name(struct job *job, yyjson_val *value)
{
    if (value == NULL)
        return (struct bytes){NULL, 0};
    return text_fit(json_text(value), EVENT_NAME_MAX, &job->scratch);
}

/* The sender's names and language. Names stay out of groups, where user_id is the chat. */
static bool set_sender(struct job *job, const struct update_message *message,
                       struct event_user_seen *seen)
{
    enum { LANGUAGE_CODE, USERNAME, FIRST_NAME, LAST_NAME };
    static const struct json_member members[] = {
        [LANGUAGE_CODE] = JSON_MEMBER("language_code", JSON_TEXT),
        [USERNAME] = JSON_MEMBER("username", JSON_TEXT),
        [FIRST_NAME] = JSON_MEMBER("first_name", JSON_TEXT),
        [LAST_NAME] = JSON_MEMBER("last_name", JSON_TEXT),
    };
    yyjson_val *found[COUNT(members)];
    bool is_private = message->chat.type == CHAT_PRIVATE;
    seen->lang = BYTES_LITERAL("en");
    if (message->from == NULL)
        return true;
    if (!json_pick(message->from, members, is_private ? COUNT(members) : 1, found))
        return false;
    if (found[LANGUAGE_CODE] != NULL && event_lang_is_known(json_text(found[LANGUAGE_CODE])))
        seen->lang = json_text(found[LANGUAGE_CODE]);
    if (!is_private)
        return true;
    seen->personal.is_present = true;
    seen->personal.username = fit_name(job, found[USERNAME]);
    seen->personal.first_name = fit_name(job, found[FIRST_NAME]);
    seen->personal.last_name = fit_name(job, found[LAST_NAME]);
    seen->personal.language_code = fit_name(job, found[LANGUAGE_CODE]);
    return true;
}

static bool add_user_seen(struct job *job, const struct update_message *message,
                          enum event_seen_source source, struct bytes link)
{
    struct event *event = add_event(job, EVENT_USER_SEEN, message->chat.id);
    event->user_seen.chat_type = message->chat.type;
    event->user_seen.source = source;
    if (link.len > 0)
        event->user_seen.link = text_fit(link, EVENT_LINK_MAX, &job->scratch);
    return set_sender(job, message, &event->user_seen);
}

static bool see_sender(struct job *job, const struct update_message *message)
{
    const struct bytes none = {NULL, 0};
    bool is_private = message->chat.type == CHAT_PRIVATE;
    struct bytes text = message->text == NULL ? none : json_text(message->text);
    struct bytes rest = none;
    if (message->chat.type == CHAT_UNKNOWN)
        return true;
    if (is_private && text_is_command(text, BYTES_LITERAL("/start"), &rest))
        return add_user_seen(job, message, SEEN_START, rest);
    if (is_private && text_is_command(text, BYTES_LITERAL("/mode"), &rest)) {
        add_event(job, EVENT_USER_MODE_CHANGED, message->chat.id)->mode.is_toggle = true;
        return true;
    }
    if (text.len > 0)
        return add_user_seen(job, message, SEEN_TEXT, none);
    if (is_private)
        return add_user_seen(job, message, SEEN_PRIVATE_MESSAGE, none);
    return true;
}

static bool add_migration(struct job *job, int64_t subject_id, int64_t old_id, int64_t new_id)
{
    struct event *event = add_event(job, EVENT_CHAT_MIGRATED, subject_id);
    event->migrated.old_id = old_id;
    event->migrated.new_id = new_id;
    return old_id != 0 && new_id != 0;
}

static bool on_message(struct job *job, yyjson_val *object)
{
    struct update_message message;
    if (!update_get_message(object, &message))
        return false;
    int64_t chat_id = message.chat.id;
    set_cause(job, message.date, BYTES_LITERAL("m:"), chat_id, message.id);
    if (!see_sender(job, &message))
        return false;
    if (message.migrate_to != NULL &&
        !add_migration(job, chat_id, chat_id, json_int64(message.migrate_to)))
        return false;
    return message.migrate_from == NULL ||
           add_migration(job, chat_id, json_int64(message.migrate_from), chat_id);
}

/* The code of a button "lang/<code>", when it is a known one. */
static bool get_lang(yyjson_val *data, struct bytes *out)
{
    const struct bytes prefix = BYTES_LITERAL("lang/");
    struct bytes text = data == NULL ? (struct bytes){NULL, 0} : json_text(data);
    if (text.len < prefix.len || memcmp(text.data, prefix.data, prefix.len) != 0)
        return false;
    *out = (struct bytes){text.data + prefix.len, text.len - prefix.len};
    return event_lang_is_known(*out);
}

/* The date of a button's message is not the press, so the gateway's clock stands for it. */
static bool set_query_cause(struct job *job, yyjson_val *id)
{
    if (id == NULL || yyjson_get_len(id) > QUERY_ID_MAX)
        return false;
    struct bytes text = text_fit(json_text(id), QUERY_ID_MAX, &job->scratch);
    job->natural_len = 0;
    add_natural(job, BYTES_LITERAL("cq:"));
    add_natural(job, text);
    job->date = 0;
    job->occurred_at_ms = job->context->received_at_ms;
    return true;
}

static bool get_only(yyjson_val *object, struct json_member member, yyjson_val **out)
{
    return json_pick(object, &member, 1, out) && *out != NULL;
}

static bool on_callback_query(struct job *job, yyjson_val *object)
{
    enum { ID, DATA, MESSAGE };
    static const struct json_member members[] = {
        [ID] = JSON_MEMBER("id", JSON_TEXT),
        [DATA] = JSON_MEMBER("data", JSON_TEXT),
        [MESSAGE] = JSON_MEMBER("message", JSON_OBJECT),
    };
    static const struct json_member chat_member = JSON_MEMBER("chat", JSON_OBJECT);
    yyjson_val *found[COUNT(members)];
    yyjson_val *chat_object;
    struct bytes lang;
    struct update_chat chat;
    if (!json_pick(object, members, COUNT(members), found))
        return false;
    if (found[MESSAGE] == NULL || !get_lang(found[DATA], &lang))
        return true;
    if (!get_only(found[MESSAGE], chat_member, &chat_object) ||
        !update_get_chat(chat_object, &chat) || !set_query_cause(job, found[ID]))
        return false;
    if (chat.type == CHAT_PRIVATE)
        add_event(job, EVENT_USER_LANG_CHANGED, chat.id)->lang = lang;
    return true;
}

static bool on_my_chat_member(struct job *job, yyjson_val *object)
{
    enum { CHAT, FROM, DATE, NEW_MEMBER };
    static const struct json_member members[] = {
        [CHAT] = JSON_MEMBER("chat", JSON_OBJECT),
        [FROM] = JSON_MEMBER("from", JSON_OBJECT),
        [DATE] = JSON_MEMBER("date", JSON_INT64),
        [NEW_MEMBER] = JSON_MEMBER("new_chat_member", JSON_OBJECT),
    };
    static const struct json_member id_member = JSON_MEMBER("id", JSON_INT64);
    static const struct json_member status_member = JSON_MEMBER("status", JSON_TEXT);
    yyjson_val *found[COUNT(members)];
    yyjson_val *from_id;
    yyjson_val *status;
    struct update_chat chat;
    int64_t date;
    if (!json_pick(object, members, COUNT(members), found) || !update_get_chat(found[CHAT], &chat))
        return false;
    if (chat.type != CHAT_PRIVATE)
        return true;
    if (!get_only(found[FROM], id_member, &from_id) || !update_get_date(found[DATE], &date) ||
        !get_only(found[NEW_MEMBER], status_member, &status))
        return false;
    bool is_blocked = json_key_is(status, BYTES_LITERAL("kicked"));
    if (!is_blocked && !json_key_is(status, BYTES_LITERAL("member")))
        return true;
    set_cause(job, date, BYTES_LITERAL("cm:"), chat.id, json_int64(from_id));
    add_event(job, EVENT_USER_BLOCKED, chat.id)->blocked = is_blocked;
    return true;
}

/* One row an update kind; without a handler it makes no event. */
static const struct {
    struct json_member member; /* of the update object */
    handle_fn *handle;
} kinds[UPDATE_KINDS] = {
    [UPDATE_OTHER] = {JSON_MEMBER("other", JSON_ANY), NULL}, /* a name only, never looked for */
    [UPDATE_MESSAGE] = {JSON_MEMBER("message", JSON_OBJECT), on_message},
    [UPDATE_EDITED_MESSAGE] = {JSON_MEMBER("edited_message", JSON_ANY), NULL},
    [UPDATE_CHANNEL_POST] = {JSON_MEMBER("channel_post", JSON_ANY), NULL},
    [UPDATE_EDITED_CHANNEL_POST] = {JSON_MEMBER("edited_channel_post", JSON_ANY), NULL},
    [UPDATE_BUSINESS_CONNECTION] = {JSON_MEMBER("business_connection", JSON_ANY), NULL},
    [UPDATE_BUSINESS_MESSAGE] = {JSON_MEMBER("business_message", JSON_ANY), NULL},
    [UPDATE_EDITED_BUSINESS_MESSAGE] = {JSON_MEMBER("edited_business_message", JSON_ANY), NULL},
    [UPDATE_DELETED_BUSINESS_MESSAGES] = {JSON_MEMBER("deleted_business_messages", JSON_ANY), NULL},
    [UPDATE_GUEST_MESSAGE] = {JSON_MEMBER("guest_message", JSON_ANY), NULL},
    [UPDATE_MESSAGE_REACTION] = {JSON_MEMBER("message_reaction", JSON_ANY), NULL},
    [UPDATE_MESSAGE_REACTION_COUNT] = {JSON_MEMBER("message_reaction_count", JSON_ANY), NULL},
    [UPDATE_INLINE_QUERY] = {JSON_MEMBER("inline_query", JSON_ANY), NULL},
    [UPDATE_CHOSEN_INLINE_RESULT] = {JSON_MEMBER("chosen_inline_result", JSON_ANY), NULL},
    [UPDATE_CALLBACK_QUERY] = {JSON_MEMBER("callback_query", JSON_OBJECT), on_callback_query},
    [UPDATE_SHIPPING_QUERY] = {JSON_MEMBER("shipping_query", JSON_ANY), NULL},
    [UPDATE_PRE_CHECKOUT_QUERY] = {JSON_MEMBER("pre_checkout_query", JSON_ANY), NULL},
    [UPDATE_PURCHASED_PAID_MEDIA] = {JSON_MEMBER("purchased_paid_media", JSON_ANY), NULL},
    [UPDATE_POLL] = {JSON_MEMBER("poll", JSON_ANY), NULL},
    [UPDATE_POLL_ANSWER] = {JSON_MEMBER("poll_answer", JSON_ANY), NULL},
    [UPDATE_MY_CHAT_MEMBER] = {JSON_MEMBER("my_chat_member", JSON_OBJECT), on_my_chat_member},
    [UPDATE_CHAT_MEMBER] = {JSON_MEMBER("chat_member", JSON_ANY), NULL},
    [UPDATE_CHAT_JOIN_REQUEST] = {JSON_MEMBER("chat_join_request", JSON_ANY), NULL},
    [UPDATE_CHAT_BOOST] = {JSON_MEMBER("chat_boost", JSON_ANY), NULL},
    [UPDATE_REMOVED_CHAT_BOOST] = {JSON_MEMBER("removed_chat_boost", JSON_ANY), NULL},
    [UPDATE_MANAGED_BOT] = {JSON_MEMBER("managed_bot", JSON_ANY), NULL},
    [UPDATE_SUBSCRIPTION] = {JSON_MEMBER("subscription", JSON_ANY), NULL},
};

const char *update_kind_name(enum update_kind kind)
{
    return kinds[kind].member.key;
}

/* Telegram sends one kind an update; of several the first in the table counts. Keys that are no
 * kind of ours may be a newer API's and are left alone. */
static bool read_root(yyjson_val *root, struct translation *out, yyjson_val **out_object)
{
    static const struct json_member id_member = JSON_MEMBER("update_id", JSON_INT64);
    struct json_member members[UPDATE_KINDS];
    yyjson_val *found[UPDATE_KINDS];
    yyjson_val *id;
    if (!get_only(root, id_member, &id) || json_int64(id) <= 0)
        return false;
    out->update_id = json_int64(id);
    for (size_t i = 0; i < UPDATE_KINDS; i++)
        members[i] = kinds[i].member;
    found[UPDATE_OTHER] = NULL;
    if (!json_pick(root, members + 1, UPDATE_KINDS - 1, found + 1))
        return false;
    for (size_t i = UPDATE_KINDS - 1; i > UPDATE_OTHER; i--) {
        if (found[i] != NULL)
            out->kind = (enum update_kind)i;
    }
    *out_object = found[out->kind];
    return true;
}

static yyjson_doc *parse(struct bytes body)
{
    yyjson_read_err error;
    /* The reader takes a pointer to non-const for its in-place mode, which is not asked for. */
    char *data = (char *)(uintptr_t)body.data;
    yyjson_doc *document = yyjson_read_opts(data, body.len, YYJSON_READ_NOFLAG, NULL, &error);
    if (document == NULL && error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        mem_exhausted();
    return document;
}

static enum raw_reason translate_document(struct job *job, const yyjson_doc *document)
{
    yyjson_val *object = NULL;
    bool is_readable = read_root(document->root, job->out, &object);
    if (!json_is_shallow(document, TRANSLATE_LEVELS_MAX))
        return RAW_TOO_DEEP;
    if (!is_readable)
        return RAW_UNPARSABLE;
    handle_fn *handle = kinds[job->out->kind].handle;
    if (handle != NULL && !handle(job, object))
        return RAW_UNPARSABLE;
    return RAW_NO_EVENT;
}

void translate(struct bytes body, const struct translate_context *context, struct translation *out)
{
    *out = (struct translation){.outcome = TRANSLATE_RAW, .raw_reason = RAW_UNPARSABLE};
    struct job job = {.context = context, .out = out};
    yyjson_doc *document = parse(body);
    if (document == NULL)
        return;
    out->document = document;
    out->raw_reason = translate_document(&job, document);
    out->scratch = job.scratch.bytes;
    if (out->raw_reason != RAW_NO_EVENT)
        out->event_count = 0;
    if (out->event_count > 0)
        out->outcome = TRANSLATE_EVENTS;
}

void translation_done(struct translation *translation)
{
    yyjson_doc_free(translation->document);
    free(translation->scratch);
    translation->document = NULL;
    translation->scratch = NULL;
    translation->event_count = 0;
}
