/*
 * rdkafka_threads: lets ThreadSanitizer see librdkafka's threads.
 *
 * librdkafka starts them by C11's thrd_create, which ThreadSanitizer does not know and then fails
 * in. Included by the one source file of a test that uses librdkafka; empty in every other build.
 */
#ifndef TESTS_SUPPORT_RDKAFKA_THREADS_H
#define TESTS_SUPPORT_RDKAFKA_THREADS_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct rdkafka_thread {
    thrd_start_t run;
    void *arg;
};

static void *rdkafka_thread_run(void *self)
{
    struct rdkafka_thread thread = *(struct rdkafka_thread *)self;
    free(self);
    return (void *)(intptr_t)thread.run(thread.arg);
}

int thrd_create(thrd_t *out, thrd_start_t run, void *arg)
{
    struct rdkafka_thread *thread = malloc(sizeof(*thread));
    *thread = (struct rdkafka_thread){run, arg};
    return pthread_create(out, NULL, rdkafka_thread_run, thread) == 0 ? thrd_success : thrd_error;
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned = NULL;
    if (pthread_join(thread, &returned) != 0)
        return thrd_error;
    if (result != NULL)
        *result = (int)(intptr_t)returned;
    return thrd_success;
}

#endif
#endif
#endif
