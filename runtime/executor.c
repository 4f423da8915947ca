// Running a list of calls and loops: every thread walks the whole list and does its share of each call, so
// that there is nothing to hand out. Of a set that runs side by side, a thread runs its members whole and passes over
// the others.
//
// With a pool of the caller's nobody can say how many threads there are, or that any two run at once. Then the caller's
// thread alone walks the list, and hands out each call, and each set, in as many parts as there are members.
#include <time.h>

#include "runtime/context_parts.h"
#include "runtime/mode.h"

// A thread's walk.
typedef struct walk {
    context *c;
    int member, members;
    const program_item *items;
    uint32_t count;
    const int *threads; // by item; NULL: no set runs side by side
    bool pool;          // calls are handed out
    bool whole;         // in a member of such a set: this thread does all of each call and waits for nobody
    bool started;       // a call came before
    bool last_alone;    // and the caller's thread did all of it
} walk;

// The first unit of |member|'s share.
static int64_t share_begin(const bound_form *f, int member, int members) {
    int64_t blocks = (f->units + f->grain - 1) / f->grain;
    int64_t begin = (blocks * member / members) * f->grain;
    return begin < f->units ? begin : f->units;
}

static void enter_kernel(const walk *w, const bound_call *call, const int64_t *ints, int64_t begin,
                         int64_t end) {
    void **args = w->c->members[w->member].args;
    const kernel_code_set *code = w->c->code;
    if (code->functions) {
        code->functions[call->kernel](args, ints, begin, end);
    } else {
        code->call(code->handle, call->kernel, args, ints, begin, end);
    }
}

// Goes from the arguments of one repeat to those of another; units are counted through all of them.
static void move_args(const walk *w, const bound_call *call, const bound_form *f, int64_t repeat, int sign) {
    void **args = w->c->members[w->member].args;
    for (int d = f->repeat_count - 1; d >= 0; d--) {
        int64_t index = sign * (repeat % f->repeat_extent[d]);
        repeat /= f->repeat_extent[d];
        for (uint32_t i = 0; i < call->arg_count; i++) {
            args[i] = (char *)args[i] + index * f->repeat_bytes[i][d];
        }
    }
}

static void repeat_kernel(const walk *w, const bound_call *call, const bound_form *f, int64_t begin,
                          int64_t end) {
    while (begin < end) {
        int64_t repeat = begin / f->piece, from = begin % f->piece;
        int64_t count = f->piece - from < end - begin ? f->piece - from : end - begin;
        move_args(w, call, f, repeat, 1);
        enter_kernel(w, call, f->ints, from, from + count);
        move_args(w, call, f, repeat, -1);
        begin += count;
    }
}

static void call_kernel(const walk *w, const bound_call *call, int64_t t, const bound_form *f) {
    bool all = call->alone || w->whole;
    int64_t begin = all ? 0 : share_begin(f, w->member, w->members);
    int64_t end = all ? f->units : share_begin(f, w->member + 1, w->members);
    if (begin >= end) {
        return;
    }
    context_member *m = &w->c->members[w->member];
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const bound_arg *a = &f->args[i];
        m->args[i] = a->base + ((t + a->shift) & a->mask) * a->slot_bytes;
    }
    m->args[call->arg_count] = m->scratch;
    if (f->repeat_count) {
        repeat_kernel(w, call, f, begin, end);
    } else if (call->turns && t & 1) {
        enter_kernel(w, call, f->ints, end, begin);
    } else {
        enter_kernel(w, call, f->ints, begin, end);
    }
}

// All members decide alike, as all see the same calls. Two calls in a row that the caller does alone need no
// wait between them.
static void wait_before(walk *w, const bound_call *call) {
    if (w->started && !(w->last_alone && call->alone)) {
        team_wait(w->c->team);
    }
    w->started = true;
    w->last_alone = call->alone;
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// A call, or with |set| a set at item |at|, that a pool works on.
typedef struct parcel {
    const walk *w;
    const bound_call *call;
    const bound_form *form;
    int64_t t;
    bool set;
    uint32_t at;
} parcel;

static void open_parcel(void *argument, int member);

// Does this thread's share of a call, or has the pool do all of them.
static void do_share(const walk *w, const bound_call *call, int64_t t, const bound_form *f) {
    if (w->pool && !w->whole && !call->alone) {
        parcel p = {.w = w, .call = call, .form = f, .t = t};
        team_share(w->c->team, open_parcel, &p);
    } else if (w->whole || !call->alone || w->member == 0) {
        call_kernel(w, call, t, f);
    }
}

static void run_timed(const walk *w, uint32_t index, int64_t t, const bound_form *f) {
    bool watches = w->whole || w->member == 0;
    int64_t began = watches ? now() : 0;
    do_share(w, &w->c->calls[index], t, f);
    if (!w->whole) {
        team_wait(w->c->team);
    }
    if (watches) {
        w->c->times[index].nanoseconds += now() - began;
        w->c->times[index].runs++;
    }
}

// Which of a call's forms it is run in.
typedef enum turn { TURN_USUAL, TURN_FIRST, TURN_LAST } turn;

static void run_call(walk *w, uint32_t index, int64_t t, turn which) {
    const bound_call *call = &w->c->calls[index];
    const bound_form *f = which == TURN_USUAL   ? &call->usual
                          : which == TURN_FIRST ? &call->first
                                                : &call->last;
    if (w->c->timing) {
        run_timed(w, index, t, f);
        return;
    }
    if (!w->whole) {
        wait_before(w, call);
    }
    do_share(w, call, t, f);
}

static void run_loop(walk *w, const program_item *loop) {
    int64_t extent = w->c->extents[loop->axis];
    for (int64_t i = 0; i < extent; i++) {
        int64_t t = loop->direction > 0 ? i : extent - 1 - i;
        turn which = i == 0 ? TURN_FIRST : i == extent - 1 ? TURN_LAST : TURN_USUAL;
        for (uint32_t j = 1; j <= loop->length; j++) {
            run_call(w, loop[j].call, t, which);
        }
    }
}

// Runs this thread's members of the set at item |at|.
static void run_mine(walk *w, uint32_t at) {
    const program_item *set = &w->items[at];
    w->whole = true;
    for (uint32_t i = 1; i <= set->length; i++) {
        const program_item *item = &set[i];
        bool mine = w->threads[at + i] == w->member;
        if (item->kind == ITEM_CALL && mine) {
            run_call(w, item->call, 0, TURN_USUAL);
        } else if (item->kind == ITEM_LOOP) {
            if (mine) {
                run_loop(w, item);
            }
            i += item->length;
        }
    }
    w->whole = false;
}

// What a thread of the pool does as one of the members.
static void open_parcel(void *argument, int member) {
    const parcel *p = argument;
    walk w = *p->w;
    w.member = member;
    unsigned saved = mode_enter();
    if (p->set) {
        run_mine(&w, p->at);
    } else {
        call_kernel(&w, p->call, p->t, p->form);
    }
    mode_leave(saved);
}

// The barrier after a set is that before the next call; timed calls have theirs behind them.
static void run_set(walk *w, uint32_t at) {
    if (w->started) {
        team_wait(w->c->team);
    }
    if (w->pool) {
        parcel p = {.w = w, .set = true, .at = at};
        team_share(w->c->team, open_parcel, &p);
    } else {
        run_mine(w, at);
    }
    w->started = true;
    w->last_alone = false;
    if (w->c->timing) {
        team_wait(w->c->team);
    }
}

// Returns the number of items that were run.
static uint32_t run_item(walk *w, uint32_t at) {
    const program_item *item = &w->items[at];
    switch (item->kind) {
    case ITEM_CALL: run_call(w, item->call, 0, TURN_USUAL); return 1;
    case ITEM_LOOP: run_loop(w, item); return 1 + item->length;
    default: break;
    }
    if (!w->threads || w->threads[at] == NO_THREAD) {
        return 1; // the members follow one after the other
    }
    run_set(w, at);
    return 1 + item->length;
}

static void run_member(void *argument, int member) {
    walk w = *(const walk *)argument;
    w.member = member;
    unsigned saved = member ? mode_enter() : 0; // the caller's thread is in it
    for (uint32_t i = 0; i < w.count;) {
        i += run_item(&w, i);
    }
    if (member) {
        mode_leave(saved);
    }
}

void execute(context *c, const program_item *items, uint32_t count, const int *threads) {
    if (!count) {
        return;
    }
    walk w = {.c = c,
              .members = team_members(c->team),
              .items = items,
              .count = count,
              .threads = threads,
              .pool = team_has_pool(c->team)};
    team_run(c->team, run_member, &w);
}
