// The section with what the object says of itself (ahead_print_facts).
#include <string.h>

#include "codegen/driver.h"

static LLVMMetadataRef text_node(emitter *e, const char *text, size_t length) {
    return LLVMMDStringInContext2(e->context, text, length);
}

// WebAssembly keeps what is no data in custom sections, which the back end takes from the module's metadata.
static void add_custom_section(emitter *e, const strbuf *text) {
    LLVMMetadataRef parts[] = {text_node(e, AHEAD_FACTS_SECTION, strlen(AHEAD_FACTS_SECTION)),
                               text_node(e, text->text, text->length)};
    LLVMMetadataRef pair = LLVMMDNodeInContext2(e->context, parts, 2);
    LLVMAddNamedMetadataOperand(e->module, "wasm.custom_sections", LLVMMetadataAsValue(e->context, pair));
}

// Nobody reads it, and yet it stays.
static void keep(emitter *e, LLVMValueRef global) {
    LLVMValueRef list = LLVMConstArray2(e->pointer, &global, 1);
    LLVMValueRef used = LLVMAddGlobal(e->module, LLVMTypeOf(list), "llvm.compiler.used");
    LLVMSetInitializer(used, list);
    LLVMSetLinkage(used, LLVMAppendingLinkage);
    LLVMSetSection(used, "llvm.metadata");
}

static void add_section(const driver *w, const char *section, const strbuf *text) {
    emitter *e = w->e;
    char name[256];
    snprintf(name, sizeof name, "%s.facts", w->r->name);
    LLVMValueRef value = LLVMConstStringInContext2(e->context, text->text, text->length, true);
    LLVMValueRef constant = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(constant, value);
    LLVMSetGlobalConstant(constant, true);
    LLVMSetLinkage(constant, LLVMInternalLinkage);
    LLVMSetAlignment(constant, 1);
    LLVMSetSection(constant, section);
    keep(e, constant);
}

rnnc_status driver_emit_facts(const driver *w, diag_sink *d) {
    strbuf text = {0};
    ahead_print_facts(w->r, w->e->target, &text);
    if (text.failed) {
        strbuf_deinit(&text);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what the object says of itself");
    }
    const char *triple = w->e->target->triple;
    if (strncmp(triple, "wasm", 4) == 0) {
        add_custom_section(w->e, &text);
    } else {
        bool macho = strstr(triple, "-apple-") != NULL;
        add_section(w, macho ? "__TEXT,__rnnc" : AHEAD_FACTS_SECTION, &text);
    }
    strbuf_deinit(&text);
    return RNNC_OK;
}
