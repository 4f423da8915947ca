// The processor's mode for floating-point numbers. Runs have one of their own, whatever the caller's is: rounding to
// nearest, no traps, denormals are zero. Every thread has a mode to itself.
#ifndef RNNC_RUNTIME_MODE_H
#define RNNC_RUNTIME_MODE_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
// Bits of MXCSR: results that are denormal become zero (bit 15), and so do denormal operands (bit 6); all exceptions
// are masked (bits 7 to 12).
static inline unsigned mode_enter(void) {
    unsigned saved = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x9fc0);
    return saved;
}

static inline void mode_leave(unsigned saved) {
    __builtin_ia32_ldmxcsr(saved);
}
#elif defined(__aarch64__)
// FPCR.FZ, bit 24, does both.
static inline unsigned mode_enter(void) {
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24));
    return (unsigned)saved;
}

static inline void mode_leave(unsigned saved) {
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)saved));
}
#else
// No such mode is known here: denormals are computed.
static inline unsigned mode_enter(void) {
    return 0;
}

static inline void mode_leave(unsigned saved) {
    (void)saved;
}
#endif

#endif
