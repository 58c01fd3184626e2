#include "libs/ops/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static bool gauge(const struct exposition *exposition, const char *name, const char *help,
                  int64_t value)
{
    return value < 0 || (exposition_head(exposition, name, EXPOSITION_GAUGE, help) &&
                         exposition_number(exposition, name, "", "", value));
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

/* A field of /proc/self/statm. -1: unknown, as in the functions below. */
static int64_t memory_bytes(int field)
{
    char text[256];
    read_text("/proc/self/statm", text, sizeof(text));
    int64_t pages = number_after(text, field);
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

/* A field of /proc/self/stat by its number there. The second one is the program's name in
 * parentheses, which may hold spaces. */
static int64_t status_number(int field)
{
    char text[1024];
    read_text("/proc/self/stat", text, sizeof(text));
    return number_after(strrchr(text, ')'), field - 2);
}

static int64_t start_seconds(void)
{
    int64_t ticks = status_number(22);
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

static bool render_cpu(const struct exposition *exposition)
{
    static const char name[] = "process_cpu_seconds_total";
    return exposition_head(exposition, name, EXPOSITION_COUNTER, "User and system CPU time.") &&
           exposition_seconds(exposition, name, "", "", cpu_us());
}

bool process_metrics_render(const struct exposition *exposition)
{
    const struct {
        const char *name, *help;
        int64_t value;
    } gauges[] = {
        {"process_resident_memory_bytes", "Resident memory.", memory_bytes(1)},
        {"process_virtual_memory_bytes", "Virtual memory.", memory_bytes(0)},
        {"process_open_fds", "Open file descriptors.", open_descriptors()},
        {"process_max_fds", "Limit of open file descriptors.", max_descriptors()},
        {"process_threads", "Threads.", status_number(20)},
        {"process_start_time_seconds", "Start of the process, Unix time.", start_seconds()},
    };
    bool fits = true;
    for (size_t i = 0; fits && i < sizeof(gauges) / sizeof(*gauges); i++)
        fits = gauge(exposition, gauges[i].name, gauges[i].help, gauges[i].value);
    return fits && render_cpu(exposition);
}
