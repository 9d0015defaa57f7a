#include "remote/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <gsasl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "remote/oauth.h"
#include "remote/token.h"

/* The best first. */
static const struct mechanism {
    const char *name;
    bool begins;
} mechanisms[] = {
    {"SCRAM-SHA-256", true}, {"SCRAM-SHA-1", true}, {"CRAM-MD5", false},
    {"PLAIN", true},         {"LOGIN", false},
};
static const struct mechanism token_mechanisms[] = {
    {"OAUTHBEARER", true}, {"XOAUTH2", true},
};

struct auth {
    const struct auth_secret *secret; /* borrowed */
    Gsasl *library;                   /* NULL: a token's mechanism */
    Gsasl_session *session;
    const struct mechanism *mechanism;
    unsigned steps;
    bool done;
};

static struct view
field(struct view *line)
{
    size_t end = view_find(*line, ':');
    struct view f = view_make(line->data, end);

    *line = view_from(*line, end + 1);
    return f;
}

/* A host in brackets has colons of its own. */
static struct view
host_field(struct view *line)
{
    size_t end = view_find(*line, ']');
    struct view host;

    if (line->len == 0 || *line->data != '[' || end == line->len)
        return field(line);
    host = view_make(line->data, end + 1);
    *line = view_from(*line, end + 1);
    field(line);
    return host;
}

static bool
read_line(const char *text, struct auth_secret *s)
{
    struct view line = view_of(text), rest;
    uint64_t port;

    *s = (struct auth_secret){0};
    s->host = host_field(&line);
    s->user = field(&line);
    /* A number is a port only if a user and a secret follow. */
    rest = line;
    if (view_number(s->user, UINT16_MAX, &port) &&
        view_find(rest, ':') < rest.len) {
        s->port = (unsigned)port;
        s->user = field(&line);
    }
    s->secret = line;
    return s->host.len > 0 && s->user.len > 0 && s->secret.len > 0;
}

int
auth_load(struct conf_list *list, int controldir, size_t *line)
{
    struct auth_secret s;
    struct stat st;
    int r;

    if (fstatat(controldir, "smtpauth", &st, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (st.st_mode & 077)
        return -EPERM;
    if ((r = conf_list(controldir, "smtpauth", list)) < 0)
        return r;
    for (size_t i = 0; i < list->count; i++)
        if (!read_line(list->items[i], &s)) {
            *line = list->lines[i];
            return -EBADMSG;
        }
    return 0;
}

int
auth_load_tokens(struct conf_list *list, int controldir, size_t *line)
{
    int r = conf_list(controldir, "smtptoken", list);
    struct auth_secret s;

    for (size_t i = 0; r == 0 && i < list->count; i++)
        if (!read_line(list->items[i], &s) || !token_name(s.secret)) {
            *line = list->lines[i];
            return -EBADMSG;
        }
    return r == -ENOENT ? 0 : r;
}

bool
auth_find(const struct conf_list *list, struct view host, unsigned port,
          struct auth_secret *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (read_line(list->items[i], s) &&
            view_equalcase(s->host, host) &&
            (s->port == 0 || s->port == port))
            return true;
    return false;
}

static bool
offered(struct view words, const char *name)
{
    while (words.len) {
        size_t end = view_find(words, ' ');

        if (view_equalcase(view_make(words.data, end), view_of(name)))
            return true;
        words = view_from(words, end + 1);
    }
    return false;
}

static void
set_property(struct auth *a, Gsasl_property property, struct view value)
{
    if (gsasl_property_set_raw(a->session, property, value.data, value.len) !=
        GSASL_OK)
        abort(); /* no memory, as mem.h has it */
}

static struct auth *
new_token(struct auth *a, struct view words)
{
    for (size_t i = 0; i < 2; i++)
        if (offered(words, token_mechanisms[i].name)) {
            a->mechanism = &token_mechanisms[i];
            return a;
        }
    free(a);
    return NULL;
}

struct auth *
auth_new(const struct auth_secret *s, struct view words)
{
    struct auth *a = mem_alloc(sizeof *a);

    a->secret = s;
    if (s->token)
        return new_token(a, words);
    if (gsasl_init(&a->library) != GSASL_OK)
        abort();
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (offered(words, mechanisms[i].name) &&
            gsasl_client_start(a->library, mechanisms[i].name, &a->session) ==
                GSASL_OK) {
            a->mechanism = &mechanisms[i];
            set_property(a, GSASL_AUTHID, s->user);
            set_property(a, GSASL_PASSWORD, s->secret);
            return a;
        }
    auth_free(a);
    return NULL;
}

void
auth_free(struct auth *a)
{
    if (!a)
        return;
    if (a->session)
        gsasl_finish(a->session);
    if (a->library)
        gsasl_done(a->library);
    free(a);
}

const char *
auth_mechanism(const struct auth *a)
{
    return a->mechanism->name;
}

bool
auth_begins(const struct auth *a)
{
    return a->mechanism->begins;
}

static bool
step_password(struct auth *a, struct view challenge, struct buf *out)
{
    char *text = mem_dup(challenge.data, challenge.len), *answer = NULL;
    bool good = !a->done && a->steps++ < AUTH_STEPS_MAX;
    int r;

    if (good) {
        r = gsasl_step64(a->session, text, &answer);
        good = r == GSASL_OK || r == GSASL_NEEDS_MORE;
        a->done = r == GSASL_OK;
        if (good && answer)
            buf_addstr(out, answer);
        gsasl_free(answer);
    }
    free(text);
    return good;
}

/* A challenge tells why the token is refused; the server waits for an answer
 * before it says so (RFC 7628 3.2.3). */
static bool
step_token(struct auth *a, struct buf *out)
{
    bool bearer = a->mechanism == &token_mechanisms[0];

    if (a->steps++ > 1)
        return false;
    a->done = a->steps == 1;
    if (!a->done)
        buf_addstr(out, bearer ? "AQ==" : "");
    else if (bearer)
        oauth_bearer(a->secret, out);
    else
        oauth_xoauth2(a->secret, out);
    return true;
}

bool
auth_step(struct auth *a, struct view challenge, struct buf *out)
{
    if (!a->library)
        return step_token(a, out);
    return step_password(a, challenge, out);
}

bool
auth_done(const struct auth *a)
{
    return a->done;
}
