#include "codegen/object.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "codegen/driver.h"
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

static bool optimize(LLVMModuleRef module, const char *passes, LLVMTargetMachineRef machine,
                     char **out_error) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, false);
    LLVMPassBuilderOptionsSetSLPVectorization(options, false);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, false);
    LLVMErrorRef error = LLVMRunPasses(module, passes, machine, options);
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

static LLVMMemoryBufferRef machine_code(LLVMModuleRef module, LLVMTargetMachineRef machine,
                                        LLVMCodeGenFileType type, char **out_error) {
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, &buffer)) {
        *out_error = take_message(message);
        return NULL;
    }
    return buffer;
}

static LLVMMemoryBufferRef generate(LLVMModuleRef module, LLVMTargetMachineRef machine, object_form form,
                                    char **out_error) {
    if (form == OBJECT_LLVM) {
        return text_of_module(module);
    }
    if (!optimize(module, OBJECT_PASSES, machine, out_error)) {
        return NULL;
    }
    if (form == OBJECT_LLVM_OPTIMIZED) {
        return text_of_module(module);
    }
    return machine_code(module, machine, form == OBJECT_ASSEMBLY ? LLVMAssemblyFile : LLVMObjectFile,
                        out_error);
}

// A module for |machine|, with nothing in it.
static void begin(emitter *e, const target *t, LLVMTargetMachineRef machine) {
    emitter_init(e, "kernels", &t->facts);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(e->module, layout);
    LLVMDisposeTargetData(layout);
}

LLVMMemoryBufferRef object_compile(const kernel_desc *const *kernels, uint32_t count, const target *t,
                                   LLVMTargetMachineRef machine, object_form form, char **out_error) {
    *out_error = NULL;
    emitter e;
    begin(&e, t, machine);
    for (uint32_t i = 0; i < count; i++) {
        kernel_emit(&e, kernels[i]);
    }
    LLVMMemoryBufferRef buffer =
        verify(e.module, out_error) ? generate(e.module, machine, form, out_error) : NULL;
    emitter_deinit(&e);
    return buffer;
}

rnnc_status object_compile_ahead(const ahead_request *r, const target *t, LLVMTargetMachineRef machine,
                                 diag_sink *d, LLVMMemoryBufferRef *out_buffer) {
    emitter e;
    begin(&e, t, machine);
    *out_buffer = NULL;
    char *error = NULL;
    rnnc_status status = driver_emit(&e, r, d);
    if (status == RNNC_OK) {
        bool good = verify(e.module, &error) && optimize(e.module, OBJECT_AHEAD_PASSES, machine, &error);
        *out_buffer = good ? machine_code(e.module, machine, LLVMObjectFile, &error) : NULL;
        status = *out_buffer ? RNNC_OK
                             : diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the model cannot be compiled: %s",
                                         error ? error : "");
    }
    free(error);
    emitter_deinit(&e);
    return status;
}
