#!/bin/sh
# From the start of a process to its first answer: the digits' model (28,360 weights) as an object in a C program that
# classifies one image. Prints the median of nine runs, each from fork to the program's end, and all of them.
# Usage: start.sh RNNC [CC]
set -eu
rnnc=$(realpath "$1")
cc=${2:-cc}
model=$(realpath "$(dirname "$0")/../examples/mnist.rnn")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npy() { # file type shape bytes
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }" >"$1"
    head -c "$4" /dev/zero >>"$1"
}
npy x.npy '<f4' '2, 28, 28' 6272
npy d.npy '<i4' '2,' 8
{
    cat "$model"
    printf 'train tiny {\n batch 2\n epochs 1\n optimizer sgd(rate = 0.1)\n data {\n image = npy("x")\n digit = npy("d")\n }\n}\n'
} >digits.rnn
"$rnnc" train digits.rnn --recipe tiny --data x=x.npy --data d=d.npy --quiet --weights-out w.safetensors >train.log
"$rnnc" build digits.rnn --recipe tiny --weights w.safetensors -o digits.o --header digits.h --batch 1 --length 28
cat >main.c <<'EOF2'
#include <stdio.h>

#include "digits.h"

static _Alignas(DIGITS_ARENA_ALIGN) char arena[DIGITS_ARENA_BYTES];
static float image[28][28];

int main(void) {
    int32_t class = -1;
    int bad = digits_init(arena) || digits_run(arena, 1, 28, image[0], &class);
    printf("%d\n", (int)class);
    return bad || class < 0;
}
EOF2
cat >watch.c <<'EOF2'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 9 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    double took[RUNS];
    for (int i = 0; i < RUNS && argc > 1; i++) {
        int status = 1;
        double begin = now();
        pid_t child = fork();
        if (child == 0) {
            execv(argv[1], argv + 1);
            _exit(1);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status) {
            return 1;
        }
        took[i] = now() - begin;
    }
    qsort(took, RUNS, sizeof *took, by_size);
    printf("median %.2f ms of", took[RUNS / 2]);
    for (int i = 0; i < RUNS; i++) {
        printf(" %.2f", took[i]);
    }
    return puts("") < 0;
}
EOF2
"$cc" -std=c11 -O2 main.c digits.o -o digits
"$cc" -std=gnu11 -O2 watch.c -o watch
./watch ./digits | grep median
