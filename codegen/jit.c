#include "codegen/jit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llvm-c/Core.h>
#include <llvm-c/LLJITUtils.h>
#include <llvm-c/Object.h>

static rnnc_status report(diag_sink *d, LLVMErrorRef error, const char *doing) {
    char *message = LLVMGetErrorMessage(error);
    rnnc_status status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "cannot %s: %s", doing, message);
    LLVMDisposeErrorMessage(message);
    return status;
}

static void open_perf_map(jit *j, diag_sink *d) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    j->perf_map = fopen(path, "a");
    if (!j->perf_map) {
        diag_warning(d, NO_SPAN, "%s: cannot be written, so perf will not know the kernels' names", path);
    }
}

rnnc_status jit_init(jit *j, diag_sink *d) {
    *j = (jit){.engine = NULL};
    LLVMErrorRef error = LLVMOrcCreateLLJIT(&j->engine, NULL);
    if (!error && getenv("RNNC_JIT_DEBUG")) {
        error = LLVMOrcLLJITEnableDebugSupport(j->engine);
    }
    if (error) {
        rnnc_status status = report(d, error, "start the code loader");
        jit_deinit(j);
        return status;
    }
    if (getenv("RNNC_PERF_MAP")) {
        open_perf_map(j, d);
    }
    return RNNC_OK;
}

// Writes a line for each function of |binary|, whose |symbol| is at |address|.
static void write_perf_map(const jit *j, LLVMBinaryRef binary, const char *symbol, uint64_t address) {
    LLVMSymbolIteratorRef s = LLVMObjectFileCopySymbolIterator(binary);
    uint64_t own = 0;
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, s); LLVMMoveToNextSymbol(s)) {
        own = strcmp(LLVMGetSymbolName(s), symbol) == 0 ? LLVMGetSymbolAddress(s) : own;
    }
    LLVMDisposeSymbolIterator(s);
    s = LLVMObjectFileCopySymbolIterator(binary);
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, s); LLVMMoveToNextSymbol(s)) {
        const char *name = LLVMGetSymbolName(s);
        if (LLVMGetSymbolSize(s)) {
            bool helper = strcmp(name, symbol) != 0;
            fprintf(j->perf_map, "%" PRIx64 " %" PRIx64 " %s%s%s\n", address + LLVMGetSymbolAddress(s) - own,
                    LLVMGetSymbolSize(s), symbol, helper ? ":" : "", helper ? name : "");
        }
    }
    LLVMDisposeSymbolIterator(s);
    fflush(j->perf_map);
}

static LLVMBinaryRef open_binary(LLVMMemoryBufferRef object) {
    char *message = NULL;
    LLVMMemoryBufferRef copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(LLVMGetBufferStart(object),
                                                                         LLVMGetBufferSize(object), "kernel");
    LLVMBinaryRef binary = LLVMCreateBinary(copy, NULL, &message);
    LLVMDisposeMessage(message);
    LLVMDisposeMemoryBuffer(copy);
    return binary;
}

rnnc_status jit_add(jit *j, LLVMMemoryBufferRef object, const char *symbol, diag_sink *d,
                    kernel_function **out_function) {
    LLVMBinaryRef binary = j->perf_map ? open_binary(object) : NULL;
    LLVMOrcExecutorAddress address = 0;
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(j->engine, LLVMOrcLLJITGetMainJITDylib(j->engine), object);
    if (!error) {
        error = LLVMOrcLLJITLookup(j->engine, &address, symbol);
    }
    if (binary) {
        if (!error) {
            write_perf_map(j, binary, symbol, address);
        }
        LLVMDisposeBinary(binary);
    }
    if (error) {
        return report(d, error, "load a kernel's code");
    }
    // A function's address as ORC gives it: a number.
    *out_function = (kernel_function *)(uintptr_t)address;
    return RNNC_OK;
}

void jit_deinit(jit *j) {
    if (j->perf_map) {
        fclose(j->perf_map);
    }
    if (j->engine) {
        LLVMConsumeError(LLVMOrcDisposeLLJIT(j->engine));
    }
    *j = (jit){.engine = NULL};
}
