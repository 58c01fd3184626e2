/* assets: the files of the static page as they were at build time. */
#ifndef SERVICES_STORE_PAGE_ASSETS_H
#define SERVICES_STORE_PAGE_ASSETS_H

#include "libs/base/embedded.h"

extern const struct embedded_file EMBEDDED_ASSETS[]; /* assets/NAME, by name */
extern const size_t EMBEDDED_ASSETS_COUNT;

#endif
