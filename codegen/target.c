#include "codegen/target.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

// LLVM's texts are freed by LLVM, ours by free().
static char *copy_of_message(char *message) {
    char *copy = message ? strdup(message) : NULL;
    LLVMDisposeMessage(message);
    return copy;
}

// LLVM's list of targets grows without a lock, and two threads that add the same one would close it to a ring. So all of
// them are in it when the module has been loaded, before anybody else can call it. What else is initialised are functions
// that a target has, the same ones each time, and passes, which LLVM locks.
__attribute__((constructor)) static void register_targets(void) {
    LLVMInitializeAllTargetInfos();
}

// All targets that this LLVM was built with take a moment, which only those pay who build for another machine.
static void initialize_all(void) {
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
    LLVMInitializeAllAsmParsers(); // for the two instructions that ask a processor what it is
}

static void initialize(const target_facts *facts) {
    if (facts->triple) {
        initialize_all();
    } else {
        LLVMInitializeNativeTarget();
        LLVMInitializeNativeAsmPrinter();
    }
}

rnnc_status target_init(target *t, const target_facts *facts, diag_sink *d) {
    initialize(facts);
    bool native = strcmp(facts->cpu, "native") == 0;
    *t = (target){.facts = *facts};
    t->triple = facts->triple ? strdup(facts->triple) : copy_of_message(LLVMGetDefaultTargetTriple());
    t->cpu = native ? copy_of_message(LLVMGetHostCPUName()) : strdup(facts->cpu);
    t->features = native ? copy_of_message(LLVMGetHostCPUFeatures()) : strdup(facts->features);
    if (!t->triple || !t->cpu || !t->features) {
        target_deinit(t);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the description of the processor");
    }
    t->facts.triple = t->triple;
    t->facts.cpu = t->cpu;
    t->facts.features = t->features;
    return RNNC_OK;
}

void target_deinit(target *t) {
    free(t->triple);
    free(t->cpu);
    free(t->features);
    *t = (target){.triple = NULL};
}

// NULL if this LLVM was built without it.
static LLVMTargetRef find_kind(const char *triple) {
    LLVMTargetRef kind = NULL;
    char *error = NULL;
    if (LLVMGetTargetFromTriple(triple, &kind, &error)) {
        LLVMDisposeMessage(error);
        return NULL;
    }
    return kind;
}

bool target_is_made(const char *triple) {
    initialize_all();
    return find_kind(triple) != NULL;
}

LLVMTargetMachineRef target_machine(const target *t) {
    LLVMTargetRef kind = find_kind(t->triple);
    if (!kind) {
        return NULL;
    }
    // Position-independent WebAssembly imports what it is to be placed by.
    LLVMRelocMode relocation = strncmp(t->triple, "wasm", 4) == 0 ? LLVMRelocStatic : LLVMRelocPIC;
    return LLVMCreateTargetMachine(kind, t->triple, t->cpu, t->features, LLVMCodeGenLevelDefault, relocation,
                                   LLVMCodeModelDefault);
}
