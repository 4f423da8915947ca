#include "cli/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

// A handler can reach nothing but static memory; this is the only such variable of the program.
static volatile sig_atomic_t noted; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

static void note(int signal) {
    noted = signal;
}

static void watch(int signal) {
    struct sigaction before;
    bool ignored = sigaction(signal, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!ignored) {
        struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
        sigemptyset(&action.sa_mask);
        sigaction(signal, &action, NULL);
    }
}

void signals_watch(void) {
    watch(SIGINT);
    watch(SIGTERM);
}

int signals_noted(void) {
    return noted;
}

const char *signals_name(int number) {
    return number == SIGINT ? "SIGINT" : number == SIGTERM ? "SIGTERM" : "a signal";
}

void signals_end(int number) {
    signal(number, SIG_DFL);
    raise(number);
}
