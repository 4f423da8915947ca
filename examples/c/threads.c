// Two threads run one program with one set of weights, each in a context of its own.
//
//     cc threads.c $(pkg-config --cflags --libs rnnc) -lpthread -o threads
#include <pthread.h>
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "model echo() {\n"
                           "    input value: real[T]\n"
                           "    output result = linear(1, gru_cho(16, value))\n"
                           "}\n";

enum { STEPS = 50, RUNS = 200 };

static rnnc_program *program;
static rnnc_weights *weights;

typedef struct job {
    float first;
    float last[STEPS];
    rnnc_status status;
} job;

static void *work(void *argument) {
    job *j = argument;
    rnnc_context *context = NULL;
    float in[STEPS] = {j->first};
    j->status = rnnc_context_create(program, weights, NULL, &context);
    for (int i = 0; i < RUNS && j->status == RNNC_OK; i++) {
        j->status = rnnc_context_reset(context);
        j->status |= rnnc_context_write_input(context, 0, RNNC_STEPS_FIRST, in, STEPS, NULL);
        j->status |= rnnc_run(context, NULL);
        j->status |= rnnc_context_read_output(context, 0, RNNC_STEPS_FIRST, j->last, STEPS, NULL);
    }
    rnnc_context_destroy(context);
    return NULL;
}

int main(void) {
    rnnc_model *model;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_length = STEPS;
    if (rnnc_model_from_text(text, strlen(text), "echo.rnn", NULL, NULL, &model) ||
        rnnc_program_compile(model, &options, NULL, &program) ||
        rnnc_weights_create(program, NULL, &weights) || rnnc_weights_initialize(weights, 1, NULL)) {
        return 1;
    }
    job jobs[3] = {{.first = 1}, {.first = -1}, {.first = 1}};
    pthread_t other;
    pthread_create(&other, NULL, work, &jobs[0]);
    work(&jobs[1]);
    pthread_join(other, NULL);
    work(&jobs[2]);
    // What one thread computes does not depend on the other.
    int equal = memcmp(jobs[0].last, jobs[2].last, sizeof jobs[0].last) == 0;
    printf("1 -> %f, -1 -> %f; %s\n", (double)jobs[0].last[0], (double)jobs[1].last[0],
           equal ? "the same alone" : "DIFFERENT alone");
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    return jobs[0].status || jobs[1].status || jobs[2].status || !equal;
}
