#include "queue/gather.h"

static void
put(struct gather_queue *q, struct storing *s)
{
    s->next = NULL;
    *q->end = s;
    q->end = &s->next;
    q->count++;
}

/* The oldest of q, count of them. */
static struct storing *
take(struct gather_queue *q, unsigned count)
{
    struct storing *first = q->first, **end = &q->first;

    q->count -= count;
    while (count--)
        end = &(*end)->next;
    q->first = *end;
    *end = NULL;
    if (!q->first)
        q->end = &q->first;
    return first;
}

static void
work(uv_work_t *w)
{
    struct gather_job *job = w->data;
    struct storing *s = job->first;

    if (s->in && !s->envelope)
        s->result = incoming_spill(s->in);
    else
        commit_batch(&job->gather->commit, s, &job->syncs);
}

static void on_turn(uv_prepare_t *t);

static void
on_worked(uv_work_t *w, int status)
{
    struct gather_job *job = w->data;
    struct gather *g = job->gather;
    struct storing *s = job->first, *next;

    job->first = NULL;
    job->count = 0;
    uv_prepare_start(&g->turn, on_turn);
    for (; s; s = next) {
        next = s->next;
        if (status < 0)
            s->result = status;
        g->done(s);
    }
}

static void
begin(struct gather *g, struct gather_job *job, struct gather_queue *q,
      unsigned max)
{
    job->gather = g;
    job->count = q->count < max ? q->count : max;
    job->first = take(q, job->count);
    job->work.data = job;
    uv_queue_work(g->loop, &job->work, work, on_worked);
}

static void
on_turn(uv_prepare_t *t)
{
    struct gather *g = t->data;
    unsigned stored = 0;

    uv_prepare_stop(t);
    for (int i = 0; i < BATCHES_MAX; i++)
        stored += g->batches[i].count;
    for (int i = 0; i < BATCHES_MAX; i++)
        if (!g->batches[i].first && g->small.count &&
            (g->small.count >= stored || g->small.count >= BATCH_MAX)) {
            begin(g, &g->batches[i], &g->small, BATCH_MAX);
            stored += g->batches[i].count;
        }
    for (int i = 0; i < SINGLES_MAX; i++)
        if (!g->singles[i].first && g->single.count)
            begin(g, &g->singles[i], &g->single, 1);
}

void
gather_init(struct gather *g, uv_loop_t *loop, const struct commit *commit,
            gather_done done)
{
    g->loop = loop;
    g->commit = *commit;
    g->done = done;
    g->small.end = &g->small.first;
    g->single.end = &g->single.first;
    g->turn.data = g;
    uv_prepare_init(loop, &g->turn);
}

/* A message of which some is on disk already is large. */
static bool
goes_alone(const struct storing *s)
{
    return s->in && (!s->envelope || s->in->written || s->envelope->chosenid);
}

void
gather_add(struct gather *g, struct storing *s)
{
    put(goes_alone(s) ? &g->single : &g->small, s);
    uv_prepare_start(&g->turn, on_turn);
}
