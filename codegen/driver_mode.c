// The processor's mode: denormal numbers, rounding and traps, set as the executor sets it.
#include <string.h>

#include "codegen/driver.h"

static bool is_for(const emitter *e, const char *processor) {
    return strncmp(e->target->triple, processor, strlen(processor)) == 0;
}

static LLVMValueRef call(emitter *e, const char *name, LLVMValueRef *args, unsigned count) {
    return l_intrinsic(e, name, NULL, 0, args, count);
}

// MXCSR is read from and written to memory: the arena, since variables on the stack want a library on some systems.
static LLVMValueRef flush_x86(const driver *w) {
    emitter *e = w->e;
    const int mode = 0x9fc0; // results to zero, operands as zero, no traps, to nearest
    LLVMValueRef at = driver_arena(w, w->layout.mode), next = driver_arena(w, w->layout.mode + 4);
    call(e, "llvm.x86.sse.stmxcsr", &at, 1);
    l_store(e, l_int(e, e->i32, mode), next);
    call(e, "llvm.x86.sse.ldmxcsr", &next, 1);
    return at;
}

// Bit 24, FZ, does both for denormal numbers; all others are 0.
static LLVMValueRef flush_arm(emitter *e, LLVMTypeRef type, const char *get, const char *set) {
    LLVMValueRef saved = call(e, get, NULL, 0);
    LLVMValueRef next = l_int(e, type, 1 << 24);
    call(e, set, &next, 1);
    return saved;
}

static const char get_fpcr[] = "llvm.aarch64.get.fpcr", set_fpcr[] = "llvm.aarch64.set.fpcr";
static const char get_fpscr[] = "llvm.arm.get.fpscr", set_fpscr[] = "llvm.arm.set.fpscr";

// RISC-V knows nothing but the way of rounding; there denormal numbers are numbers, and traps there are none.
static LLVMValueRef round_riscv(emitter *e) {
    LLVMValueRef saved = call(e, "llvm.get.rounding", NULL, 0), nearest = l_int(e, e->i32, 1);
    call(e, "llvm.set.rounding", &nearest, 1);
    return saved;
}

LLVMValueRef driver_emit_flush(const driver *w) {
    emitter *e = w->e;
    if (is_for(e, "riscv")) {
        return round_riscv(e);
    }
    if (is_for(e, "x86_64")) {
        return flush_x86(w);
    }
    if (is_for(e, "aarch64") || is_for(e, "arm64")) {
        return flush_arm(e, e->i64, get_fpcr, set_fpcr);
    }
    return is_for(e, "arm") ? flush_arm(e, e->i32, get_fpscr, set_fpscr) : NULL;
}

void driver_emit_restore(const driver *w, LLVMValueRef saved) {
    emitter *e = w->e;
    if (is_for(e, "x86_64")) {
        call(e, "llvm.x86.sse.ldmxcsr", &saved, 1);
    } else if (is_for(e, "riscv")) {
        call(e, "llvm.set.rounding", &saved, 1);
    } else if (saved) {
        call(e, LLVMTypeOf(saved) == e->i64 ? set_fpcr : set_fpscr, &saved, 1);
    }
}
