/*
 * torture: preloaded into a service, makes chosen calls of the C library fail.
 *
 * TORTURE_MALLOC=WHO:N:MODE: the N-th malloc, calloc or realloc fails. WHO is own (called by the
 * program itself) or all (libraries too); MODE is once, or ever (and each one after it).
 *
 * TORTURE_SOCKETS=PERMILLE: so many of 1000 calls on sockets take fewer bytes, or end with EAGAIN,
 * or with EINTR when the socket blocks. Each thread meets them in the same order in every run.
 *
 * TORTURE_THREAD=N: the N-th thread is not made.
 *
 * TORTURE_EVENTFD_MS=N: eventfd() takes so long, while other threads go on.
 *
 * What happened first is written to the file TORTURE_LOG, so that a test can tell. A memory error
 * tells where it was on standard error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <threads.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct {
    bool own;
    bool ever;
    long malloc_at; /* 0: never */
    long thread_at;
    long permille;
    uintptr_t begin;
    uintptr_t end;
} wanted;
static atomic_long mallocs;
static atomic_long threads;
static atomic_bool is_noted;
static atomic_bool is_ready;
static _Thread_local uint32_t dice;

static void note(const char *what)
{
    if (atomic_exchange(&is_noted, true))
        return;
    const char *path = getenv("TORTURE_LOG");
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    ssize_t done = write(fd, what, strlen(what));
    (void)done;
    (void)close(fd);
}

static int see_object(struct dl_phdr_info *info, size_t size, void *self)
{
    (void)size;
    (void)self;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
            continue;
        wanted.begin = info->dlpi_addr + part->p_vaddr;
        wanted.end = wanted.begin + part->p_memsz;
    }
    return 1; /* the first object is the program itself */
}

#define FRAMES_MAX 40

static void tell_place(int number)
{
    void *frames[FRAMES_MAX];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    (void)raise(number); /* the handler is gone: it ends as it would have */
}

static void watch_memory_errors(void)
{
    struct sigaction tell = {.sa_handler = tell_place, .sa_flags = (int)SA_RESETHAND};
    void *frame = NULL;
    (void)backtrace(&frame, 1); /* loads what it needs */
    (void)sigaction(SIGSEGV, &tell, NULL);
    (void)sigaction(SIGBUS, &tell, NULL);
}

__attribute__((constructor)) static void read_wishes(void)
{
    const char *text = getenv("TORTURE_MALLOC");
    if (text != NULL) {
        wanted.own = strncmp(text, "own", 3) == 0;
        wanted.malloc_at = strtol(text + 4, NULL, 10);
        wanted.ever = strstr(text, ":ever") != NULL;
    }
    text = getenv("TORTURE_THREAD");
    wanted.thread_at = text == NULL ? 0 : strtol(text, NULL, 10);
    text = getenv("TORTURE_SOCKETS");
    wanted.permille = text == NULL ? 0 : strtol(text, NULL, 10);
    (void)dl_iterate_phdr(see_object, NULL);
    watch_memory_errors();
    atomic_store(&is_ready, true);
}

static bool fails(const void *caller)
{
    if (!atomic_load(&is_ready) || wanted.malloc_at == 0)
        return false;
    uintptr_t at = (uintptr_t)caller;
    if (wanted.own && (at < wanted.begin || at >= wanted.end))
        return false;
    long number = atomic_fetch_add(&mallocs, 1) + 1;
    if (number != wanted.malloc_at && !(wanted.ever && number > wanted.malloc_at))
        return false;
    note("malloc\n");
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

static bool is_thread_refused(void)
{
    if (wanted.thread_at == 0 || atomic_fetch_add(&threads, 1) + 1 != wanted.thread_at)
        return false;
    note("thread\n");
    return true;
}

int eventfd(unsigned int count, int flags)
{
    static int (*next)(unsigned int, int);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "eventfd");
    const char *text = getenv("TORTURE_EVENTFD_MS");
    if (text != NULL) {
        note("eventfd\n");
        (void)poll(NULL, 0, (int)strtol(text, NULL, 10));
    }
    return next(count, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    return is_thread_refused() ? EAGAIN : next(thread, attributes, start, argument);
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    static int (*next)(thrd_t *, thrd_start_t, void *);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "thrd_create");
    return is_thread_refused() ? thrd_error : next(thread, start, argument);
}

/* 0: as it is; otherwise an errno, or -1: fewer bytes. */
static int trouble(int fd)
{
    if (wanted.permille == 0)
        return 0;
    dice = dice * 1664525U + 1013904223U;
    if ((long)(dice >> 8) % 1000 >= wanted.permille)
        return 0;
    struct stat what;
    if (fstat(fd, &what) != 0 || !S_ISSOCK(what.st_mode))
        return 0;
    note("socket\n");
    if ((dice >> 20) % 2 == 0)
        return -1;
    /* A socket that does not block is never interrupted. */
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 ? EAGAIN : EINTR;
}

#define HURT(fd, len) \
    int hurt = trouble(fd); \
    if (hurt > 0) { \
        errno = hurt; \
        return -1; \
    } \
    if (hurt < 0 && (len) > 1) \
        (len) = 1 + (len) / 2;

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (next == NULL) \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

ssize_t read(int fd, void *data, size_t len)
{
    NEXT(read);
    HURT(fd, len)
    return next(fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    NEXT(write);
    HURT(fd, len)
    return next(fd, data, len);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    NEXT(send);
    HURT(fd, len)
    return next(fd, data, len, flags);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    NEXT(recv);
    HURT(fd, len)
    return next(fd, data, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    NEXT(sendmsg);
    size_t len = 0;
    HURT(fd, len)
    return next(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    NEXT(recvmsg);
    size_t len = 0;
    HURT(fd, len)
    return next(fd, message, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    NEXT(accept4);
    size_t len = 0;
    HURT(fd, len)
    return next(fd, address, size, flags);
}
