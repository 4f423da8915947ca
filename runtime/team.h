// A team of threads that run the same function side by side: the caller and its workers.
//
// Between team_begin and team_end the workers spin for work; outside they sleep, and starting a run costs one
// system call. Who waits for long lets other threads have the processor, unless team_begin was told to be silent: then
// no thread makes a system call until team_end. A team of one has no workers, and none of the functions below then
// locks or calls the system.
// A team serves one run at a time.
//
// A team may have a pool of somebody else's instead of workers. Then nothing runs side by side but what team_share
// hands to it.
#ifndef RNNC_RUNTIME_TEAM_H
#define RNNC_RUNTIME_TEAM_H

#include "support/allocator.h"
#include "support/diag.h"

typedef struct team team;

enum { TEAM_MOST_MEMBERS = 256 }; // that callers may ask for

// Run by every member; |member| is 0 for the caller's thread.
typedef void team_function(void *argument, int member);

// Calls |body|(argument, i) once for each i below |n|, in any order, on any threads, and returns when all are done;
// what they wrote is then seen by the caller. All zero: there is none.
typedef struct team_pool {
    void *user;
    void (*parallel_for)(void *user, int n, void (*body)(void *argument, int index), void *argument);
} team_pool;

typedef struct team_options {
    int members; // with a pool: the most parts that work is shared out in
    team_pool pool;
    allocator memory;
} team_options;

rnnc_status team_create(const team_options *options, diag_sink *d, team **out_team);
void team_destroy(team *t);
int team_members(const team *t);
// Whether there is a pool instead of workers, and more than one member.
bool team_has_pool(const team *t);

void team_begin(team *t, bool silent);
void team_end(team *t);

// Runs |function| on all members and returns when all are done. What the caller wrote before, all see; what
// any of them wrote, the caller sees afterwards.
// With a pool: on the caller's thread alone, as member 0.
void team_run(team *t, team_function *function, void *argument);

// With a pool: has it run |function| once as each member, and returns when all are done.
void team_share(team *t, team_function *function, void *argument);

// Within a run, called by all members alike: none goes on before all have come, and all see what each wrote.
void team_wait(team *t);

#endif
