#include "codegen/object.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "codegen/kernel_emit.h"

static char *take_message(char *message) {
    char *copy = message ? strdup(message) : NULL;
    LLVMDisposeMessage(message);
    return copy;
}

// True if the module is sound; in builds without assertions it is not looked at.
static bool verify(LLVMModuleRef module, char **out_error) {
#ifndef NDEBUG
    char *message = NULL;
    bool broken = LLVMVerifyModule(module, LLVMReturnStatusAction, &message);
    if (broken) {
        *out_error = take_message(message);
        return false;
    }
    LLVMDisposeMessage(message);
#else
    (void)module, (void)out_error;
#endif
    return true;
}

static bool optimize(LLVMModuleRef module, LLVMTargetMachineRef machine, char **out_error) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, false);
    LLVMPassBuilderOptionsSetSLPVectorization(options, false);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, false);
    LLVMErrorRef error = LLVMRunPasses(module, OBJECT_PASSES, machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error) {
        return true;
    }
    char *message = LLVMGetErrorMessage(error);
    *out_error = strdup(message);
    LLVMDisposeErrorMessage(message);
    return false;
}

static LLVMMemoryBufferRef text_of_module(LLVMModuleRef module) {
    char *text = LLVMPrintModuleToString(module);
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "kernels");
    LLVMDisposeMessage(text);
    return buffer;
}

static LLVMMemoryBufferRef generate(LLVMModuleRef module, LLVMTargetMachineRef machine, object_form form,
                                    char **out_error) {
    if (form == OBJECT_LLVM) {
        return text_of_module(module);
    }
    if (!optimize(module, machine, out_error)) {
        return NULL;
    }
    if (form == OBJECT_LLVM_OPTIMIZED) {
        return text_of_module(module);
    }
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    LLVMCodeGenFileType type = form == OBJECT_ASSEMBLY ? LLVMAssemblyFile : LLVMObjectFile;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, &buffer)) {
        *out_error = take_message(message);
        return NULL;
    }
    return buffer;
}

LLVMMemoryBufferRef object_compile(const kernel_desc *const *kernels, uint32_t count, const target *t,
                                   LLVMTargetMachineRef machine, object_form form, char **out_error) {
    *out_error = NULL;
    emitter e;
    emitter_init(&e, "kernels", &t->facts);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(e.module, layout);
    LLVMDisposeTargetData(layout);
    for (uint32_t i = 0; i < count; i++) {
        kernel_emit(&e, kernels[i]);
    }
    LLVMMemoryBufferRef buffer =
        verify(e.module, out_error) ? generate(e.module, machine, form, out_error) : NULL;
    emitter_deinit(&e);
    return buffer;
}
