#include "services/store/postgres/sqlstate.h"

#include <string.h>

struct rule {
    const char *prefix; /* of the SQLSTATE: a class or a whole code */
    enum apply_result result;
};

/* First match counts. When in doubt a failure stops with an alarm: a wrong dead letter loses data.
 */
static const struct rule RULES[] = {
    {"08", APPLY_UNWELL},     /* connection */
    {"40", APPLY_UNWELL},     /* deadlock, serialization */
    {"53", APPLY_UNWELL},     /* disk full, out of memory, too many connections */
    {"57", APPLY_UNWELL},     /* shutdown, statement timeout, terminated */
    {"58", APPLY_UNWELL},     /* system error */
    {"55P03", APPLY_UNWELL},  /* lock timeout */
    {"25006", APPLY_UNWELL},  /* read only: a standby, or a failover under way */
    {"25P03", APPLY_UNWELL},  /* idle in transaction for too long: we were stopped */
    {"25P04", APPLY_UNWELL},  /* transaction for too long */
    {"26000", APPLY_UNWELL},  /* somebody discarded our prepared statements: a new session heals */
    {"22001", APPLY_BAD_ROW}, /* text too long */
    {"22003", APPLY_BAD_ROW}, /* number out of range */
    {"22007", APPLY_BAD_ROW}, /* no such time */
    {"22008", APPLY_BAD_ROW}, /* time out of range */
    {"22021", APPLY_BAD_ROW}, /* not a character */
    {"22P02", APPLY_BAD_ROW}, /* text that is no value of the type */
    {"22P03", APPLY_BAD_ROW}, /* bytes that are no value of the type */
    {"22P05", APPLY_BAD_ROW}, /* character without a counterpart */
    {"23502", APPLY_BAD_ROW}, /* NULL where none may be */
    {"23514", APPLY_BAD_ROW}, /* check constraint */
    {"54000", APPLY_BAD_ROW}, /* value beyond a limit of the server */
};

static const char *const ID_CONSTRAINTS[] = {"videos_pkey", "music_pkey", "applied_pkey",
                                             "users_pkey"};

enum apply_result sqlstate_blame(const char *sqlstate, const char *constraint)
{
    if (sqlstate[0] == '\0')
        return APPLY_UNWELL;
    if (strcmp(sqlstate, "23505") == 0)
        for (size_t i = 0; i < sizeof(ID_CONSTRAINTS) / sizeof(ID_CONSTRAINTS[0]); i++)
            if (strcmp(constraint, ID_CONSTRAINTS[i]) == 0)
                return APPLY_DUPLICATE;
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++)
        if (strncmp(sqlstate, RULES[i].prefix, strlen(RULES[i].prefix)) == 0)
            return RULES[i].result;
    return APPLY_BUG;
}
