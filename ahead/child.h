// Work with LLVM in a process of its own: LLVM ends the process that asks for what it cannot do.
#ifndef RNNC_AHEAD_CHILD_H
#define RNNC_AHEAD_CHILD_H

#include "support/diag.h"

typedef rnnc_status child_work(void *user, diag_sink *d, strbuf *out);

// Does |work| in a child, whose end, however it comes, is here an error that begins with |failure|. What the work writes
// is appended to |out|. Of the threads only the calling one lives on in the child, and none of the signal handlers; the
// process that calls keeps its own as they are. Its end is waited for by its id; where somebody else takes that first
// (SIGCHLD is ignored, or whatever ends is waited for), what it has answered says how it went. A child that does not compute
// for |idle_seconds| on end is ended: a lock that another thread had when it was made stays shut in it.
rnnc_status run_in_child(child_work *work, void *user, const char *failure, int idle_seconds, diag_sink *d,
                         strbuf *out);

// Far more than any wait for a disk.
enum { CHILD_IDLE_SECONDS = 30 };

#endif
