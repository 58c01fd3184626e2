#include "services/store/replay_options.h"

#include "services/store/utc_time.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define GENERATION_MAX 1000000
#define GRACE_H_MAX 8760
#define HOUR_MS INT64_C(3600000)
#define MEMORY_MIB_MIN 16
#define MEMORY_MIB_MAX 65536
#define MEMORY_MIB_DEFAULT ((size_t)256)

static const struct {
    const char *word;
    enum replay_action action;
    const char *options; /* the short codes that it takes */
    bool takes_generation;
} ACTIONS[] = {
    {"start", REPLAY_START, "hjaefnsgclmb", false},
    {"work", REPLAY_WORK, "hjsgclmb", true},
    {"status", REPLAY_STATUS, "hj", true},
    {"watch", REPLAY_WATCH, "hj", true},
    {"list", REPLAY_LIST, "hj", false},
    {"pause", REPLAY_PAUSE, "h", true},
    {"resume", REPLAY_RESUME, "h", true},
    {"cancel", REPLAY_CANCEL, "h", true},
    {"swap", REPLAY_SWAP, "h", true},
    {"rollback", REPLAY_ROLLBACK, "h", true},
    {"drop", REPLAY_DROP, "h", true},
};

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, 'j'},
    {"as-of", required_argument, NULL, 'a'},
    {"expect-differences", required_argument, NULL, 'e'},
    {"force", no_argument, NULL, 'f'},
    {"no-work", no_argument, NULL, 'n'},
    {"swap", no_argument, NULL, 's'},
    {"grace-hours", required_argument, NULL, 'g'},
    {"cpu-percent", required_argument, NULL, 'c'},
    {"max-live-lag", required_argument, NULL, 'l'},
    {"memory-mib", required_argument, NULL, 'b'},
    {"admin-listen", required_argument, NULL, 'm'},
    {NULL, 0, NULL, 0},
};

void replay_options_print_usage(FILE *out)
{
    (void)fputs(
        "usage: telefact-store replay start [OPTION]...\n"
        "       telefact-store replay work [GENERATION] [OPTION]...\n"
        "       telefact-store replay status|watch|pause|resume|cancel|swap|rollback|drop"
        " [GENERATION]\n"
        "       telefact-store replay list\n"
        "\n"
        "  start     make a new generation of all tables, fill it from the log while the service\n"
        "            runs, compare it with the live one, and keep it up\n"
        "    --swap                go over to it as soon as it is proved equal\n"
        "    --expect-differences COLUMNS  users.lang,music: what may differ, comma separated\n"
        "    --as-of TIME|POSITION stop there: 2026-11-30T12:00:00Z, or 0:1043,1:78; such a one\n"
        "                          is to look at (schema g<N>) and never goes live\n"
        "    --force               also when the log no longer begins at offset 0\n"
        "    --no-work             only make it; `replay work` fills it\n"
        "  work      help to fill one, or go on with it\n"
        "    --grace-hours N       how long the replaced one is kept up (default 24)\n"
        "    --cpu-percent N       share of the time that is spent working, 1 to 100 (default "
        "100)\n"
        "    --memory-mib N        of rows and statistics that wait to be written, while the log "
        "is\n"
        "                          read for the first time: 16 to 65536 (default 256)\n"
        "    --max-live-lag N      wait while the live store is behind by more events than this\n"
        "                          (default 10000)\n"
        "    --admin-listen HOST:PORT  serve /metrics and /livez there; not where a store does\n"
        "  status    where it stands            watch     the same, every second\n"
        "  pause     stop filling it            resume    go on\n"
        "  swap      readers go over to it      rollback  readers go back to the one before\n"
        "  cancel    end it and remove it       drop      remove one that is not live\n"
        "  list      all generations\n"
        "\n"
        "  --json    progress and answers as JSON, one object a line\n"
        "Exit codes: 0 done, 1 failed or different, 64 wrong usage, 78 wrong configuration.\n",
        out);
}

static bool set_number(int64_t *out, const char *name, const char *text, int64_t max,
                       struct err *err)
{
    bool is_number = bytes_get_int64(bytes_of_text(text), out);
    return (is_number && *out >= 0 && *out <= max) ||
           err_set(err, ERR_REJECT, "%s: 0 to %lld, not \"%s\"", name, (long long)max, text);
}

static bool set_as_of(struct replay_options *options, const char *text, struct err *err)
{
    position_done(&options->as_of_position); /* given twice, the last one counts */
    options->has_as_of_position = false;
    options->has_as_of_time = utc_time_parse(text, &options->as_of_ms);
    if (options->has_as_of_time)
        return true;
    options->has_as_of_position =
        text[0] != '\0' && position_parse(bytes_of_text(text), &options->as_of_position, err);
    return options->has_as_of_position ||
           err_set(err, ERR_REJECT,
                   "--as-of: a time like 2026-11-30T12:00:00Z or a position like 0:1043,1:78, not "
                   "\"%s\"",
                   text);
}

static bool take_number(struct replay_options *options, int code, const char *text, struct err *err)
{
    int64_t number = 0;
    switch (code) {
    case 'g':
        if (!set_number(&number, "--grace-hours", text, GRACE_H_MAX, err))
            return false;
        options->grace_ms = number * HOUR_MS;
        return true;
    case 'c':
        if (!set_number(&number, "--cpu-percent", text, 100, err))
            return false;
        options->cpu_percent = (int)number;
        return number > 0 || err_set(err, ERR_REJECT, "--cpu-percent: 1 to 100, not \"%s\"", text);
    case 'b':
        if (!set_number(&number, "--memory-mib", text, MEMORY_MIB_MAX, err))
            return false;
        options->memory_bytes = (size_t)number << 20;
        return number >= MEMORY_MIB_MIN ||
               err_set(err, ERR_REJECT, "--memory-mib: %d to %d, not \"%s\"", MEMORY_MIB_MIN,
                       MEMORY_MIB_MAX, text);
    default:
        return set_number(&options->live_lag_max, "--max-live-lag", text, INT64_MAX, err);
    }
}

static bool take(struct replay_options *options, int code, const char *value, struct err *err)
{
    switch (code) {
    case 'j':
        options->is_json = true;
        return true;
    case 'a':
        return set_as_of(options, value, err);
    case 'e':
        options->expected_differences = value;
        return true;
    case 'f':
        options->is_forced = true;
        return true;
    case 'n':
        options->is_only_made = true;
        return true;
    case 's':
        options->is_swapped_when_ready = true;
        return true;
    case 'm':
        options->admin_listen = value;
        return true;
    case 'h':
        options->action = REPLAY_HELP;
        return true;
    default:
        return take_number(options, code, value, err);
    }
}

static bool take_generation(struct replay_options *options, const char *text, struct err *err)
{
    int64_t number = 0;
    bool is_number = bytes_get_int64(bytes_of_text(text), &number);
    options->generation = (int)number;
    return (is_number && number > 0 && number <= GENERATION_MAX) ||
           err_set(err, ERR_REJECT, "replay: \"%s\" is no number of a generation", text);
}

static bool take_all(int argc, char **argv, size_t action, struct replay_options *out,
                     struct err *err)
{
    int code = 0;
    optind = 0; /* glibc: begin anew, the words before were scanned already */
    while ((code = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1) {
        if (code == '?' || strchr(ACTIONS[action].options, code) == NULL)
            return err_set(err, ERR_REJECT, "replay %s: see replay --help for its options",
                           argv[0]);
        if (!take(out, code, optarg, err))
            return false;
    }
    bool has_generation = ACTIONS[action].takes_generation && optind < argc;
    if (has_generation && !take_generation(out, argv[optind], err))
        return false;
    int end = optind + (has_generation ? 1 : 0);
    if (end < argc)
        return err_set(err, ERR_REJECT, "replay %s: \"%s\" is too much", argv[0], argv[end]);
    return true;
}

bool replay_options_parse(int argc, char **argv, struct replay_options *out, struct err *err)
{
    *out = (struct replay_options){.expected_differences = "",
                                   .grace_ms = 24 * HOUR_MS,
                                   .cpu_percent = 100,
                                   .memory_bytes = MEMORY_MIB_DEFAULT << 20,
                                   .live_lag_max = 10000};
    if (argc < 2)
        return err_set(err, ERR_REJECT,
                       "replay: start, work, status, watch, list, pause, resume, "
                       "cancel, swap, rollback or drop?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return true;
    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(*ACTIONS); i++) {
        if (strcmp(argv[1], ACTIONS[i].word) != 0)
            continue;
        out->action = ACTIONS[i].action;
        if (!take_all(argc - 1, argv + 1, i, out, err))
            return false;
        return out->action != REPLAY_DROP || out->generation > 0 ||
               err_set(err, ERR_REJECT, "replay drop: which generation? see replay list");
    }
    return err_set(err, ERR_REJECT, "replay: \"%s\" is none of its words, see replay --help",
                   argv[1]);
}

void replay_options_done(struct replay_options *options)
{
    position_done(&options->as_of_position);
}
