#include "codegen/jit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Core.h>
#include <llvm-c/LLJITUtils.h>
#include <llvm-c/Object.h>

#include "codegen/perf_map.h"

static rnnc_status report(diag_sink *d, LLVMErrorRef error, const char *doing) {
    char *message = LLVMGetErrorMessage(error);
    rnnc_status status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "cannot %s: %s", doing, message);
    LLVMDisposeErrorMessage(message);
    return status;
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
    j->perf_map = perf_map_open(d);
    return RNNC_OK;
}

// A symbol of |binary| that the engine finds: how far its address there is from that in the file.
static bool find_distance(const jit *j, LLVMBinaryRef binary, uint64_t *out_distance) {
    LLVMSymbolIteratorRef s = LLVMObjectFileCopySymbolIterator(binary);
    bool found = false;
    for (; !found && !LLVMObjectFileIsSymbolIteratorAtEnd(binary, s); LLVMMoveToNextSymbol(s)) {
        LLVMOrcExecutorAddress address = 0;
        LLVMErrorRef error = LLVMOrcLLJITLookup(j->engine, &address, LLVMGetSymbolName(s));
        found = !error && address;
        *out_distance = address - LLVMGetSymbolAddress(s);
        LLVMConsumeError(error);
    }
    LLVMDisposeSymbolIterator(s);
    return found;
}

// Writes a line for each function of |object| for perf.
static void write_perf_map(const jit *j, LLVMBinaryRef binary) {
    uint64_t distance;
    if (!find_distance(j, binary, &distance)) {
        return;
    }
    LLVMSymbolIteratorRef s = LLVMObjectFileCopySymbolIterator(binary);
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, s); LLVMMoveToNextSymbol(s)) {
        if (LLVMGetSymbolSize(s)) {
            fprintf(j->perf_map, "%" PRIx64 " %" PRIx64 " %s\n", distance + LLVMGetSymbolAddress(s),
                    LLVMGetSymbolSize(s), LLVMGetSymbolName(s));
        }
    }
    LLVMDisposeSymbolIterator(s);
    fflush(j->perf_map);
}

static LLVMBinaryRef open_binary(LLVMMemoryBufferRef object) {
    char *message = NULL;
    LLVMBinaryRef binary = LLVMCreateBinary(object, NULL, &message);
    LLVMDisposeMessage(message);
    return binary;
}

rnnc_status jit_add(jit *j, LLVMMemoryBufferRef object, diag_sink *d) {
    LLVMMemoryBufferRef copy = NULL;
    if (j->perf_map) {
        copy = LLVMCreateMemoryBufferWithMemoryRangeCopy(LLVMGetBufferStart(object),
                                                         LLVMGetBufferSize(object), "kernels");
    }
    LLVMErrorRef error = LLVMOrcLLJITAddObjectFile(j->engine, LLVMOrcLLJITGetMainJITDylib(j->engine), object);
    LLVMBinaryRef binary = copy && !error ? open_binary(copy) : NULL;
    if (binary) {
        write_perf_map(j, binary);
        LLVMDisposeBinary(binary);
    }
    if (copy) {
        LLVMDisposeMemoryBuffer(copy);
    }
    return error ? report(d, error, "load kernels' code") : RNNC_OK;
}

rnnc_status jit_find(jit *j, const char *symbol, diag_sink *d, kernel_function **out_function) {
    LLVMOrcExecutorAddress address = 0;
    LLVMErrorRef error = LLVMOrcLLJITLookup(j->engine, &address, symbol);
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
