#include "remote/smtp_client.h"

#include "tests/tap.h"

/* A dialogue as a script of lines: "S: ..." the server says, with | between
 * two at once, "A: ..." the same before we have said ours, "C: ..." we must
 * say (in one go with the C: lines beside it), "want" and "need" TLS is to be
 * spoken, "handshake" it is to begin, "tls" it is spoken, "first" before the
 * greeting, "content" we must be ready to send, "dot" the content is out,
 * "sent" the dot is too, "chunk" and "last" are chunks of 7 bytes, "lost" the
 * connection is lost, "ready" and "over" is what we must be, "again" the same
 * mail follows, as another one, "rest" what is open of it does, "known" the
 * server knows who we are. After it, one outcome for each recipient of the
 * last mail, as letter and code. */
struct script {
    const char *name;
    const char *rcpts;   /* separated by commas */
    const char *lines;
    const char *outcomes;
    uint32_t flags;      /* JOB_* */
    uint64_t length;
};

static char outcomes[JOB_RCPT_MAX][16];
static char last_text[OUTCOME_TEXT_MAX + 1];
static unsigned settled_twice;
static struct job job;
static struct smtp_mail mail;

static void
on_settled(struct smtp_mail *m, uint32_t i, const struct outcome *o)
{
    (void)m;
    settled_twice += outcomes[i][0] != 0;
    snprintf(outcomes[i], sizeof outcomes[i], "%c%s",
             verdict_letter(o->verdict), o->code);
    snprintf(last_text, sizeof last_text, "%s", o->text);
}

static void
make_job(struct job *j, const struct script *s)
{
    struct view all = view_of(s->rcpts);

    memset(j, 0, sizeof *j);
    j->sender = view_of("a@b.example");
    j->flags = s->flags;
    j->length = s->length;
    while (all.len) {
        size_t end = view_find(all, ',');

        j->rcpts[j->rcpt_count++].address = view_make(all.data, end);
        all = view_from(all, end + 1);
    }
}

static void
begin(struct smtp_client *c)
{
    memset(outcomes, 0, sizeof outcomes);
    smtp_mail_init(&mail, &job, on_settled);
    smtp_mail_check(&mail);
    if (mail.open)
        smtp_client_mail(c, &mail);
}

/* Whether what the client wants is what the line says. */
static bool
is_step(const struct smtp_client *c, struct view line)
{
    static const char *const words[] = {[SMTP_WAIT] = "wait",
                                        [SMTP_HANDSHAKE] = "handshake",
                                        [SMTP_CONTENT] = "content",
                                        [SMTP_READY] = "ready",
                                        [SMTP_OVER] = "over"};

    return view_is(line, words[smtp_client_step(c)]) && c->out.len == 0;
}

static bool
play_line(struct smtp_client *c, struct view line)
{
    struct buf said = {0};
    bool good = true;

    if (line.len > 3 && line.data[1] == ':') {
        for (size_t i = 3; i < line.len; i++)
            if (line.data[i] == '|')
                buf_addstr(&said, "\r\n");
            else
                buf_add(&said, &line.data[i], 1);
        buf_addstr(&said, "\r\n");
    }
    if (said.len && line.data[0] == 'A') {
        smtp_client_feed(c, buf_view(&said));
    } else if (said.len && line.data[0] == 'S') {
        good = c->out.len == 0;
        smtp_client_feed(c, buf_view(&said));
    } else if (said.len) {
        good = c->out.len >= said.len &&
               memcmp(c->out.data, said.data, said.len) == 0;
        buf_consume(&c->out, said.len);
    } else if (view_is(line, "want") || view_is(line, "need")) {
        c->tls_wanted = true;
        c->tls_needed = view_is(line, "need");
    } else if (view_is(line, "first")) {
        smtp_client_implicit(c);
    } else if (view_is(line, "tls")) {
        smtp_client_secured(c, true);
    } else if (view_is(line, "again")) {
        begin(c);
    } else if (view_is(line, "known")) {
        c->known = true;
    } else if (view_is(line, "rest")) {
        smtp_client_mail(c, &mail);
    } else if (view_is(line, "dot")) {
        smtp_client_dot(c);
    } else if (view_is(line, "chunk") || view_is(line, "last")) {
        smtp_client_chunk(c, 7, view_is(line, "last"));
    } else if (view_is(line, "sent")) {
        smtp_client_sent(c);
    } else if (view_is(line, "lost")) {
        smtp_client_lost(c, "4.4.2", "connection lost");
    } else {
        good = is_step(c, line);
    }
    buf_free(&said);
    return good;
}

static void
collect(struct buf *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buf_print(b, "%s%s", i ? "," : "", outcomes[i]);
}

static void
play(const struct script *s)
{
    struct smtp_client c;
    struct view lines = view_of(s->lines), line;
    struct buf got = {0};
    bool good = true;

    settled_twice = 0;
    make_job(&job, s);
    smtp_client_init(&c, "me");
    begin(&c);
    while (view_line(&lines, &line))
        if (!play_line(&c, line)) {
            good = false;
            printf("# at: %.*s\n# out: %s\n# step %d stage %d\n",
                   (int)line.len, line.data, c.out.len ? c.out.data : "",
                   smtp_client_step(&c), c.stage);
            break;
        }
    collect(&got, job.rcpt_count);
    good = good && strcmp(got.data, s->outcomes) == 0 && settled_twice == 0;
    ok(good, "%s", s->name);
    if (!good)
        printf("#  got %s\n# want %s\n", got.data, s->outcomes);
    buf_free(&got);
    smtp_client_free(&c);
}

#define HELLO "S: 220 hi\nC: EHLO me\nS: 250-x\nS: 250 "
#define PLAIN "S: 220 hi\nC: EHLO me\nS: 250 x\n"
#define PIPE HELLO "PIPELINING\n"
#define GROUP "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<u>\nC: DATA\n"
#define GROUP2                                                                 \
    "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<u>\nC: RCPT TO:<v>\nC: DATA\n"
#define TO_CONTENT PIPE GROUP "S: 250 ok\nS: 250 ok\nS: 354 go\ncontent\n"
#define CHUNKING "S: 220 hi\nC: EHLO me\nS: 250-x\nS: 250-CHUNKING\n"
#define TO_CHUNK                                                               \
    CHUNKING "S: 250 PIPELINING\nC: MAIL FROM:<a@b.example>\n"                 \
             "C: RCPT TO:<u>\nwait\nS: 250 ok\nS: 250 ok\ncontent\n"
#define CHUNK "chunk\nC: BDAT 7\nsent\n"
#define LAST "last\nC: BDAT 7 LAST\nsent\n"
#define ALL "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<u>\n"
#define ALL2 ALL "C: RCPT TO:<v>\n"
#define PROVE "wait\nS: 250 ok\nS: 250 ok\ncontent\n" LAST "S: 250 ok\nready\n"
#define PROVE2 "S: 250 ok\n" PROVE
#define TO_GROUP CHUNKING "S: 250 PIPELINING\n" ALL PROVE "again\n"
#define TO_GROUP2 CHUNKING "S: 250 PIPELINING\n" ALL2 PROVE2 "again\n"
#define GONE "last\n" ALL "C: BDAT 7 LAST\nsent\nwait\n"
#define GONE2 "last\n" ALL2 "C: BDAT 7 LAST\nsent\nwait\n"
#define REFUSED                                                                \
    GONE "S: 250 ok\nS: 250 ok\nS: 503 no\nready\nrest\nC: RSET\n" ALL           \
         "wait\nS: 250 ok\nS: 250 ok\nS: 250 ok\ncontent\n"
#define TO_DOT TO_CONTENT "dot\nC: .\nsent\nwait\n"

static const struct script scripts[] = {
    {"a mail goes out command by command without PIPELINING", "u",
     PLAIN "C: MAIL FROM:<a@b.example>\nwait\nS: 250 ok\nC: RCPT TO:<u>\n"
           "wait\nS: 250 ok\nC: DATA\nwait\nS: 354 go\ncontent\ndot\nC: .\n"
           "sent\nS: 250 2.0.0 taken\nready\n",
     "+2.0.0", 0, 0},
    {"with PIPELINING all up to DATA goes out at once (RFC 2920)", "u",
     TO_DOT "S: 250 2.6.0 taken\nready\n", "+2.6.0", 0, 0},
    {"a server that knows no EHLO gets HELO (RFC 5321 3.2)", "u",
     "S: 220 hi\nC: EHLO me\nS: 500 what\nC: HELO me\nS: 250 x\n"
     "C: MAIL FROM:<a@b.example>\n",
     "", 0, 0},
    {"each recipient has its own fate", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\n"
                 "content\ndot\nC: .\nsent\nS: 250 ok\nready\n",
     "-5.1.1,+2.0.0", 0, 0},
    {"4yz and 5yz differ per recipient", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 450 no\nS: 553 5.1.3 no\n"
                 "S: 503 5.5.1 no\nready\n",
     "~4.0.0,-5.1.3", 0, 0},
    {"if nobody is accepted but DATA is, a lone dot ends it (RFC 2920 3.1)",
     "u",
     PIPE GROUP "S: 250 ok\nS: 550 no\nS: 354 go\nC: .\nwait\n"
                "S: 250 empty\nready\n",
     "-5.0.0", 0, 0},
    {"if nobody is accepted without PIPELINING, DATA is not said", "u",
     PLAIN "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<u>\n"
           "S: 550 no\nready\n",
     "-5.0.0", 0, 0},
    {"5yz to MAIL is for all recipients", "u,v",
     PIPE GROUP2 "S: 550 5.7.1 no\nS: 503 no\nS: 503 no\nS: 503 no\nready\n",
     "-5.7.1,-5.7.1", 0, 0},
    {"4yz to MAIL stays LATER though 503 follows", "u",
     PIPE GROUP "S: 451 4.7.1 wait\nS: 503 no\nS: 503 no\nready\n", "~4.7.1",
     0, 0},
    {"4yz to MAIL without PIPELINING ends the mail", "u",
     PLAIN "C: MAIL FROM:<a@b.example>\nS: 451 wait\nready\n", "~4.0.0", 0, 0},
    {"5yz to DATA is for the accepted", "u",
     PIPE GROUP "S: 250 ok\nS: 250 ok\nS: 554 5.7.1 no\nready\n", "-5.7.1", 0,
     0},
    {"503 to DATA after a 4yz is that 4yz, not a bounce", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 250 ok\nS: 451 no\nS: 503 5.5.1 no\nready\n",
     "~4.5.1,~4.0.0", 0, 0},
    {"2yz to DATA is nonsense: LATER", "u",
     PIPE GROUP "S: 250 ok\nS: 250 ok\nS: 250 ok\nover\n", "~4.0.0", 0, 0},
    {"5yz after the dot is NEVER", "u", TO_DOT "S: 554 5.6.0 no\nready\n",
     "-5.6.0", 0, 0},
    {"4yz after the dot is LATER", "u", TO_DOT "S: 452 no\nready\n", "~4.0.0",
     0, 0},
    {"3yz after the dot is LATER and ends the session", "u",
     TO_DOT "S: 354 more\nover\n", "~4.0.0", 0, 0},
    {"an unreadable answer after the dot is LATER", "u",
     TO_DOT "S: fine\nover\n", "~4.5.0", 0, 0},
    {"a loss after the dot is LATER", "u", TO_DOT "lost\nover\n", "~4.4.2", 0,
     0},
    {"421 after the dot is LATER", "u", TO_DOT "S: 421 bye\nover\n", "~4.0.0",
     0, 0},
    {"250 before the dot went out is no answer to it", "u",
     TO_CONTENT "S: 250 taken\nover\n", "~4.5.0", 0, 0},
    {"nor while the dot is on its way", "u",
     TO_CONTENT "dot\nC: .\nS: 250 taken\nover\n", "~4.5.0", 0, 0},
    {"nor together with 354", "u",
     PIPE GROUP "S: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 taken\nover\n",
     "~4.5.0", 0, 0},
    {"a loss within the message is LATER", "u", TO_CONTENT "lost\nover\n",
     "~4.4.2", 0, 0},
    {"421 to RCPT is LATER for all that are open", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 250 ok\nS: 421 bye\nover\n", "~4.0.0,~4.0.0",
     0, 0},
    {"what is settled before 421 stays so", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 550 5.1.1 no\nS: 421 bye\nover\n",
     "-5.1.1,~4.0.0", 0, 0},
    {"a bad greeting settles nothing: another host may be tried", "u",
     "S: 554 no\nover\n", "", 0, 0},
    {"nor does 421 to EHLO", "u", "S: 220 hi\nC: EHLO me\nS: 421 no\nover\n",
     "", 0, 0},
    {"nor a loss before MAIL is answered", "u", PIPE GROUP "lost\nover\n", "",
     0, 0},
    {"nor a refused HELO", "u",
     "S: 220 hi\nC: EHLO me\nS: 500 no\nC: HELO me\nS: 550 no\nover\n", "", 0,
     0},
    {"SIZE is told when offered (RFC 1870)", "u",
     HELLO "SIZE\nC: MAIL FROM:<a@b.example> SIZE=77\nwait\n", "", 0, 77},
    {"a mail over the server's SIZE is NEVER, unsaid", "u",
     HELLO "SIZE 76\nready\n", "-5.3.4", 0, 77},
    {"8-bit is declared when offered (RFC 6152)", "u",
     HELLO "8BITMIME\nC: MAIL FROM:<a@b.example> BODY=8BITMIME\nwait\n", "",
     JOB_8BIT_BODY, 0},
    {"7-bit is not declared", "u",
     HELLO "8BITMIME\nC: MAIL FROM:<a@b.example>\nwait\n", "", 0, 0},
    {"an 8-bit header to a server without 8BITMIME is NEVER, unsaid", "u",
     PLAIN "ready\n", "-5.6.3", JOB_8BIT_HEADER, 0},
    {"what will be converted promises neither size nor body type", "u",
     HELLO "SIZE 100\nC: MAIL FROM:<a@b.example>\nwait\n", "",
     JOB_8BIT_BODY | JOB_NUL, 50},
    {"after STARTTLS what was offered before is forgotten (RFC 3207 4.2)",
     "u", "want\n" HELLO "STARTTLS\nC: STARTTLS\nwait\nS: 220 go\n"
     "handshake\ntls\nC: EHLO me\nwait\nS: 250-x\nS: 250 STARTTLS\n"
     "C: MAIL FROM:<a@b.example>\nwait\n", "", 0, 77},
    {"STARTTLS that is refused leaves the connection in clear", "u",
     "want\n" HELLO "STARTTLS\nC: STARTTLS\nS: 454 no\n"
     "C: MAIL FROM:<a@b.example>\nwait\n", "", 0, 0},
    {"and is the end where TLS is needed", "u",
     "need\n" HELLO "STARTTLS\nC: STARTTLS\nS: 454 no\nover\n", "", 0, 0},
    {"so is a server without it", "u", "need\n" HELLO "X\nover\n", "", 0, 0},
    {"and one that knows no EHLO", "u",
     "need\nS: 220 hi\nC: EHLO me\nS: 500 what\nC: HELO me\nS: 250 x\n"
     "over\n", "", 0, 0},
    {"where TLS comes first the greeting follows it (RFC 8314)", "u",
     "need\nfirst\nhandshake\ntls\nwait\nS: 220 hi\nC: EHLO me\n"
     "S: 250 x\nC: MAIL FROM:<a@b.example>\nwait\n", "", 0, 0},
    {"STARTTLS is not said where it is not wanted", "u",
     HELLO "STARTTLS\nC: MAIL FROM:<a@b.example>\nwait\n", "", 0, 0},
    {"an address that needs SMTPUTF8 alone is refused without it",
     "\xc3\xb6,v",
     PLAIN "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<v>\nwait\n",
     "-5.6.7,", 0, 0},
    {"an address that needs SMTPUTF8 declares it (RFC 6531 3.4)", "\xc3\xb6",
     HELLO "SMTPUTF8\nC: MAIL FROM:<a@b.example> SMTPUTF8\nwait\n", "", 0, 0},
    {"where CHUNKING is offered the content goes by BDAT (RFC 3030)", "u",
     TO_CHUNK LAST "wait\nS: 250 2.6.0 taken\nready\n", "+2.6.0", 0, 0},
    {"with PIPELINING no chunk waits for an answer", "u",
     TO_CHUNK CHUNK "content\n" CHUNK "content\n" LAST
              "S: 250 ok\nS: 250 ok\nwait\nS: 250 ok\nready\n",
     "+2.0.0", 0, 0},
    {"answers may come between chunks", "u",
     TO_CHUNK CHUNK "S: 250 ok\n" CHUNK "S: 250 ok\n" LAST
              "S: 250 ok\nready\n",
     "+2.0.0", 0, 0},
    {"without it each does", "u",
     CHUNKING "S: 250 x\nC: MAIL FROM:<a@b.example>\nS: 250 ok\n"
              "C: RCPT TO:<u>\nS: 250 ok\ncontent\n" CHUNK
              "wait\nS: 250 ok\ncontent\n" LAST "S: 250 ok\nready\n",
     "+2.0.0", 0, 0},
    {"if nobody is accepted no chunk goes out", "u",
     CHUNKING "S: 250 PIPELINING\nC: MAIL FROM:<a@b.example>\n"
              "C: RCPT TO:<u>\nS: 250 ok\nS: 550 no\nready\n",
     "-5.0.0", 0, 0},
    {"250 before the last chunk went out is no answer to it", "u",
     TO_CHUNK "S: 250 taken\nover\n", "~4.5.0", 0, 0},
    {"nor while it is on its way", "u",
     TO_CHUNK "last\nC: BDAT 7 LAST\nS: 250 taken\nover\n", "~4.5.0", 0, 0},
    {"nor is the answer to the chunk before", "u",
     TO_CHUNK CHUNK LAST "S: 250 ok\nwait\nlost\nover\n", "~4.4.2", 0, 0},
    {"nor are answers to commands that did not go out yet", "u",
     HELLO "CHUNKING\nA: 250 ok\nC: MAIL FROM:<a@b.example>\nover\n", "",
     0, 0},
    {"without REQUIRETLS here the mail is another host's (RFC 8689 4.2.1)",
     "u", HELLO "SIZE\nover\n", "", JOB_REQUIRETLS, 0},
    {"nor a second one to that", "u",
     TO_CHUNK CHUNK "S: 250 ok\nS: 250 ok\nover\n", "~4.5.0", 0, 0},
    {"a refused chunk is the end of the mail", "u",
     TO_CHUNK CHUNK "S: 552 5.3.4 no\nready\n", "-5.3.4", 0, 0},
    {"once those on their way are answered", "u",
     TO_CHUNK CHUNK CHUNK "S: 452 4.3.1 no\nwait\nS: 503 5.5.1 no\nready\n",
     "~4.3.1", 0, 0},
    {"the one at the socket too", "u",
     TO_CHUNK CHUNK "chunk\nC: BDAT 7\nS: 552 5.3.4 no\nwait\nsent\nwait\n"
              "S: 503 no\nready\n",
     "-5.3.4", 0, 0},
    {"and the last", "u",
     TO_CHUNK CHUNK LAST "S: 552 5.3.4 no\nwait\nS: 503 no\nready\n",
     "-5.3.4", 0, 0},
    {"who takes the last though a chunk was refused may have it: LATER", "u",
     TO_CHUNK CHUNK LAST "S: 552 5.3.4 no\nS: 250 ok\nready\n", "~4.5.0", 0,
     0},
    {"a loss after a refused chunk is LATER", "u",
     TO_CHUNK CHUNK LAST "S: 552 5.3.4 no\nlost\nover\n", "~4.4.2", 0, 0},
    {"421 to a chunk is LATER", "u", TO_CHUNK CHUNK "S: 421 no\nover\n",
     "~4.0.0", 0, 0},
    {"5yz to the last chunk is NEVER", "u",
     TO_CHUNK LAST "S: 554 5.6.0 no\nready\n", "-5.6.0", 0, 0},
    {"421 to it is LATER", "u", TO_CHUNK LAST "S: 421 no\nover\n", "~4.0.0",
     0, 0},
    {"a loss after it is LATER", "u", TO_CHUNK LAST "lost\nover\n", "~4.4.2",
     0, 0},
    {"who took a mail by BDAT gets the next in one group", "u",
     TO_GROUP GONE "S: 250 ok\nS: 250 ok\nwait\nS: 250 2.6.0 taken\nready\n"
                   "again\n" GONE,
     "", 0, SMTP_GROUP_MAX},
    {"and its last answer is the verdict", "u",
     TO_GROUP GONE "S: 250 ok\nS: 250 ok\nS: 250 2.6.0 taken\nready\n",
     "+2.6.0", 0, SMTP_GROUP_MAX},
    {"but not a larger one", "u", TO_GROUP ALL "wait\n", "", 0,
     SMTP_GROUP_MAX + 1},
    {"nor where we are somebody: its lines could be taken for our commands",
     "u", TO_CHUNK LAST "S: 250 ok\nready\nknown\nagain\n" ALL "wait\n", "", 0,
     0},
    {"nor without PIPELINING", "u",
     CHUNKING "S: 250 x\nC: MAIL FROM:<a@b.example>\nS: 250 ok\n"
              "C: RCPT TO:<u>\nS: 250 ok\ncontent\n" LAST
              "S: 250 ok\nready\nagain\nC: MAIL FROM:<a@b.example>\nwait\n",
     "", 0, 0},
    {"nor one who refused the first", "u",
     TO_CHUNK LAST "S: 552 no\nready\nagain\nC: RSET\n" ALL "wait\nS: 250 ok\n"
                   "S: 451 no\nS: 503 no\nready\nagain\n" ALL "wait\n",
     "", 0, 0},
    {"nor behind RSET", "u",
     TO_GROUP GONE "S: 250 ok\nS: 250 ok\nS: 552 no\nready\n"
                   "again\nC: RSET\n" ALL "wait\nS: 250 ok\nS: 250 ok\n"
                   "S: 550 5.1.1 no\nready\n", "-5.1.1", 0, 0},
    {"each recipient of a group has its own fate", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\n"
                     "S: 250 ok\nready\n", "-5.1.1,+2.0.0", 0, 0},
    {"5yz to its MAIL is for all, whatever follows", "u,v",
     TO_GROUP2 GONE2 "S: 550 5.7.1 no\nS: 503 no\nS: 503 no\nwait\n"
                     "S: 503 no\nready\n", "-5.7.1,-5.7.1", 0, 0},
    {"4yz to its MAIL stays LATER though 503 follows", "u",
     TO_GROUP GONE "S: 451 4.7.1 wait\nS: 503 no\nS: 503 no\nready\n",
     "~4.7.1", 0, 0},
    {"if nobody is accepted its chunk's refusal is nobody's", "u",
     TO_GROUP GONE "S: 250 ok\nS: 451 4.2.1 no\nwait\nS: 554 5.5.1 no\n"
                   "ready\n", "~4.2.1", 0, 0},
    {"and its acceptance too", "u",
     TO_GROUP GONE "S: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nready\n",
     "-5.1.1", 0, 0},
    {"503 to its chunk after a 4yz is that 4yz", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 250 ok\nS: 451 no\nS: 503 5.5.1 no\n"
                     "ready\n", "~4.5.1,~4.0.0", 0, 0},
    {"503 alone to its chunk sends the mail again at once, step by step",
     "u,v", TO_GROUP2 GONE2 "S: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\n"
     "S: 503 no\nready\nrest\nC: RSET\nC: MAIL FROM:<a@b.example>\n"
     "C: RCPT TO:<v>\nwait\nS: 250 ok\nS: 250 ok\nS: 250 ok\ncontent\n" LAST
     "S: 250 2.6.0 taken\nready\n", "-5.1.1,+2.6.0", 0, 0},
    {"where it is a verdict", "u",
     TO_GROUP REFUSED LAST "S: 503 5.5.1 no\nready\n", "-5.5.1", 0, 0},
    {"and no later mail of the session goes in a group", "u",
     TO_GROUP REFUSED LAST "S: 250 ok\nready\nagain\n" ALL "wait\n", "", 0,
     0},
    {"503 to a chunk for nobody says nothing about groups", "u",
     TO_GROUP GONE "S: 250 ok\nS: 550 5.1.1 no\nS: 503 no\nready\n"
                   "again\nC: RSET\n" ALL PROVE2 "again\n" GONE, "", 0, 0},
    {"5yz to its chunk is for the accepted", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 450 no\nS: 250 ok\nS: 552 5.3.4 no\n"
                     "ready\n", "~4.0.0,-5.3.4", 0, 0},
    {"who has 452 in a group goes in a next one", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 250 ok\nS: 452 many\nS: 250 ok\nready\n",
     "+2.0.0,", 0, 0},
    {"421 to its MAIL says that nothing was heard: another session's", "u",
     TO_GROUP GONE "S: 421 bye\nover\n", "", 0, 0},
    {"421 to its RCPT is LATER for all that are open", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 550 5.1.1 no\nS: 421 bye\nover\n",
     "-5.1.1,~4.0.0", 0, 0},
    {"421 to its chunk is LATER", "u",
     TO_GROUP GONE "S: 250 ok\nS: 250 ok\nS: 421 bye\nover\n", "~4.0.0", 0,
     0},
    {"a loss once it went is LATER", "u", TO_GROUP GONE "lost\nover\n",
     "~4.4.2", 0, 0},
    {"while it went too", "u",
     TO_GROUP "last\n" ALL "C: BDAT 7 LAST\nlost\nover\n", "~4.4.2", 0, 0},
    {"and between its answers", "u,v",
     TO_GROUP2 GONE2 "S: 250 ok\nS: 550 5.1.1 no\nlost\nover\n",
     "-5.1.1,~4.4.2", 0, 0},
    {"before it went the mail is another session's", "u",
     TO_GROUP "lost\n" ALL "over\n", "", 0, 0},
    {"so it is when the server speaks before", "u",
     TO_GROUP "A: 421 4.4.2 idle\n" ALL "over\n", "", 0, 0},
    {"whatever it says", "u", TO_GROUP "A: 250 ok\n" ALL "over\n", "", 0, 0},
    {"commands may be answered while the chunk is on its way", "u",
     TO_GROUP "last\n" ALL "C: BDAT 7 LAST\nS: 250 ok\nS: 250 ok\nsent\nwait\n"
              "S: 250 2.6.0 taken\nready\n", "+2.6.0", 0, 0},
    {"the chunk not", "u",
     TO_GROUP "last\n" ALL "C: BDAT 7 LAST\nS: 250 ok\nS: 250 ok\n"
              "S: 250 taken\nover\n", "~4.5.0", 0, 0},
    {"where an answer is left over the last may not be the chunk's: LATER",
     "u", TO_GROUP GONE "S: 250 ok\nS: 250 odd|250 ok|451 no\nover\n",
     "~4.5.0", 0, 0},
    {"nor may a refusal", "u,v",
     TO_GROUP2 GONE2 "S: 250 odd|250 ok|250 ok|550 5.1.1 no|250 taken\nover\n",
     "~4.5.0,~4.5.0", 0, 0},
    {"nonsense to its MAIL is LATER: it may have been taken", "u",
     TO_GROUP GONE "S: 354 what\nover\n", "~4.0.0", 0, 0},
    {"what cannot be read too", "u", TO_GROUP GONE "S: fine\nover\n",
     "~4.5.0", 0, 0},
    {"recipients over RCPTMAX are left for a next transaction (RFC 9422)",
     "u,v", HELLO "LIMITS RCPTMAX=1\nC: MAIL FROM:<a@b.example>\nS: 250 ok\n"
     "C: RCPT TO:<u>\nS: 250 ok\nC: DATA\nS: 354 go\ncontent\ndot\nC: .\n"
     "sent\nS: 250 ok\nready\n", "+2.0.0,", 0, 0},
    {"so are those with 452 behind one who was taken (RFC 5321 4.5.3.1.10)",
     "u,v", PIPE GROUP2 "S: 250 ok\nS: 250 ok\nS: 452 many\nS: 354 go\n"
     "content\ndot\nC: .\nsent\nS: 250 ok\nready\n", "+2.0.0,", 0, 0},
    {"where none was taken 452 is LATER", "u,v",
     PIPE GROUP2 "S: 250 ok\nS: 452 many\nS: 452 many\nS: 503 no\nready\n",
     "~4.0.0,~4.0.0", 0, 0},
    {"a recipient that would break out of the line is NEVER", "a\rDATA,v",
     PLAIN "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<v>\nwait\n",
     "-5.1.3,", 0, 0},
};

/* What we said has gone out, and this is the answer. */
static void
hear(struct smtp_client *c, const char *answer)
{
    buf_clear(&c->out);
    smtp_client_feed(c, view_of(answer));
}

/* A second mail in the session; dirty: the first one ended before DATA. */
static void
test_reuse(bool dirty)
{
    static const struct script s = {"", "u", "", "", 0, 0};
    static const char done[] = "250 ok\r\n250 ok\r\n354 go\r\n";
    static const char refused[] = "250 ok\r\n550 no\r\n503 no\r\n";
    struct smtp_client c;
    struct smtp_mail first, second;

    make_job(&job, &s);
    smtp_mail_init(&first, &job, on_settled);
    smtp_mail_init(&second, &job, on_settled);
    smtp_client_init(&c, "me");
    smtp_client_mail(&c, &first);
    hear(&c, "220 hi\r\n");
    hear(&c, "250-x\r\n250 PIPELINING\r\n");
    hear(&c, dirty ? refused : done);
    if (!dirty) {
        smtp_client_dot(&c);
        smtp_client_sent(&c);
        hear(&c, "250 ok\r\n");
    }
    buf_clear(&c.out);
    ok(smtp_client_step(&c) == SMTP_READY, "the session is ready for more");
    smtp_client_mail(&c, &second);
    same(c.out.data,
         dirty ? "RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<u>\r\nDATA\r\n"
               : "MAIL FROM:<a@b.example>\r\nRCPT TO:<u>\r\nDATA\r\n",
         dirty ? "RSET comes before MAIL if the last mail was left half-way"
               : "no RSET is said after a mail that ended well");
    buf_clear(&c.out);
    if (dirty)
        hear(&c, "250 reset\r\n");
    hear(&c, done);
    ok(smtp_client_step(&c) == SMTP_CONTENT, "the second mail goes on");
    smtp_client_free(&c);
}

static void
test_texts(void)
{
    static const struct script reply = {
        "a reply of many lines", "u",
        PIPE GROUP "S: 250 ok\nS: 550-5.1.1 no\nS: 550 5.1.1 such\nS: 503 x\n",
        "-5.1.1", 0, 0};
    static const struct script loss = {
        "a loss after the dot", "u", TO_DOT "lost\n", "~4.4.2", 0, 0};

    static const struct script group = {
        "a loss before any answer to a group", "u", TO_GROUP GONE "lost\n",
        "~4.4.2", 0, 0};

    static const struct script chunk = {
        "a refused chunk while the last is out", "u",
        TO_CHUNK CHUNK LAST "S: 552 5.3.4 no\nS: 503 no\nready\n", "-5.3.4", 0,
        0};

    play(&chunk);
    same(last_text, "BDAT: 552 5.3.4 no",
         "the text tells a chunk's answer from the last one's");
    play(&group);
    same(last_text,
         "connection lost after MAIL: the message may have been delivered",
         "a loss after a group says so too");
    play(&reply);
    same(last_text, "RCPT: 550 5.1.1 no 5.1.1 such",
         "the text is the server's words in one line");
    play(&loss);
    same(last_text,
         "connection lost after the final dot: the message may have been "
         "delivered",
         "a loss after the dot says what may have happened");
}

int
main(void)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        play(&scripts[i]);
    test_reuse(false);
    test_reuse(true);
    test_texts();
    return tap_end();
}
