#include "services/store/ingest_board.h"

#include <string.h>

#define MARK_EVERY_MS 10000

void ingest_board_init(struct ingest_board *board)
{
    (void)pthread_mutex_init(&board->lock, NULL);
}

void ingest_board_done(struct ingest_board *board)
{
    (void)pthread_mutex_destroy(&board->lock);
}

/* Where the partition stood; board->view.count: nowhere. */
static size_t place_of(const struct ingest_board *board, int32_t partition)
{
    size_t i = 0;
    while (i < board->view.count && board->view.rows[i].partition != partition)
        i++;
    return i;
}

/* A position that fell is another log's: what was measured before means nothing. */
static void move_marks(struct board_mark *marks, int64_t applied, int64_t now_ms)
{
    bool is_new = marks[1].at_ms == 0 || applied < marks[1].applied || now_ms < marks[1].at_ms;
    struct board_mark now = {now_ms, applied};
    if (is_new)
        marks[0] = marks[1] = now;
    else if (now_ms - marks[1].at_ms >= MARK_EVERY_MS) {
        marks[0] = marks[1];
        marks[1] = now;
    }
}

static int64_t rate_since(const struct board_mark *mark, int64_t applied, int64_t now_ms)
{
    int64_t passed_ms = now_ms - mark->at_ms;
    return passed_ms < 1000 ? -1 : (applied - mark->applied) * 1000000 / passed_ms;
}

static struct board_row row_of(const struct board_sight *sight, const struct board_row *before,
                               int64_t now_ms)
{
    bool is_same =
        before != NULL && before->state == sight->state && before->reason == sight->reason;
    return (struct board_row){
        .partition = sight->partition,
        .state = sight->state,
        .reason = sight->reason,
        .since_ms = is_same ? before->since_ms : now_ms,
        .applied = sight->applied,
        .end = sight->end,
    };
}

void ingest_board_write(struct ingest_board *board, const struct board_sight *sights, size_t count,
                        int64_t now_unix_ms)
{
    struct board_row rows[POSITION_PARTITIONS_MAX];
    struct board_mark marks[POSITION_PARTITIONS_MAX][2];
    size_t written = count < POSITION_PARTITIONS_MAX ? count : POSITION_PARTITIONS_MAX;
    memset(marks, 0, sizeof(marks));
    for (size_t i = 0; i < written; i++) {
        size_t place = place_of(board, sights[i].partition);
        bool was_there = place < board->view.count;
        rows[i] = row_of(&sights[i], was_there ? &board->view.rows[place] : NULL, now_unix_ms);
        if (was_there)
            memcpy(marks[i], board->marks[place], sizeof(marks[i]));
        move_marks(marks[i], sights[i].applied, now_unix_ms);
        rows[i].rate = rate_since(&marks[i][0], sights[i].applied, now_unix_ms);
    }
    memcpy(board->marks, marks, sizeof(marks));
    (void)pthread_mutex_lock(&board->lock);
    if (written > 0)
        memcpy(board->view.rows, rows, written * sizeof(rows[0]));
    board->view.count = written;
    board->view.measured_ms = now_unix_ms;
    (void)pthread_mutex_unlock(&board->lock);
}

void ingest_board_set_topic(struct ingest_board *board, int32_t topic_partitions)
{
    (void)pthread_mutex_lock(&board->lock);
    board->view.topic_partitions = topic_partitions;
    (void)pthread_mutex_unlock(&board->lock);
}

void ingest_board_read(struct ingest_board *board, struct board_view *out)
{
    (void)pthread_mutex_lock(&board->lock);
    *out = board->view;
    (void)pthread_mutex_unlock(&board->lock);
}
