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
        commit_batch(job->gather->commit, s, &job->syncs);
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

/* Begins what batches may begin. */
static void
run(struct gather *g, struct gather_queue *q, struct gather_job *batches)
{
    unsigned stored = 0;

    for (int i = 0; i < BATCHES_MAX; i++)
        stored += batches[i].count;
    for (int i = 0; i < BATCHES_MAX; i++)
        if (!batches[i].first && q->count &&
            (q->count >= stored || q->count >= BATCH_MAX)) {
            begin(g, &batches[i], q, BATCH_MAX);
            stored += batches[i].count;
        }
}

static void
on_turn(uv_prepare_t *t)
{
    struct gather *g = t->data;

    uv_prepare_stop(t);
    run(g, &g->small, g->batches);
    run(g, &g->large, g->larges);
    for (int i = 0; i < SINGLES_MAX; i++)
        if (!g->singles[i].first && g->single.count)
            begin(g, &g->singles[i], &g->single, 1);
}

void
gather_init(struct gather *g, uv_loop_t *loop, struct commit *commit,
            gather_done done)
{
    g->loop = loop;
    g->commit = commit;
    g->done = done;
    g->small.end = &g->small.first;
    g->large.end = &g->large.first;
    g->single.end = &g->single.first;
    g->turn.data = g;
    uv_prepare_init(loop, &g->turn);
}

static struct gather_queue *
queue_for(struct gather *g, const struct storing *s)
{
    if (!s->in)
        return &g->small;
    if (!s->envelope || s->envelope->chosenid)
        return &g->single;
    /* Some of it is on disk already. */
    return s->in->written ? &g->large : &g->small;
}

void
gather_add(struct gather *g, struct storing *s)
{
    put(queue_for(g, s), s);
    uv_prepare_start(&g->turn, on_turn);
}
