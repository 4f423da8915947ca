// Threads of a caller's, for tests of rnnc_context_options::parallel_for.
#ifndef RNNC_TESTS_API_POOL_H
#define RNNC_TESTS_API_POOL_H

#include "tests/api/fixture.h"

#include <pthread.h>

// A pool as simple as can be: each of its threads takes every width-th part, the last ones first. It begins and ends
// with the call.
typedef struct pool {
    int width, calls;
} pool;

typedef struct pool_thread {
    int first, step;
    void (*body)(void *arg, int i);
    void *arg;
} pool_thread;

static inline void *pool_work(void *user) {
    const pool_thread *t = user;
    for (int i = t->first; i >= 0; i -= t->step) {
        t->body(t->arg, i);
    }
    return NULL;
}

static inline void parallel_for(void *user, int n, void (*body)(void *arg, int i), void *arg) {
    pool *p = user;
    pthread_t threads[8];
    pool_thread parts[8] = {{n - 1, p->width, body, arg}};
    p->calls++;
    for (int k = 1; k < p->width; k++) {
        parts[k] = (pool_thread){n - 1 - k, p->width, body, arg};
        assert_int_equal(pthread_create(&threads[k], NULL, pool_work, &parts[k]), 0);
    }
    pool_work(&parts[0]);
    for (int k = 1; k < p->width; k++) {
        pthread_join(threads[k], NULL);
    }
}

#endif
