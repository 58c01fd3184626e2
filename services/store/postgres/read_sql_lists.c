#include "services/store/postgres/read_sql_texts.h"

/* One page of downloads in the order of both indexes, (downloaded_at, pk_id): what is after a key,
 * then what has no time; the second is only begun when the first does not fill the page. */
#define KNOWN_TIMES " AND (downloaded_at, pk_id) > ($1, $2)"
#define UNKNOWN_TIMES " AND downloaded_at IS NULL AND pk_id > $3"
#define IN_ORDER " ORDER BY downloaded_at, pk_id LIMIT " PAGE

#define ROWS_OF(whose, times) \
    "SELECT downloaded_at, pk_id, video_link FROM :schema.videos WHERE " whose times IN_ORDER

#define PAGE_OF(known, unknown) \
    SNAPSHOT ", (SELECT array_agg(page) FROM ((" known ") UNION ALL (" unknown ") LIMIT " PAGE \
             ") AS page) FROM telefact.active"

/* A chat's own id and that of the group it was: a page of each, and the first of both. */
#define OF_BOTH(times) \
    "SELECT videos.* FROM (SELECT $4 AS id UNION ALL" \
    " SELECT old_id FROM :schema.aliases WHERE new_id = $4) AS chat" \
    " CROSS JOIN LATERAL (" ROWS_OF("user_id = chat.id", times) ") AS videos" IN_ORDER

const char READ_SQL_USER_VIDEOS[] = PAGE_OF(OF_BOTH(KNOWN_TIMES), OF_BOTH(UNKNOWN_TIMES));

#define OF_CLASS(times) ROWS_OF("user_id BETWEEN $4 AND $5", times)

const char READ_SQL_VIDEOS[] = PAGE_OF(OF_CLASS(KNOWN_TIMES), OF_CLASS(UNKNOWN_TIMES));
