/* embedded: the SQL files of this folder as they were at build time. */
#ifndef STORE_POSTGRES_EMBEDDED_H
#define STORE_POSTGRES_EMBEDDED_H

#include "libs/base/embedded.h"

extern const struct embedded_file EMBEDDED_MIGRATIONS[]; /* migrations/NNNN_name.sql, ascending */
extern const size_t EMBEDDED_MIGRATIONS_COUNT;

extern const struct embedded_file EMBEDDED_SCHEMA[]; /* what a generation is made of */
extern const size_t EMBEDDED_SCHEMA_COUNT;

extern const struct embedded_file EMBEDDED_QUESTIONS[]; /* questions/name.sql */
extern const size_t EMBEDDED_QUESTIONS_COUNT;

extern const struct embedded_file EMBEDDED_CHECKS[]; /* checks/name.sql, by name */
extern const size_t EMBEDDED_CHECKS_COUNT;

#endif
