#include "libs/wire/event.h"

const char *event_kind_name(enum event_kind kind)
{
    switch (kind) {
    case EVENT_NONE:
        return "";
    case EVENT_USER_SEEN:
        return "user_seen";
    case EVENT_USER_LANG_CHANGED:
        return "user_lang_changed";
    case EVENT_USER_MODE_CHANGED:
        return "user_mode_changed";
    case EVENT_VIDEO_DOWNLOADED:
        return "video_downloaded";
    case EVENT_MUSIC_EXTRACTED:
        return "music_extracted";
    case EVENT_AD_SHOWN:
        return "ad_shown";
    case EVENT_AD_COUNTED:
        return "ad_counted";
    case EVENT_USER_SETTINGS_PATCHED:
        return "user_settings_patched";
    case EVENT_CHAT_MIGRATED:
        return "chat_migrated";
    case EVENT_USER_BLOCKED:
        return "user_blocked";
    case EVENT_USER_ERASED:
        return "user_erased";
    }
    return "";
}

bool event_lang_is_known(struct bytes lang)
{
    static const char known[][3] = {"ar", "en", "hi", "id", "ru", "so", "uk", "vi"};
    if (lang.len != 2)
        return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (lang.data[0] == known[i][0] && lang.data[1] == known[i][1])
            return true;
    }
    return false;
}
