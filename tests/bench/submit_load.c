/* submit_load - messages over the submit socket, many connections at once
 *
 * usage: submit_load CONNECTIONS MESSAGES BYTES RECIPIENT
 * Prints the messages a second.  GODWIT_HOME names the instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <time.h>

#include "base/envelope.h"
#include "base/mem.h"
#include "base/submit.h"

static long messages;
static size_t bytes;
static struct buf envelope;
static char *content;

static void *
one_connection(void *unused)
{
    struct submit s;
    struct outcome o;
    id_text id;

    (void)unused;
    if (submit_open(&s, 0, &o) != DONE) {
        fprintf(stderr, "submit_load: %s\n", o.text);
        exit(1);
    }
    while (__atomic_fetch_sub(&messages, 1, __ATOMIC_RELAXED) > 0) {
        submit_envelope(&s, buf_view(&envelope));
        submit_content(&s, content, bytes);
        if (submit_end(&s, id, &o) != DONE) {
            fprintf(stderr, "submit_load: %s\n", o.text);
            exit(1);
        }
    }
    submit_close(&s);
    return NULL;
}

int
main(int argc, char **argv)
{
    struct timespec a, b;
    pthread_t threads[1024];
    int connections;
    long total;
    double seconds;

    if (argc != 5 || (connections = atoi(argv[1])) < 1 || connections > 1024) {
        fprintf(stderr, "usage: submit_load CONNECTIONS MESSAGES BYTES "
                "RECIPIENT\n");
        return 64;
    }
    total = messages = atol(argv[2]);
    bytes = (size_t)atol(argv[3]);
    content = mem_alloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        content[i] = i % 64 == 63 ? '\n' : 'x';
    if (bytes > 12)
        memcpy(content, "Subject: x\n\n", 12);
    envelope_put(&envelope, TAG_SENDER, view_of("bench@test.example"));
    envelope_put(&envelope, TAG_RCPT, view_of(argv[4]));
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, one_connection, NULL);
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    seconds = (double)(b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9;
    printf("%.0f\n", (double)total / seconds);
    return 0;
}
