/* queue.pml - one message of two recipients and its bounces, or beside it a
 * second one, through the queue, with death between any two steps
 *
 * Variables on stable storage come in pairs: NAME_m is what the system shows,
 * NAME_d what the disk has for certain.  A sync makes them equal; a power cut
 * keeps either, each by its own choice; a death of a program keeps NAME_m.
 * The ledger is one row of lines; lines up to nsyn are synced, up to nwri
 * written, up to napp in the manager's memory.
 *
 * Message 0 has two recipients; 1 and 2 are the bounces that begin with its
 * first and second recipient; 3, with MESSAGES=2, has two who never fail.  `step: NAME` is in the C function that does
 * it as `model: NAME`.  A V_ name, when defined, breaks the protocol.
 *
 * A request at the door outlives the manager that made it, and may be slower
 * than the next one's; a manager may wait no longer; the sync of todo/ may
 * fail; and message 0 may be read before its bounce settles it and be looked
 * at after. */

#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef DEFERS
#define DEFERS 1
#endif
#ifndef CHECKPOINTS
#define CHECKPOINTS 1
#endif
#ifndef GIVEUPS
#define GIVEUPS 1
#endif
#ifndef ERRORS
#define ERRORS 1
#endif
#ifndef EARLY
#define EARLY 1
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#define LINES 40
#define ALL (MESSAGES + 2)
#define STATES (ALL * 2)

#define OWED 0
#define DELIVERED 1
#define FAILED 2
#define BOUNCED 3

/* Kinds of lines; the recipient is added to the middle three. */
#define ACCEPT 0
#define DELIVER 1
#define FAIL 3
#define BOUNCE 5
#define REMOVE 7

#define at(x, r) ((x) * 2 + (r))
#define is_bounce(x) ((x) == 1 || (x) == 2)
#define rcpts(x) (is_bounce(x) -> 1 : 2)
#define has(mask, r) (((mask) >> (r)) & 1)

bit data_m[ALL], data_d[ALL];
bit todo_m[ALL], todo_d[ALL], info_m[ALL], info_d[ALL];
byte state_m[STATES], state_d[STATES];
byte report_m, report_d;        /* bounce/0: a bit for each recipient */
byte led[LINES], nsyn, nwri, napp, upto;

/* What the world knows. */
byte acked;                     /* messages answered */
bit out[STATES];                /* delivered */
bit gone[ALL];                  /* was there and was removed */
byte answers[3];                /* which recipients a bounce answers */
byte extra;                     /* V_RANDOM_ID: bounces made */

/* The manager's memory. */
byte x, r, i, j, saved, failing, slot;
byte now[2];
bit in_todo, removing, blocked, try, stale;
bit read;                       /* message 0: */
byte was[2];                    /* its records as they were read */
byte defers = DEFERS, checkpoints = CHECKPOINTS, crashes = CRASHES,
     giveups = GIVEUPS, errors = ERRORS, early = EARLY;

/* Requests at the door: message to make, 0 none; and their answers. */
byte ask[2], answer[2];
#define NONE 0
#define QUEUED 1
#define REFUSED 2
bit waiting[2];
byte begun[2];                  /* what a door writes now */
byte mine;

/* A bounce's name may be there while enqueue has yet to sync it. */
#ifdef V_NAME_UNSYNCED
#define BOUNCE_SYNC
#define TAKEUP_SYNC
#else
#define BOUNCE_SYNC sync_todo(); sync_info()
#define TAKEUP_SYNC sync_todo()
#endif

#define queued(y) (todo_m[y] || info_m[y])

bit manager_dead, enqueue_dead, door_dead;
bit seen;

/* seen: whether a synced line says kind of y. */
inline look(y, kind) {
    seen = 0;
    j = 0;
    do
    :: j < nsyn && led[j] == (y) * 8 + (kind) -> seen = 1; break
    :: j < nsyn && led[j] != (y) * 8 + (kind) -> j++
    :: j >= nsyn -> break
    od;
    j = 0
}

inline append(kind) {
    d_step {
        assert(napp < LINES);
        led[napp] = x * 8 + (kind);
        napp++
    }
}

/* step: ledger-write, step: ledger-sync */
inline record() {
    nwri = napp;
    nsyn = nwri
}

/* Nobody is removed before his outcome is certain. */
inline must_be_recorded() {
    look(x, REMOVE);
    assert(seen);
    r = 0;
    do
    :: r < rcpts(x) ->
        look(x, DELIVER + r);
        if
        :: seen -> assert(out[at(x, r)])
        :: else ->
            look(x, BOUNCE + r);
            if
            :: !seen && x == 0 ->
                /* its bounce's acceptance may have said so */
                look(1, ACCEPT);
                if
                :: seen && has(answers[1], r) -> skip
                :: else ->
                    look(2, ACCEPT);
                    assert(seen && has(answers[2], r))
                fi
            :: else -> assert(seen)
            fi
        fi;
        r++
    :: else -> break
    od;
    r = 0
}

inline sync_info() {
    d_step { info_d[0] = info_m[0]; info_d[1] = info_m[1];
             info_d[2] = info_m[2]; info_d[ALL - 1] = info_m[ALL - 1] }
}

inline sync_todo() {
    d_step { todo_d[0] = todo_m[0]; todo_d[1] = todo_m[1];
             todo_d[2] = todo_m[2]; todo_d[ALL - 1] = todo_m[ALL - 1] }
}

inline mark_answered(y) {
    d_step {
        if
        :: has(answers[y], 0) && state_m[0] == FAILED -> state_m[0] = BOUNCED
        :: else
        fi;
        if
        :: has(answers[y], 1) && state_m[1] == FAILED -> state_m[1] = BOUNCED
        :: else
        fi
    }
}

/* One line again. */
inline apply(line) {
    d_step {
        slot = (line) / 8;
        saved = (line) % 8;
        if
        :: saved == ACCEPT && is_bounce(slot) -> mark_answered(slot)
        :: saved >= DELIVER && saved < FAIL ->
            state_m[at(slot, saved - DELIVER)] = DELIVERED
        :: saved >= FAIL && saved < BOUNCE ->
            state_m[at(slot, saved - FAIL)] = FAILED
        :: saved >= BOUNCE && saved < REMOVE ->
            state_m[at(slot, saved - BOUNCE)] = BOUNCED
        :: saved == REMOVE ->
            gone[slot] = gone[slot] | todo_m[slot] | info_m[slot];
            todo_m[slot] = 0;
            info_m[slot] = 0;
            report_m = (slot == 0 -> 0 : report_m)
        :: else
        fi;
        saved = 0;
        slot = 0
    }
}

/* step: recover-sync, step: recover-apply, step: recover-names */
inline recover() {
#ifndef V_RECOVER_UNSYNCED
    nsyn = nwri;
#endif
    i = upto;
    do
    :: i < nwri -> apply(led[i]); i++
    :: else -> break
    od;
    i = 0;
    nsyn = (nsyn > nwri -> nwri : nsyn);
    do
    :: i < ALL && todo_m[i] && info_m[i] -> sync_info(); todo_m[i] = 0; i++
    :: i < ALL && !(todo_m[i] && info_m[i]) -> i++
    :: i >= ALL -> break
    od;
    i = 0;
    /* Once more would change nothing. */
    atomic {
        look(0, REMOVE);
        assert(!seen || !(todo_m[0] || info_m[0]));
        look(1, REMOVE);
        assert(!seen || !(todo_m[1] || info_m[1]));
        look(2, REMOVE);
        assert(!seen || !(todo_m[2] || info_m[2]));
        look(ALL - 1, REMOVE);
        assert(!seen || !(todo_m[ALL - 1] || info_m[ALL - 1]));
        assert(!(todo_m[0] && info_m[0]));
        look(0, DELIVER);
        assert(!seen || !queued(0) || state_m[0] == DELIVERED);
        look(0, DELIVER + 1);
        assert(!seen || !queued(0) || state_m[1] == DELIVERED);
        look(0, BOUNCE);
        assert(!seen || !queued(0) || state_m[0] == BOUNCED);
        look(0, BOUNCE + 1);
        assert(!seen || !queued(0) || state_m[1] == BOUNCED)
    }
}

/* step: deliver, step: outcome */
inline attempt() {
    failing = 0;
    do
    :: r < rcpts(x) && now[r] == OWED ->
        if
        :: atomic {
               look(x, DELIVER + r);
               assert(!seen);      /* P4: nothing recorded is done again */
               out[at(x, r)] = 1
           };
           append(DELIVER + r);
           now[r] = DELIVERED
        :: x == 0 -> failing = failing | (1 << r)
        :: defers > 0 -> defers--
        fi;
        r++
    :: r < rcpts(x) && now[r] != OWED -> r++
    :: r >= rcpts(x) -> r = 0; break
    od
}

/* step: reports-write, step: reports-sync, step: fail */
inline report() {
#ifndef V_REPORTS_UNSYNCED
    report_m = report_m | failing;
    report_d = report_m;
#else
    report_m = report_m | failing;
#endif
    do
    :: r < 2 && has(failing, r) -> append(FAIL + r); now[r] = FAILED; r++
    :: r < 2 && !has(failing, r) -> r++
    :: r >= 2 -> r = 0; failing = 0; break
    od
}

/* step: bounce-id, step: bounce-find, step: bounce-sync,
 * step: bounce-begun, step: bounce-reread, step: bounce-ask,
 * step: bounce-record */
inline bounce() {
    d_step {
        failing = (now[0] == FAILED -> 1 : 0) | (now[1] == FAILED -> 2 : 0);
        assert((report_m & failing) == failing);
        slot = (now[0] == FAILED -> 1 : 2)
#ifdef V_RANDOM_ID
        ;
        slot = (extra == 0 -> 1 : 2)
#endif
    };
    mine = 2;
    if
#ifdef V_RANDOM_ID
    /* Nothing tells under which id to look. */
#elif !defined(V_TORN_BOUNCE)
    /* Of its lines a crash may have left only the first. */
    :: queued(1) && (answers[1] & failing) ->
        BOUNCE_SYNC;
        failing = failing & answers[1]
    :: queued(2) && (answers[2] & failing) &&
       !(queued(1) && (answers[1] & failing)) ->
        BOUNCE_SYNC;
        failing = failing & answers[2]
#else
    :: queued(slot) -> BOUNCE_SYNC; assert(answers[slot] == failing)
#endif
#ifndef V_NO_REREAD
    :: x == 0 && !(queued(1) && (answers[1] & failing)) &&
       !(queued(2) && (answers[2] & failing)) &&
       ((has(failing, 0) && state_m[0] == BOUNCED) ||
        (has(failing, 1) && state_m[1] == BOUNCED)) ->
        blocked = 1;
        stale = 1
#endif
    :: else ->
        atomic {
            if
            :: ask[0] == 0 -> mine = 0
            :: ask[0] != 0 && ask[1] == 0 -> mine = 1
            :: ask[0] != 0 && ask[1] != 0 -> blocked = 1
            fi;
            if
            :: mine < 2 ->
                assert(answers[slot] == 0 || answers[slot] == failing);
                answers[slot] = failing;
                answer[mine] = NONE;
                waiting[mine] = 1;
                ask[mine] = slot
            :: else
            fi
        };
        if
        :: mine < 2 ->
            if
            :: atomic {
                   answer[mine] != NONE ->
                   waiting[mine] = 0;
                   blocked = (answer[mine] == REFUSED);
                   answer[mine] = NONE
               }
            :: atomic {
                   giveups > 0 && answer[mine] == NONE ->
                   giveups--;
                   waiting[mine] = 0;
                   blocked = 1
               }
            fi
        :: else
        fi
    fi;
    mine = 2;
    do
    :: r < 2 && has(failing, r) && !blocked ->
        append(BOUNCE + r); now[r] = BOUNCED; r++
    :: r < 2 && !(has(failing, r) && !blocked) -> r++
    :: r >= 2 -> r = 0; failing = 0; slot = 0; break
    od
}

/* step: mark */
inline mark() {
    d_step {
        state_m[at(x, 0)] = now[0];
        state_m[at(x, 1)] = (is_bounce(x) -> state_m[at(x, 1)] : now[1])
    }
}

/* step: move-link, step: move-sync, step: move-unlink */
inline move() {
    mark();
    info_m[x] = 1;
#ifndef V_INFO_UNSYNCED
    sync_info();
#endif
    todo_m[x] = 0
}

/* step: remove-reports, step: remove-unlink */
inline remove() {
    report_m = (x == 0 -> 0 : report_m);
    atomic {
        must_be_recorded();
        gone[x] = 1;
        todo_m[x] = (in_todo -> 0 : todo_m[x]);
        info_m[x] = (in_todo -> info_m[x] : 0)
    }
}

/* step: takeup-sync, step: accept, step: answer-mark, step: remove-record */
inline message() {
    atomic {
        look(x, REMOVE);
        assert(!seen);              /* what was removed does not return */
        assert(data_m[x]);
        in_todo = !info_m[x];
        now[0] = (x == 0 && read -> was[0] : state_m[at(x, 0)]);
        now[1] = (x == 0 && read -> was[1] : state_m[at(x, 1)]);
        if
        :: x == 0 -> read = 0; was[0] = 0; was[1] = 0
        :: else
        fi;
        removing = 0;
        blocked = 0;
        try = 1
    };
    if
    :: in_todo ->
        append(ACCEPT);
        if
#ifndef V_NO_ANSWERS
        :: is_bounce(x) -> TAKEUP_SYNC; record(); mark_answered(x)
#endif
        :: else
        fi
    :: else
    fi;
    do
    :: now[0] != FAILED && now[1] != FAILED && try &&
       (now[0] == OWED || (!is_bounce(x) && now[1] == OWED)) ->
        try = 0;
        attempt();
        if
        :: failing -> report()
        :: else
        fi
    :: (now[0] == FAILED || now[1] == FAILED) && !blocked ->
#ifdef V_MARK_FIRST
        mark();
#endif
        record();
        bounce()
    :: (now[0] == DELIVERED || now[0] == BOUNCED) &&
       (is_bounce(x) || now[1] == DELIVERED || now[1] == BOUNCED) ->
        append(REMOVE);
#ifdef V_UNLINK_FIRST
        remove();
        record();
#else
#ifdef V_MARK_FIRST
        mark();
#endif
        record();
        remove();
#endif
        break
    :: else ->
#ifdef V_MARK_FIRST
        mark();
#endif
        record();
        if
        :: stale
        :: !stale && in_todo -> move()
        :: !stale && !in_todo -> mark()
        fi;
        break
    od;
    atomic { now[0] = 0; now[1] = 0; in_todo = 0; blocked = 0; try = 0;
             failing = 0; slot = 0; stale = 0 }
}

/* step: checkpoint-begin, step: checkpoint-sync, step: checkpoint-head */
inline checkpoint() {
    checkpoints--;
    saved = nsyn;
#ifndef V_CHECKPOINT_FIRST
    d_step {
        state_d[0] = state_m[0]; state_d[1] = state_m[1];
        state_d[2] = state_m[2]; state_d[4] = state_m[4];
        state_d[at(ALL - 1, 0)] = state_m[at(ALL - 1, 0)];
        state_d[at(ALL - 1, 1)] = state_m[at(ALL - 1, 1)]
    };
    d_step { report_d = report_m };
    sync_todo();
    sync_info();
#endif
    upto = saved;
    saved = 0
}


/* Who is recorded as bounced was told of. */
inline told(rcpt) {
    look(0, BOUNCE + (rcpt));
    assert((!seen && state_m[rcpt] != BOUNCED) ||
           (has(answers[1], rcpt) && out[2]) ||
           (has(answers[2], rcpt) && out[4]))
}

active proctype manager()
{
again:
    {
        recover();
end_idle:
        do
        :: atomic { early > 0 && !read && queued(0) ->
               early--;
               read = 1;
               was[0] = state_m[0];
               was[1] = state_m[1] }
        :: atomic {
               if
               :: queued(0) -> x = 0
               :: queued(1) -> x = 1
               :: queued(2) -> x = 2
#if MESSAGES == 2
               :: queued(3) -> x = 3
#endif
               fi
           };
           message()
        :: checkpoints > 0 && nsyn > upto -> checkpoint()
        :: atomic { !queued(0) && !queued(1) && !queued(2) &&
                    !queued(ALL - 1) && acked == MESSAGES &&
                    ask[0] == 0 && ask[1] == 0 ->
#if MESSAGES == 2
               x = 3;
               must_be_recorded();
#endif
               x = 0;
               must_be_recorded();
               told(0);
               told(1) };
           goto end_all
        od
    } unless {
        atomic {
            manager_dead ->
            manager_dead = 0;
            x = 0; r = 0; i = 0; j = 0; saved = 0; failing = 0; slot = 0;
            now[0] = 0; now[1] = 0; in_todo = 0; removing = 0; blocked = 0;
            try = 0; mine = 2; seen = 0; stale = 0;
            read = 0; was[0] = 0; was[1] = 0;
            waiting[0] = 0; waiting[1] = 0; answer[0] = 0; answer[1] = 0
        };
        goto again
    };
end_all:
    manager_dead; goto end_all
}

/* The callers' messages.  (Where a file system lets no name come to the disk
 * before its content, the name may be given before the sync: a cut leaves
 * both or neither, so what can be found is the same.)  step: incoming-write, step: incoming-sync,
 * step: incoming-link, step: incoming-folder, step: incoming-answer */
active proctype enqueue()
{
    {
        do
        :: acked < MESSAGES ->
            data_m[acked * 3] = 1;
            data_d[acked * 3] = 1;
            todo_m[acked * 3] = 1;
#ifdef V_ANSWER_FIRST
            acked++;
            sync_todo()
#else
            sync_todo();
            acked++
#endif
        :: else -> break
        od
    } unless { enqueue_dead };
end_enqueue:
    enqueue_dead && false
}

/* A bounce, by the other door; the same functions, and before them
 * step: incoming-once, step: incoming-there, step: incoming-left */
active [2] proctype door()
{
    byte me = _pid - 2, y;
    bit there;
end_door:
    {
end_wait:
        do
        :: atomic {
               ask[me] != 0 ->
               y = ask[me];
               if
#ifndef V_DOOR_STALE
               :: !waiting[me] -> y = 0
#endif
#ifndef V_DOOR_TWICE
               :: begun[1 - me] == y -> y = 0
#endif
               :: else ->
                   begun[me] = y;
#ifndef V_DOOR_LATE
                   there = todo_m[y]
#endif
               fi
           };
           if
           :: y != 0 && there -> there = 0; goto name
           :: y != 0 && !there ->
               data_m[y] = 1;
               data_d[y] = 1;
               d_step {
                   if
                   :: todo_m[y]
                   :: else ->
                       /* A second bounce for the same recipients. */
                       assert(!gone[y]);
                       assert(!info_m[y]);
                       assert(!(queued(3 - y) || gone[3 - y]) ||
                              (answers[1] & answers[2]) == 0);
                       todo_m[y] = 1;
                       extra++;
                       state_m[at(y, 0)] = OWED;
                       state_d[at(y, 0)] = OWED
                   fi
               };
name:
               if
               :: sync_todo();
                  atomic {
                      answer[me] = (waiting[me] -> QUEUED : NONE);
                      begun[me] = 0;
                      ask[me] = 0;
                      y = 0;
                      goto end_door
                  }
               :: errors > 0 ->
                  errors--
#ifdef V_NAME_TAKEN
                  ;
                  todo_m[y] = 0
#endif
               fi
           :: y == 0
           fi;
           atomic {
               answer[me] = (waiting[me] -> REFUSED : NONE);
               begun[me] = 0;
               ask[me] = 0;
               y = 0
           }
        od
    } unless {
        atomic { door_dead && ask[me] != 0 ->
                 answer[me] = (waiting[me] -> REFUSED : NONE);
                 ask[me] = 0; begun[me] = 0; y = 0; there = 0 };
        goto end_door
    }
}

inline either(m, d) {
    if
    :: m != d -> m = d
    :: d = m
    fi
}

inline power() {
    i = 0;
    do
    :: i < ALL ->
        either(todo_m[i], todo_d[i]);
        either(info_m[i], info_d[i]);
        either(state_m[at(i, 0)], state_d[at(i, 0)]);
        i++
    :: else -> break
    od;
    either(state_m[1], state_d[1]);
#if MESSAGES == 2
    either(state_m[7], state_d[7]);
#endif
    either(report_m, report_d);
    do
    :: nwri > nsyn -> nwri--
    :: break
    od;
    napp = nwri;
    nsyn = nwri;
    i = 0;
    do
    :: i < ALL -> assert(!queued(i) || data_d[i]); i++
    :: else -> break
    od;
    i = 0;
    look(0, REMOVE);
    assert(!acked || queued(0) || seen);  /* P1 */
    look(ALL - 1, REMOVE);
    assert(acked < MESSAGES || MESSAGES == 1 || queued(ALL - 1) || seen)
}

/* A death of a program, or of all. */
active proctype death()
{
end_death:
    do
    :: atomic { crashes > 0 && !manager_dead && !door_dead ->
        crashes--;
        if
        :: do
           :: nwri < napp -> nwri++
           :: break
           od;
           napp = nwri;
           manager_dead = 1
        :: acked < MESSAGES -> enqueue_dead = 1
        :: ask[0] || ask[1] -> door_dead = 1
        :: power(); manager_dead = 1; enqueue_dead = (acked < MESSAGES);
           door_dead = 1
        fi }
    :: atomic { door_dead && ask[0] == 0 && ask[1] == 0 -> door_dead = 0 }
    od
}
