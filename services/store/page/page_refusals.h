/* page_refusals: what the status page refuses, told with a code, a line and a count. One thread. */
#ifndef SERVICES_STORE_PAGE_PAGE_REFUSALS_H
#define SERVICES_STORE_PAGE_PAGE_REFUSALS_H

enum page_refusal {
    PAGE_WRONG_ARGUMENT,
    PAGE_NO_TOKEN,
    PAGE_WRONG_HOST,
    PAGE_NOT_SERVED, /* another process knows it */
    PAGE_TOO_MANY,
    PAGE_UNAVAILABLE,
};
#define PAGE_REFUSALS 6

void page_refusals_add(void); /* once, before threads start */

int page_refusal_status(enum page_refusal refusal);
void page_refusal_tell(enum page_refusal refusal, const char *why);

#endif
