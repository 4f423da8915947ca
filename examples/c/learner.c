// A learner for a device: forecasts a signal value by value, and goes on learning while it does. The signal drifts: half
// way its period changes, the forecasts become bad, and then good again. No framework, no library but the C library's
// printf, no memory but one array.
//
//     rnnc build learner.rnn --train -o tracker.o --header tracker.h && cc learner.c tracker.o -o learner
#include <stdio.h>

#include "tracker.h"

enum { CHUNK = 16, REPORT = 25, REPORTS = 20, DRIFT = REPORTS / 2 };

static _Alignas(TRACKER_ARENA_ALIGN) char arena[TRACKER_ARENA_BYTES];

// An oscillation: x(t + 1) = 2 cos(w) x(t) - x(t - 1). With 2 cos(w) for periods of 12 and of 7.6 steps.
static float next_value(float value, float before, int drifted) {
    return (drifted ? 1.35f : 1.7320508f) * value - before;
}

// Makes the next values of the signal, forecasts each before it comes, and trains on all of them. Returns the sum of the
// squared errors of the forecasts; negative: something went wrong.
static double live_through(float last[2], int drifted) {
    float value[CHUNK], after[CHUNK], forecast = 0, loss = 0;
    double error = 0;
    for (int t = 0; t < CHUNK; t++) {
        value[t] = last[0];
        after[t] = next_value(last[0], last[1], drifted);
        last[1] = last[0];
        last[0] = after[t];
        // The weights that the last training step has left.
        if (tracker_step(arena, 1, &value[t], &forecast) != TRACKER_OK) {
            return -1;
        }
        error += (double)(forecast - after[t]) * (double)(forecast - after[t]);
    }
    return tracker_train_step(arena, 1, CHUNK, value, after, &loss) == TRACKER_OK ? error : -1;
}

int main(void) {
    double mean[REPORTS];
    float last[2] = {0.5f, 0};
    if (tracker_init(arena) != TRACKER_OK) {
        return 1;
    }
    for (int report = 0; report < REPORTS; report++) {
        double sum = 0;
        if (report == DRIFT) {
            // The same oscillation goes on with another period, as high as before.
            last[0] = 0.5f;
            last[1] = 0;
        }
        for (int chunk = 0; chunk < REPORT; chunk++) {
            double error = live_through(last, report >= DRIFT);
            if (error < 0) {
                return 1;
            }
            sum += error;
        }
        mean[report] = sum / (REPORT * CHUNK);
        printf("after %5d values: squared error %.6f%s\n", (report + 1) * REPORT * CHUNK, mean[report],
               report == DRIFT ? "   <- the signal has drifted" : "");
    }
    // It learned; it noticed the drift; it followed.
    return !(mean[DRIFT - 1] < mean[0] / 4 && mean[DRIFT] > 4 * mean[DRIFT - 1] &&
             mean[REPORTS - 1] < mean[DRIFT] / 4);
}
