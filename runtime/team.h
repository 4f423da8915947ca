// A team of threads that run the same function side by side: the caller and its workers.
//
// Between team_begin and team_end the workers spin for work; outside they sleep, and starting a run costs one
// system call. Who waits for long lets other threads have the processor, unless team_begin was told to be silent: then
// no thread makes a system call until team_end. A team of one has no workers, and none of the functions below then locks or calls the system.
// A team serves one run at a time.
#ifndef RNNC_RUNTIME_TEAM_H
#define RNNC_RUNTIME_TEAM_H

#include "support/diag.h"

typedef struct team team;

// Run by every member; |member| is 0 for the caller's thread.
typedef void team_function(void *argument, int member);

rnnc_status team_create(int members, diag_sink *d, team **out_team);
void team_destroy(team *t);
int team_members(const team *t);

void team_begin(team *t, bool silent);
void team_end(team *t);

// Runs |function| on all members and returns when all are done. What the caller wrote before, all see; what
// any of them wrote, the caller sees afterwards.
void team_run(team *t, team_function *function, void *argument);

// Within a run, called by all members alike: none goes on before all have come, and all see what each wrote.
void team_wait(team *t);

#endif
