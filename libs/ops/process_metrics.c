#include "libs/ops/process_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static bool gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    return value < 0 || buf_appendf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name,
                                    help, name, name, value);
}

/* The whole number that stands in `text` after `skip` spaces; -1: none. */
static int64_t number_after(const char *text, int skip)
{
    for (; text != NULL && skip > 0; skip--) {
        text = strchr(text, ' ');
        text = text == NULL ? NULL : text + 1;
    }
    int64_t number = -1;
    if (text != NULL && !bytes_get_int64((struct bytes){text, strcspn(text, " \n")}, &number))
        number = -1;
    return number;
}

/* The beginning of a file of the kernel as text; "" when there is none. */
static void read_text(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    out[fread(out, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

/* -1: unknown, as in the functions below. */
static int64_t resident_bytes(void)
{
    char text[256];
    read_text("/proc/self/statm", text, sizeof(text));
    int64_t pages = number_after(text, 1);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return -1;
    int64_t count = -1; /* without the folder's own descriptor */
    /* cppcheck-suppress readdirCalled ; glibc's is safe for a folder of one thread */
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

static int64_t max_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT64_MAX)
        return -1;
    return (int64_t)limit.rlim_cur;
}

/* When the machine started, in seconds of Unix time. */
static int64_t boot_seconds(void)
{
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return -1;
    char line[512];
    int64_t seconds = -1;
    while (seconds < 0 && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "btime ", strlen("btime ")) == 0)
            seconds = number_after(line, 1);
    (void)fclose(file);
    return seconds;
}

static int64_t start_seconds(void)
{
    char text[1024];
    read_text("/proc/self/stat", text, sizeof(text));
    /* Field 22; the second one is the program's name in parentheses, which may hold spaces. */
    int64_t ticks = number_after(strrchr(text, ')'), 20);
    int64_t boot = boot_seconds();
    return ticks < 0 || boot < 0 ? -1 : boot + ticks / sysconf(_SC_CLK_TCK);
}

static int64_t cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

bool process_metrics_render(struct buf *out)
{
    int64_t cpu = cpu_us();
    return gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes()) &&
           gauge(out, "process_open_fds", "Open file descriptors.", open_descriptors()) &&
           gauge(out, "process_max_fds", "Limit of open file descriptors.", max_descriptors()) &&
           gauge(out, "process_start_time_seconds", "Start of the process, Unix time.",
                 start_seconds()) &&
           buf_appendf(out,
                       "# HELP process_cpu_seconds_total User and system CPU time.\n"
                       "# TYPE process_cpu_seconds_total counter\n"
                       "process_cpu_seconds_total %" PRId64 ".%06" PRId64 "\n",
                       cpu / 1000000, cpu % 1000000);
}
