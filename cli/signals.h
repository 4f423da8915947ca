// Signals that ask a training to end.
#ifndef RNNC_CLI_SIGNALS_H
#define RNNC_CLI_SIGNALS_H

// From now on the first SIGINT or SIGTERM is only noted; the next one of its kind ends the process at once. One that
// the process was started to ignore stays ignored.
void signals_watch(void);
// The signal noted, or 0.
int signals_noted(void);
// "SIGINT"
const char *signals_name(int signal);
// Ends the process by |signal|, as if it had not been noted, so that whoever started it sees what ended it. Returns
// only if the signal is blocked.
void signals_end(int signal);

#endif
