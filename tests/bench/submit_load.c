/* submit_load - messages over the submit socket, many connections at once
 *
 * usage: submit_load FOLDER CONNECTIONS MESSAGES BYTES RECIPIENTS
 * FOLDER has the socket; RECIPIENTS is a file with the recipients of a
 * message on each line, which are used in turn.  Prints the seconds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/envelope.h"
#include "base/mem.h"
#include "base/submit.h"

enum { LINES_MAX = 65536, CONNECTIONS_MAX = 1024 };

static const char *folder;
static long messages;
static size_t bytes;
static char *content;
static struct buf envelopes[LINES_MAX];
static long lines;

static void
fail(const char *what)
{
    fprintf(stderr, "submit_load: %s\n", what);
    exit(1);
}

static void *
one_connection(void *unused)
{
    struct submit s;
    struct outcome o;
    id_text id;
    long n;

    (void)unused;
    if (submit_connect(&s, folder, "submit", SUBMIT_ANSWER, &o) != DONE)
        fail(o.text);
    while ((n = __atomic_sub_fetch(&messages, 1, __ATOMIC_RELAXED)) >= 0) {
        submit_envelope(&s, buf_view(&envelopes[n % lines]));
        submit_content(&s, content, bytes);
        if (submit_end(&s, id, &o) != DONE)
            fail(o.text);
    }
    submit_close(&s);
    return NULL;
}

static void
read_recipients(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;

    if (!f)
        fail(path);
    while (lines < LINES_MAX && getline(&line, &room, f) > 0) {
        struct buf *b = &envelopes[lines++];

        envelope_put(b, TAG_SENDER, view_of("sender@src.test"));
        for (char *p = strtok(line, " \n"); p; p = strtok(NULL, " \n"))
            envelope_put(b, TAG_RCPT, view_of(p));
    }
    free(line);
    fclose(f);
    if (lines == 0)
        fail("no recipients");
}

static void
make_content(void)
{
    static const char head[] = "Subject: x\n\n";

    content = mem_alloc(bytes + sizeof head);
    for (size_t i = 0; i < bytes; i++)
        content[i] = i % 78 == 77 ? '\n' : 'x';
    if (bytes > sizeof head)
        memcpy(content, head, sizeof head - 1);
}

int
main(int argc, char **argv)
{
    struct timespec a, b;
    pthread_t threads[CONNECTIONS_MAX];
    int connections;

    if (argc != 6 || (connections = atoi(argv[2])) < 1 ||
        connections > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: submit_load FOLDER CONNECTIONS MESSAGES BYTES "
                "RECIPIENTS\n");
        return 64;
    }
    folder = argv[1];
    messages = atol(argv[3]);
    bytes = (size_t)atol(argv[4]);
    read_recipients(argv[5]);
    make_content();
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, one_connection, NULL);
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.6f\n", (double)(b.tv_sec - a.tv_sec) +
           (double)(b.tv_nsec - a.tv_nsec) / 1e9);
    return 0;
}
