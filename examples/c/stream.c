// Learns a sentence by heart and then writes it as a stream, a character at a time, each the input of the next step.
//
//     cc stream.c $(pkg-config --cflags --libs rnnc) -o stream
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "model speaker() {\n"
                           "    input  now:  token(24)[T]\n"
                           "    target next: token(24)[T]\n"
                           "    logits = linear(24, lstm(48, embedding(24, 16, now)))\n"
                           "    loss = mean[T, batch] cross_entropy(logits, next)\n"
                           "    output logits\n"
                           "}\n"
                           "train quick {\n"
                           "    batch 1\n"
                           "    optimizer adam(rate = 0.01)  clip_norm 5\n"
                           "    max_steps 300\n"
                           "}\n";
static const char sentence[] = "we hold that a step is a step, alone or in a row.\n";

enum { LENGTH = sizeof sentence - 2 };

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

static rnnc_context *make(rnnc_model *model, rnnc_purpose purpose, rnnc_program **program,
                          rnnc_weights **weights) {
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = purpose;
    options.max_length = purpose == RNNC_TRAIN ? LENGTH : 1;
    check(rnnc_program_compile(model, &options, said, program));
    if (!*weights) {
        check(rnnc_weights_create(*program, said, weights));
        check(rnnc_weights_initialize(*weights, 1, said));
    }
    check(rnnc_context_create(*program, *weights, said, &context));
    return context;
}

// Characters become tokens by a vocabulary, which the weights carry from then on, into files, too.
static void learn(rnnc_program *program, rnnc_context *context, const rnnc_speller *speller) {
    rnnc_array *tokens;
    check(rnnc_speller_encode(speller, sentence, LENGTH + 1, said, &tokens));
    const int32_t *now = rnnc_array_data(tokens);
    uint32_t now_input = (uint32_t)rnnc_program_find_input(program, "now");
    uint32_t next_input = (uint32_t)rnnc_program_find_input(program, "next");
    check(rnnc_context_write_input(context, now_input, RNNC_STEPS_FIRST, now, LENGTH, said));
    check(rnnc_context_write_input(context, next_input, RNNC_STEPS_FIRST, now + 1, LENGTH, said));
    for (int i = 0; i < 300; i++) {
        check(rnnc_train_step(context, said, NULL));
    }
    rnnc_array_destroy(tokens);
}

// Returns whether the sentence came out.
static int speak(rnnc_context *context, rnnc_speller *speller) {
    int wrong = 0;
    rnnc_sampler *sampler;
    rnnc_sampling likeliest = RNNC_SAMPLING;
    likeliest.temperature = 0;
    check(rnnc_sampler_create(context, speller, &likeliest, said, &sampler));
    check(rnnc_sampler_prompt(sampler, sentence, 1, said));
    putchar(sentence[0]);
    for (int t = 1; t <= LENGTH; t++) {
        int32_t token;
        const char *piece;
        check(rnnc_sampler_next(sampler, said, &token, &piece));
        wrong += piece[0] != sentence[t];
        fputs(piece, stdout);
        fflush(stdout); // each character as it comes
    }
    rnnc_sampler_destroy(sampler);
    return !wrong;
}

int main(void) {
    rnnc_model *model;
    rnnc_program *training, *forward;
    rnnc_weights *weights = NULL;
    rnnc_speller *speller;
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "speaker.rnn", NULL, said, &model));
    rnnc_context *learner = make(model, RNNC_TRAIN, &training, &weights);
    rnnc_context *speaker = make(model, RNNC_FORWARD, &forward, &weights);
    check(rnnc_weights_number_text(weights, NULL, sentence, LENGTH + 1, said));
    check(rnnc_speller_create(weights, NULL, said, &speller));
    learn(training, learner, speller);
    int right = speak(speaker, speller);
    rnnc_speller_release(speller);
    rnnc_context_destroy(speaker);
    rnnc_context_destroy(learner);
    rnnc_weights_release(weights);
    rnnc_program_release(forward);
    rnnc_program_release(training);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return right ? 0 : 1;
}
