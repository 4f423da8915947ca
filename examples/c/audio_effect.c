// Learns an audio effect, a clipper and a filter, from a recording and what the effect made of it; then plays another
// recording through what it has learnt, in blocks of 64 samples, as a plugin is called.
//
//     cc audio_effect.c $(pkg-config --cflags --libs rnnc) -lm -o audio_effect
//     ./audio_effect [FOLDER]
//
// The recordings are made here and written as .wav files, into FOLDER or the current one: learn_dry.wav and
// learn_wet.wav, the pair to learn from; play_dry.wav, another piece; play_wet.wav, the effect's; play_model.wav, the
// model's, to compare by ear.
#include <math.h>
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The rate falls by half three times, so that the last steps are fine ones.
static const char text[] = "model effect() {\n"
                           "    input  dry: real[T]\n"
                           "    target wet: real[T]\n"
                           "    sound = linear(1, lstm(16, dry))\n"
                           "    loss = mean[T, batch] mean squared_error(sound, wet)\n"
                           "    output sound\n"
                           "}\n"
                           "train quick {\n"
                           "    batch 32  steps T = 128  carry state\n"
                           "    optimizer adam(rate = 0.01)  clip_norm 1\n"
                           "    schedule rate *= 0.5 after epochs 15, 22, 27\n"
                           "    epochs 30\n"
                           "    data { streams }\n"
                           "}\n";

enum { RATE = 44100, SECONDS = 4, SAMPLES = RATE * SECONDS };
enum { ROWS = 32, STEPS = 128, BLOCKS = SAMPLES / (ROWS * STEPS), EPOCHS = 30, BLOCK = 64 };

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

// ---- Sounds ----

// Plucked strings: a note each eighth of a second, its harmonics the quieter and shorter the higher they are.
static void play_strings(unsigned seed, float *sound) {
    enum { NOTE = RATE / 8, HARMONICS = 8 };
    const float full_circle = 6.2831853f;
    memset(sound, 0, SAMPLES * sizeof *sound);
    for (int begin = 0; begin < SAMPLES; begin += NOTE) {
        seed = seed * 1664525u + 1013904223u;
        float pitch = 82.4f * powf(2, (float)(seed >> 16 & 31) / 12),
              level = 0.1f + (float)(seed >> 24) / 600;
        for (int t = 0; t < 4 * NOTE && begin + t < SAMPLES; t++) {
            float seconds = (float)t / (float)RATE, sum = 0;
            for (int k = 1; k <= HARMONICS; k++) {
                sum +=
                    sinf(full_circle * pitch * (float)k * seconds) * expf(-4 * (float)k * seconds) / (float)k;
            }
            sound[begin + t] += level * sum;
        }
    }
}

// The effect: an amplifier that clips, the upper half of the wave more than the lower, and a low-pass filter of two
// poles at 3 kHz.
static void distort(const float *dry, float *wet) {
    const float keep = expf(-6.2831853f * 3000 / (float)RATE);
    float first = 0, second = 0;
    for (int t = 0; t < SAMPLES; t++) {
        float clipped = tanhf(4 * dry[t] + 0.3f) - tanhf(0.3f);
        first = keep * first + (1 - keep) * clipped;
        second = keep * second + (1 - keep) * first;
        wet[t] = 0.7f * second;
    }
}

// ---- Files: one channel, 16 bits ----

enum { WAV_HEAD = 44 };

static void put(unsigned char *to, int bytes, unsigned value) {
    for (int i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> 8 * i);
    }
}

static void fail(const char *path, const char *why) {
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

static void make_wav_head(unsigned char *head) {
    memcpy(head, "RIFF", 4);
    memcpy(head + 8, "WAVEfmt ", 8);
    memcpy(head + 36, "data", 4);
    put(head + 4, 4, WAV_HEAD - 8 + 2 * SAMPLES);
    put(head + 16, 4, 16);
    put(head + 20, 2, 1); // samples as they are
    put(head + 22, 2, 1); // channels
    put(head + 24, 4, RATE);
    put(head + 28, 4, 2 * RATE);
    put(head + 32, 2, 2);
    put(head + 34, 2, 16);
    put(head + 40, 4, 2 * SAMPLES);
}

static void write_wav(const char *folder, const char *name, const float *sound) {
    static unsigned char file[WAV_HEAD + 2 * SAMPLES];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    make_wav_head(file);
    for (int t = 0; t < SAMPLES; t++) {
        float sample = fmaxf(-1, fminf(1, sound[t]));
        put(file + WAV_HEAD + 2 * t, 2, (unsigned)lrintf(32767 * sample));
    }
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(file, sizeof file, 1, out) != 1 || fclose(out) != 0) {
        fail(path, "cannot be written");
    }
}

// Reads what write_wav has written.
static void read_wav(const char *folder, const char *name, float *sound) {
    static unsigned char file[WAV_HEAD + 2 * SAMPLES];
    unsigned char head[WAV_HEAD];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    make_wav_head(head);
    FILE *in = fopen(path, "rb");
    if (!in || fread(file, sizeof file, 1, in) != 1 || fclose(in) != 0) {
        fail(path, "cannot be read");
    }
    if (memcmp(file, head, sizeof head) != 0) {
        fail(path, "is not 4 seconds of one channel at 44100 Hz in 16 bits");
    }
    for (int t = 0; t < SAMPLES; t++) {
        const unsigned char *at = file + WAV_HEAD + 2 * t;
        sound[t] = (float)(int16_t)(at[0] | at[1] << 8) / 32767;
    }
}

// ---- Learning ----

// The sound in ROWS equal parts side by side: block[t][row] of block number |index|.
static void cut_block(const float *sound, int index, float block[STEPS][ROWS]) {
    for (int t = 0; t < STEPS; t++) {
        for (int row = 0; row < ROWS; row++) {
            block[t][row] = sound[(row * BLOCKS + index) * STEPS + t];
        }
    }
}

static void learn(rnnc_program *program, rnnc_weights *weights, const float *dry, const float *wet) {
    static float in[STEPS][ROWS], out[STEPS][ROWS];
    rnnc_context *context;
    check(rnnc_context_create(program, weights, said, &context));
    uint32_t dry_input = (uint32_t)rnnc_program_find_input(program, "dry");
    uint32_t wet_input = (uint32_t)rnnc_program_find_input(program, "wet");
    check(rnnc_context_bind_input(context, dry_input, in, STEPS * ROWS, said));
    check(rnnc_context_bind_input(context, wet_input, out, STEPS * ROWS, said));
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double loss = 0;
        // The states go from block to block and begin at zero in each epoch.
        check(rnnc_context_reset(context));
        for (int i = 0; i < BLOCKS; i++) {
            rnnc_training step;
            cut_block(dry, i, in);
            cut_block(wet, i, out);
            check(rnnc_context_set_position(context, epoch, (int64_t)(epoch - 1) * BLOCKS + i + 1));
            check(rnnc_train_step(context, said, &step));
            loss += step.loss / BLOCKS;
        }
        if (epoch % 5 == 0) {
            printf("epoch %d: loss %.6f\n", epoch, loss);
        }
    }
    rnnc_context_destroy(context);
}

// ---- Playing ----

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Runs the sound through the model, a block at a time; returns how many times faster that was than to listen to it.
static double play(rnnc_program *program, rnnc_weights *weights, const float *dry, float *sound) {
    float in[BLOCK];
    const void *out = NULL;
    rnnc_context *context;
    check(rnnc_context_create(program, weights, said, &context));
    check(rnnc_context_bind_input(context, 0, in, BLOCK, said));
    double begin = now();
    for (int first = 0; first + BLOCK <= SAMPLES; first += BLOCK) {
        memcpy(in, dry + first, sizeof in);
        check(rnnc_run(context, said)); // from the states that the block before has left
        check(rnnc_context_output(context, 0, said, &out));
        memcpy(sound + first, out, sizeof in);
    }
    double seconds = now() - begin;
    rnnc_context_destroy(context);
    return SECONDS / seconds;
}

// The energy of the error, relative to that of the sound that was wanted.
static double error_to_signal(const float *sound, const float *wanted) {
    double error = 0, signal = 0;
    for (int t = 0; t < SAMPLES / BLOCK * BLOCK; t++) {
        error += ((double)sound[t] - wanted[t]) * ((double)sound[t] - wanted[t]);
        signal += (double)wanted[t] * wanted[t];
    }
    return error / signal;
}

static rnnc_program *compile(rnnc_model *model, rnnc_purpose purpose) {
    rnnc_program *program;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = purpose;
    options.max_length = purpose == RNNC_TRAIN ? 0 : BLOCK;
    options.max_batch = purpose == RNNC_TRAIN ? 0 : 1;
    check(rnnc_program_compile(model, &options, said, &program));
    return program;
}

static float learn_dry[SAMPLES], learn_wet[SAMPLES], play_dry[SAMPLES], play_wet[SAMPLES], sound[SAMPLES];

static void make_sounds(const char *folder) {
    play_strings(1, learn_dry);
    distort(learn_dry, learn_wet);
    play_strings(2, play_dry);
    distort(play_dry, play_wet);
    write_wav(folder, "learn_dry.wav", learn_dry);
    write_wav(folder, "learn_wet.wav", learn_wet);
    write_wav(folder, "play_dry.wav", play_dry);
    write_wav(folder, "play_wet.wav", play_wet);
}

int main(int count, char **arguments) {
    const char *folder = count > 1 ? arguments[1] : ".";
    rnnc_model *model;
    rnnc_weights *weights;
    make_sounds(folder);
    read_wav(folder, "learn_dry.wav", learn_dry);
    read_wav(folder, "learn_wet.wav", learn_wet);
    read_wav(folder, "play_dry.wav", play_dry);
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "effect.rnn", NULL, said, &model));
    rnnc_program *learner = compile(model, RNNC_TRAIN), *player = compile(model, RNNC_FORWARD);
    check(rnnc_weights_create(learner, said, &weights));
    check(rnnc_weights_initialize(weights, 1, said));

    play(player, weights, play_dry, sound);
    double before = error_to_signal(sound, play_wet);
    learn(learner, weights, learn_dry, learn_wet);
    double speed = play(player, weights, play_dry, sound);
    double after = error_to_signal(sound, play_wet);
    write_wav(folder, "play_model.wav", sound);
    printf("error to signal: %.1f %% before, %.2f %% after\n", 100 * before, 100 * after);
    printf("%.0f times faster than real time in blocks of %d samples\n", speed, BLOCK);
    rnnc_weights_release(weights);
    rnnc_program_release(player);
    rnnc_program_release(learner);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return after < 0.02 ? 0 : 1;
}
