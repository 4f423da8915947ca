#include "runtime/team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPIN_NANOSECONDS = 50 * 1000, LOOKS_PER_CLOCK = 64, CACHE_LINE = 64 };

// |word| is all that workers wait for: bit 0 says whether to spin, the others count the runs. As any change
// of it ends a sleep, no signal is lost between looking and sleeping.
struct team {
    _Alignas(CACHE_LINE) _Atomic uint32_t word;
    _Alignas(CACHE_LINE) _Atomic uint32_t arrived; // members that came to the barrier in this round
    _Alignas(CACHE_LINE) _Atomic uint32_t round;   // changes when the last of them comes
    _Alignas(CACHE_LINE) team_function *function;  // NULL: the workers end
    void *argument;
    _Atomic bool silent; // waiting threads make no system call
    int members;
    int waiting; // members that a barrier waits for: all, or with a pool the caller's thread alone
    int started; // workers that exist
    team_pool pool;
    allocator memory;
    struct worker *workers;
};

typedef struct worker {
    team *team;
    int member;
    pthread_t thread;
} worker;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// A wait by looking: eager for the first 50 microseconds, then giving the processor to others between looks.
// On a loaded machine two spinning threads may otherwise keep the very thread from running that they wait
// for.
typedef struct patience {
    unsigned looks;
    bool late;
    struct timespec since;
} patience;

static void look_again(const team *t, patience *p) {
    if (atomic_load_explicit(&t->silent, memory_order_relaxed)) {
        relax();
        return;
    }
    if (p->late) {
        sched_yield();
        return;
    }
    relax();
    if (p->looks++ % LOOKS_PER_CLOCK) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->looks == 1) {
        p->since = now;
    }
    int64_t waited = (int64_t)(now.tv_sec - p->since.tv_sec) * 1000000000 + (now.tv_nsec - p->since.tv_nsec);
    p->late = waited > SPIN_NANOSECONDS;
}

static void futex_sleep(_Atomic uint32_t *word, uint32_t while_equal) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_equal, NULL, NULL, 0);
}

static void futex_wake_all(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void team_wait(team *t) {
    if (t->waiting == 1) {
        return;
    }
    uint32_t round = atomic_load_explicit(&t->round, memory_order_relaxed);
    uint32_t before = atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel);
    if (before + 1 == (uint32_t)t->waiting) {
        atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&t->round, round + 1, memory_order_release);
        return;
    }
    patience p = {0};
    while (atomic_load_explicit(&t->round, memory_order_acquire) == round) {
        look_again(t, &p);
    }
}

// Waits until another run than number |seen| is called, and returns its number.
static uint32_t wait_for_run(team *t, uint32_t seen) {
    patience p = {0};
    for (;;) {
        uint32_t word = atomic_load_explicit(&t->word, memory_order_acquire);
        if (word >> 1 != seen) {
            return word >> 1;
        }
        if (word & 1) {
            look_again(t, &p);
        } else {
            futex_sleep(&t->word, word);
            p = (patience){0};
        }
    }
}

static void *work(void *argument) {
    worker *w = argument;
    team *t = w->team;
    for (uint32_t seen = 0;;) {
        seen = wait_for_run(t, seen);
        if (!t->function) {
            return NULL;
        }
        t->function(t->argument, w->member);
        team_wait(t);
    }
}

static void call_run(team *t) {
    uint32_t before = atomic_fetch_add_explicit(&t->word, 2, memory_order_release);
    if (!(before & 1)) {
        futex_wake_all(&t->word);
    }
}

void team_run(team *t, team_function *function, void *argument) {
    if (t->waiting > 1) {
        t->function = function;
        t->argument = argument;
        call_run(t);
    }
    function(argument, 0);
    team_wait(t);
}

void team_share(team *t, team_function *function, void *argument) {
    t->pool.parallel_for(t->pool.user, t->members, function, argument);
}

void team_begin(team *t, bool silent) {
    if (t->waiting > 1) {
        atomic_store_explicit(&t->silent, silent, memory_order_relaxed);
        atomic_fetch_or_explicit(&t->word, 1, memory_order_release);
        futex_wake_all(&t->word);
    }
}

void team_end(team *t) {
    if (t->waiting > 1) {
        atomic_store_explicit(&t->silent, false, memory_order_relaxed);
        atomic_fetch_and_explicit(&t->word, ~(uint32_t)1, memory_order_release);
    }
}

int team_members(const team *t) {
    return t->members;
}

bool team_has_pool(const team *t) {
    return t->members > t->waiting;
}

static rnnc_status start_workers(team *t, diag_sink *d) {
    for (; t->started < t->waiting - 1; t->started++) {
        worker *w = &t->workers[t->started];
        *w = (worker){t, t->started + 1, 0};
        int error = pthread_create(&w->thread, NULL, work, w);
        if (error) {
            return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "cannot start thread %d of %d: %s",
                             t->started + 2, t->members, strerror(error));
        }
    }
    return RNNC_OK;
}

rnnc_status team_create(const team_options *options, diag_sink *d, team **out_team) {
    int members = options->members;
    if (members < 1 || members > 1024) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%d threads: from 1 to 1024 are possible",
                         members);
    }
    team *t = allocator_array(&options->memory, 1, sizeof *t);
    worker *workers = allocator_array(&options->memory, (size_t)members, sizeof *workers);
    if (!t || !workers) {
        allocator_free(&options->memory, t);
        allocator_free(&options->memory, workers);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a team of %d threads", members);
    }
    t->members = members;
    t->waiting = options->pool.parallel_for ? 1 : members;
    t->pool = options->pool;
    t->memory = options->memory;
    t->workers = workers;
    rnnc_status status = start_workers(t, d);
    if (status != RNNC_OK) {
        team_destroy(t);
        return status;
    }
    *out_team = t;
    return RNNC_OK;
}

void team_destroy(team *t) {
    if (!t) {
        return;
    }
    t->function = NULL;
    if (t->started) {
        call_run(t);
    }
    for (int i = 0; i < t->started; i++) {
        pthread_join(t->workers[i].thread, NULL);
    }
    allocator memory = t->memory;
    allocator_free(&memory, t->workers);
    allocator_free(&memory, t);
}
