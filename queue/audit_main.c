#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/id.h"
#include "queue/audit.h"
#include "queue/commands.h"
#include "queue/json.h"

enum {
    EXIT_MISMATCH = 1,
    SHOWN_MAX = 1000, /* mismatches named; all are counted */
};

struct output {
    bool json;
    struct buf list; /* the mismatches of json */
    unsigned named;
};

static void
on_mismatch(void *data, const struct account_fault *f)
{
    struct output *o = data;
    struct buf line = {0};
    id_text id;

    if (o->named == SHOWN_MAX)
        return;
    o->named++;
    if (o->json) {
        json_item(&o->list);
        buf_addbyte(&o->list, '{');
        if (f->id)
            json_addtext(&o->list, "id", view_of(id_print(f->id, id)));
        if (f->rcpt >= 0)
            json_addnumber(&o->list, "rcpt", (uint64_t)f->rcpt);
        json_addnumber(&o->list, "position", f->position);
        if (f->other)
            json_addnumber(&o->list, "other", f->other);
        json_addtext(&o->list, "why", view_of(f->why));
        buf_addbyte(&o->list, '}');
        return;
    }
    buf_addstr(&line, "mismatch");
    if (f->id)
        buf_print(&line, " id=%s", id_print(f->id, id));
    if (f->rcpt >= 0)
        buf_print(&line, " rcpt=%ju", (uintmax_t)f->rcpt);
    buf_print(&line, " position=%ju", (uintmax_t)f->position);
    if (f->other)
        buf_print(&line, " other=%ju", (uintmax_t)f->other);
    buf_print(&line, ": %s\n", f->why);
    fputs(line.data, stdout);
    buf_free(&line);
}

static const char *
verdict(const struct audit *a)
{
    if (a->ledger_faults)
        return "the ledger does not verify: whether every accepted recipient "
               "has an outcome cannot be said";
    if (a->account.faults)
        return "not every accepted recipient has exactly one outcome or is "
               "still kept";
    if (a->gaps)
        return "since the gap every accepted recipient has exactly one "
               "outcome or is still kept; before it nothing is known";
    if (a->since_ms)
        return "every recipient accepted since then has exactly one outcome "
               "or is still kept";
    return "every accepted recipient has exactly one outcome or is still "
           "kept";
}

static void
say(const char *what, uint64_t rcpts, const struct account_sum *messages)
{
    printf("%-13s %ju recipient%s", what, (uintmax_t)rcpts,
           rcpts == 1 ? "" : "s");
    if (messages)
        printf(" in %ju message%s", (uintmax_t)messages->messages,
               messages->messages == 1 ? "" : "s");
    putchar('\n');
}

static void
print_text(const struct audit *a)
{
    const struct account *c = &a->account;

    if (a->mismatches > SHOWN_MAX)
        printf("and %ju more\n", (uintmax_t)(a->mismatches - SHOWN_MAX));
    say("accepted", c->accepted.rcpts, &c->accepted);
    say("delivered", c->delivered, NULL);
    say("bounced", c->bounced, NULL);
    if (c->unwanted)
        say(" with no word", c->unwanted, NULL);
    if (a->ledger_faults == 0) {
        say("still queued", a->end.queued.rcpts, &a->end.queued);
        say("set aside", a->end.aside.rcpts, &a->end.aside);
        if (a->end.unrecorded)
            printf("not recorded  %ju message%s kept\n",
                   (uintmax_t)a->end.unrecorded,
                   a->end.unrecorded == 1 ? "" : "s");
    }
    printf("deferred      %ju time%s\n", (uintmax_t)c->deferrals,
           c->deferrals == 1 ? "" : "s");
    if (c->before)
        printf("before gap    %ju line%s about messages accepted there\n",
               (uintmax_t)c->before, c->before == 1 ? "" : "s");
    printf("ledger        %ju lines, %ju signatures verified, the last at "
           "position %ju\n", (uintmax_t)a->lines, (uintmax_t)a->signatures,
           (uintmax_t)a->signed_position);
    if (a->mismatches)
        printf("%ju mismatch%s\n", (uintmax_t)a->mismatches,
               a->mismatches == 1 ? "" : "es");
    puts(verdict(a));
}

static void
add_sum(struct buf *b, const char *key, const struct account_sum *s)
{
    json_key(b, key);
    buf_addbyte(b, '{');
    json_addnumber(b, "messages", s->messages);
    json_addnumber(b, "recipients", s->rcpts);
    buf_addbyte(b, '}');
}

static void
print_json(const struct audit *a, const struct buf *list)
{
    const struct account *c = &a->account;
    struct buf b = {0};

    buf_addbyte(&b, '{');
    json_addbool(&b, "ok", a->mismatches == 0);
    json_addtext(&b, "verdict", view_of(verdict(a)));
    add_sum(&b, "accepted", &c->accepted);
    add_sum(&b, "removed", &c->removed);
    json_addnumber(&b, "delivered", c->delivered);
    json_addnumber(&b, "bounced", c->bounced);
    json_addnumber(&b, "bounced_silently", c->unwanted);
    json_addnumber(&b, "deferrals", c->deferrals);
    if (a->ledger_faults == 0) {
        add_sum(&b, "queued", &a->end.queued);
        add_sum(&b, "aside", &a->end.aside);
        json_addnumber(&b, "unrecorded", a->end.unrecorded);
    }
    json_addnumber(&b, "lines", a->lines);
    json_addnumber(&b, "lines_about_earlier", c->before);
    json_addnumber(&b, "signatures", a->signatures);
    json_addnumber(&b, "signed_position", a->signed_position);
    json_addnumber(&b, "position", a->position);
    json_addbool(&b, "chain", a->ledger_faults == 0);
    json_addnumber(&b, "gaps", a->gaps);
    json_addnumber(&b, "mismatch_count", a->mismatches);
    json_key(&b, "mismatches");
    buf_addbyte(&b, '[');
    buf_addview(&b, buf_view(list));
    buf_addstr(&b, "]}");
    puts(b.data);
    buf_free(&b);
}

/* "2026-11-22", "2026-11-22T21:20", with seconds, or as the ledger has it;
 * UTC. */
static bool
parse_since(const char *text, uint64_t *ms)
{
    static const char rest[] = "0000-00-00T00:00:00.000Z";
    size_t len = strlen(text), whole = sizeof rest - 1;
    char full[sizeof rest];

    if (len != 10 && len != 16 && len != 19 && len != whole)
        return false;
    memcpy(full, rest, sizeof full);
    memcpy(full, text, len);
    return date_parse(view_of(full), ms);
}

int
audit_main(int argc, char **argv)
{
    struct output o = {0};
    struct audit a = {.mismatch = on_mismatch, .data = &o};
    struct look look;
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            o.json = true;
        } else if (strcmp(argv[i], "--since") == 0 && i + 1 < argc &&
                   parse_since(argv[i + 1], &a.since_ms)) {
            i++;
        } else {
            fprintf(stderr, "godwit audit: no argument \"%s\", or no moment "
                    "as 2026-11-22T21:20 after it\n", argv[i]);
            return EXIT_USAGE;
        }
    }
    if (sodium_init() < 0 || look_open(&look, "audit") != 0)
        return EXIT_LATER;
    a.look = &look;
    code = audit_run(&a);
    if (code == 0) {
        if (o.json)
            print_json(&a, &o.list);
        else
            print_text(&a);
        code = look_end(&look, a.mismatches ? EXIT_MISMATCH : EXIT_OK);
    }
    audit_free(&a);
    buf_free(&o.list);
    look_close(&look);
    return code;
}
