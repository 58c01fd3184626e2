#include "libs/http/deadlines.h"

#include <stddef.h>

void deadlines_lift(struct deadline *deadline)
{
    struct deadlines *list = deadline->list;
    if (list == NULL)
        return;
    if (deadline->previous != NULL)
        deadline->previous->next = deadline->next;
    else
        list->first = deadline->next;
    if (deadline->next != NULL)
        deadline->next->previous = deadline->previous;
    else
        list->last = deadline->previous;
    deadline->list = NULL;
    deadline->previous = NULL;
    deadline->next = NULL;
}

void deadlines_set(struct deadlines *list, struct deadline *deadline, int64_t now_ms)
{
    deadlines_lift(deadline);
    deadline->list = list;
    deadline->at_ms = list->length_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + list->length_ms;
    deadline->previous = list->last;
    if (list->last != NULL)
        list->last->next = deadline;
    else
        list->first = deadline;
    list->last = deadline;
}

void *deadlines_expired(const struct deadlines *list, int64_t now_ms)
{
    return list->first != NULL && list->first->at_ms <= now_ms ? list->first->owner : NULL;
}
