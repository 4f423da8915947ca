// The text form of plans and programs: junk is refused without a crash, what is read prints to a text that reads back to
// the same text, and the passes that are left make a program of it or say why not.
#include <stdlib.h>
#include <string.h>

#include "passes/compile.h"
#include "passes/program_text.h"
#include "passes/stage_text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/printed.h"

enum { LARGEST_TEXT = 16384 };

static void print(const stage_text *t, strbuf *out) {
    if (t->program) {
        program_print(t->program, out);
    } else {
        stage_print(t->g, t->p, out);
    }
}

// The program of what was read must be sound; there need not be one.
static void complete(stage_text *t, diag_sink *d) {
    compile_options o = {.plan = t->p, .shape = {32, 16}};
    for (int a = 0; a < MAX_AXES; a++) {
        o.maxima[a] = 3;
    }
    program *made = NULL;
    if (compile_graph(t->g, &o, d, &made) == RNNC_OK) {
        if (program_verify(made, NULL, d) != RNNC_OK) {
            abort();
        }
        program_destroy(made);
    }
}

static bool reprint(diag_sink *d, uint32_t file, bool first, strbuf *out) {
    stage_text t;
    if (stage_parse(d, file, &t) != RNNC_OK) {
        return false;
    }
    print(&t, out);
    if (first && t.p) {
        complete(&t, d);
    }
    stage_text_deinit(&t);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size <= LARGEST_TEXT && !memchr(data, 0, size)) {
        fuzz_check_printed(reprint, data, size);
    }
    return 0;
}

static const char grouped[] = "graph \"g\" f32\naxis T sequence\nvariable $U : f32[2,4] weight default\n"
                              "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[2]\n"
                              "%1 = input {name = \"h\", role = \"state\"} : f32<B>[2]\n"
                              "%2 = variable {name = \"U\"} : f32[2,4]\n"
                              "%3 = pack %2 {transposed = 0, gates = 2} : f32[2,4]\n"
                              "%4 = previous %9, %1 {axis = T} : f32<T,B>[2]\n"
                              "%5 = matmul %4, %3 {transposed = 0} : f32<T,B>[4]\n"
                              "%6 = slice %5 {from = 0, size = 2} : f32<T,B>[2]\n"
                              "%7 = slice %5 {from = 2, size = 2} : f32<T,B>[2]\n"
                              "%8 = mul %6, %7 : f32<T,B>[2]\n"
                              "%9 = add %8, %0 : f32<T,B>[2]\n"
                              "%10 = last %9 {axis = T} : f32<B>[2]\n"
                              "output state \"h\" %10\n"
                              "plan grouped vectors 32 registers 16\nextent B 4\nextent T 4\n"
                              "loop 0 T up of %4, %5, %6, %7, %8, %9\n"
                              "group 0 pack rows <> columns [2,4] root %3 prepare of %3\n"
                              "group 1 map rows <B> columns [2] starts %4\n"
                              "group 2 product loop 0 rows <B> columns [2] gates 2 root %5 of %5, %8, %9\n";

static const char placed[] = "graph \"g\" f32\n"
                             "%0 = input {name = \"x\", role = \"data\"} : f32<B>[8]\n"
                             "%1 = tanh %0 : f32<B>[8]\n"
                             "%2 = neg %1 : f32<B>[8]\n"
                             "output value \"y\" %2\n"
                             "plan placed vectors 32 registers 16\nextent B 4\n"
                             "group 0 map rows <B> columns [8] of %1\n"
                             "group 1 map rows <B> columns [8] of %2\n"
                             "run group 0\nrun group 1\narena 128 live 128\n"
                             "block %1 bytes 128 live 0 to 2 at 0 also %2\n";

static const char program_text[] =
    "graph \"g\" f32\naxis T sequence\nvariable $W : f32[2,4] weight default\n"
    "program vectors 32 registers 16 arena 640 live 600 copies 0 loop_copies 0\n"
    "extent B 2\nextent T 3 indices 576\n"
    "input \"x\" role \"data\" : f32<T,B>[2]\n"
    "output value \"y\" : f32<T,B>[4] place arena at 256 f32<T,B>[4]\n"
    "kernel 0 pack \"W.pack\" dims 0 columns 4 elem f32 inner 2\n"
    "arg f32 [4] uniform\narg f32 [4] uniform written\n"
    "kernel 1 product \"y\" dims 1 columns 4 elem f32 inner 2 packed\n"
    "arg f32 [2]\narg f32 [4] uniform\narg f32 [4] written\n"
    "%0 = product : f32 full\n%1 = const value 0.5 : f32\n%2 = mul %0, %1 : f32 full\n"
    "store %2 arg 2 : f32 full\n"
    "call 0 kernel 0\nplace variable $W at 0 f32<>[4]\nplace arena at 0 f32<>[4]\n"
    "call 1 kernel 1 dim 0 <B> 1 inner <> 2\n"
    "place input \"x\" at 0 f32<T,B>[2] slot T step 0\nplace arena at 0 f32<>[4]\n"
    "place arena at 256 f32<T,B>[4] slot T step 0\n"
    "prepare call 0\nrun loop T up calls 1\n";

size_t fuzz_sample(int number, uint8_t *out) {
    static const char *const samples[] = {grouped, placed, program_text};
    if (number >= (int)(sizeof samples / sizeof *samples)) {
        return 0;
    }
    size_t length = strlen(samples[number]);
    memcpy(out, samples[number], length);
    return length;
}
