#include "remote/auth.h"

#include "tests/tap.h"

static void
test_lines(void)
{
    static const struct {
        const char *line, *host, *user, *secret;
        unsigned port;
        bool found;
    } table[] = {
        {"h:u:s", "h", "u", "s", 25, true},
        {"H:u:s", "h", "u", "s", 25, true},
        {"h:u:s:t", "h", "u", "s:t", 25, true},
        {"h:587:u:s", "h", "u", "s", 587, true},
        {"h:587:u:s", "h", "", "", 25, false},
        {"h:587:u:s:t", "h", "u", "s:t", 587, true},
        {"h:587:s", "h", "587", "s", 25, true},
        {"h:587:12:s", "h", "12", "s", 587, true},
        {"[::1]:587:u:s", "[::1]", "u", "s", 587, true},
        {"g:u:s", "h", "", "", 25, false},
        {"h:u@example.org: s ", "h", "u@example.org", " s ", 25, true},
    };
    unsigned number = 1;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *line = (char *)table[i].line;
        struct conf_list list = {&line, &number, 1};
        struct auth_secret s;
        bool found = auth_find(&list, view_of(table[i].host), table[i].port,
                               &s);

        ok(found == table[i].found &&
               (!found || (view_is(s.user, table[i].user) &&
                           view_is(s.secret, table[i].secret))),
           "'%s' is read for %s, port %u", table[i].line, table[i].host,
           table[i].port);
    }
}

static void
test_choice(void)
{
    static const struct {
        const char *words, *mechanism;
    } table[] = {
        {"PLAIN LOGIN", "PLAIN"},
        {"login", "LOGIN"},
        {"PLAIN CRAM-MD5", "CRAM-MD5"},
        {"PLAIN SCRAM-SHA-256 SCRAM-SHA-1", "SCRAM-SHA-256"},
        {"PLAINER SCRAM-SHA-256-PLUS", NULL},
        {"", NULL},
    };
    struct auth_secret s = {.user = view_of("u"), .secret = view_of("s")};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct auth *a = auth_new(&s, view_of(table[i].words));

        ok(a ? table[i].mechanism &&
                   strcmp(auth_mechanism(a), table[i].mechanism) == 0
             : !table[i].mechanism,
           "of '%s' we take %s", table[i].words,
           table[i].mechanism ? table[i].mechanism : "none");
        auth_free(a);
    }
}

static void
test_steps(void)
{
    struct auth_secret s = {.user = view_of("tim"),
                            .secret = view_of("tanstaaftanstaaf")};
    struct buf out = {0};
    struct auth *a = auth_new(&s, view_of("PLAIN"));

    ok(auth_begins(a) && auth_step(a, view_of(""), &out) && auth_done(a),
       "PLAIN is through with its first words");
    same(out.data, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm",
         "which are user and secret (RFC 4616)");
    ok(!auth_step(a, view_of(""), &out), "more is not said");
    auth_free(a);
    buf_clear(&out);
    a = auth_new(&s, view_of("CRAM-MD5"));
    ok(!auth_begins(a) && !auth_done(a) &&
           auth_step(a, view_of("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9u"
                                "Lm1jaS5uZXQ+"), &out),
       "CRAM-MD5 waits for a challenge");
    same(out.data, "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
         "and answers as RFC 2195 2 does");
    auth_free(a);
    a = auth_new(&s, view_of("CRAM-MD5"));
    ok(!auth_step(a, view_of("%%%"), &out), "what is no base64 is refused");
    auth_free(a);
    buf_free(&out);
}

static void
test_tokens(void)
{
    static const char bearer[] = /* RFC 7628 4.1 */
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9"
        "MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZ"
        "Mjl0Q2c9PQEB";
    struct auth_secret s = {.host = view_of("server.example.com"),
                            .user = view_of("user@example.com"),
                            .secret = view_of("vF9dft4qmTc2Nvb3RlckBhbHRhdml"
                                              "zdGEuY29tCg=="),
                            .port = 143, .token = true};
    struct buf out = {0};
    struct auth *a = auth_new(&s, view_of("PLAIN XOAUTH2 OAUTHBEARER"));

    same(auth_mechanism(a), "OAUTHBEARER", "of two for tokens the RFC's is "
                                           "taken");
    ok(auth_begins(a) && auth_step(a, view_of(""), &out) && auth_done(a),
       "it is through with its first words");
    same(out.data, bearer, "which are those of RFC 7628 4.1");
    buf_clear(&out);
    ok(auth_step(a, view_of("eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="), &out) &&
           !auth_done(a), "a challenge means that it is refused");
    same(out.data, "AQ==", "and is answered as in RFC 7628 4.3");
    ok(!auth_step(a, view_of(""), &out), "once");
    auth_free(a);
    buf_clear(&out);
    a = auth_new(&s, view_of("LOGIN PLAIN XOAUTH2"));
    auth_step(a, view_of(""), &out);
    same(out.data,
         "dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNS"
         "bGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
         "XOAUTH2 tells user and token too");
    buf_clear(&out);
    ok(auth_step(a, view_of("e30="), &out) && out.len == 0 && !auth_done(a),
       "its refusal is answered by an empty line");
    auth_free(a);
    ok(!auth_new(&s, view_of("PLAIN LOGIN CRAM-MD5")),
       "no token is told as a password");
    buf_free(&out);
}

int
main(void)
{
    test_lines();
    test_choice();
    test_steps();
    test_tokens();
    return tap_end();
}
