#include "services/gateway/kafka/background.h"

#include "libs/base/log.h"
#include "libs/base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct job {
    struct background *background;
    struct job *before, *next;
    pthread_t thread;
    loop_fn work, done;
    void *arg;
};

struct background {
    struct loop *loop;
    struct job *first;
};

static void on_done(void *self)
{
    struct job *job = self;
    (void)pthread_join(job->thread, NULL);
    if (job->before == NULL)
        job->background->first = job->next;
    else
        job->before->next = job->next;
    if (job->next != NULL)
        job->next->before = job->before;
    job->done(job->arg);
    free(job);
}

static void *run(void *self)
{
    struct job *job = self;
    job->work(job->arg);
    loop_post(job->background->loop, on_done, job);
    return NULL;
}

struct background *background_new(struct loop *loop)
{
    struct background *background = mem_alloc(sizeof(*background));
    background->loop = loop;
    return background;
}

void background_run(struct background *background, loop_fn work, loop_fn done, void *arg)
{
    struct job *job = mem_alloc(sizeof(*job));
    *job = (struct job){.background = background, .work = work, .done = done, .arg = arg};
    job->next = background->first;
    if (job->next != NULL)
        job->next->before = job;
    background->first = job;
    if (pthread_create(&job->thread, NULL, run, job) != 0) {
        log_error("no thread can be started");
        mem_exhausted();
    }
}

bool background_is_busy(const struct background *background)
{
    return background->first != NULL;
}

void background_free(struct background *background)
{
    if (background == NULL)
        return;
    assert(background->first == NULL);
    free(background);
}
