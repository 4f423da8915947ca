#include "codegen/ahead_target.h"

#include <string.h>

typedef struct known_target {
    const char *name;
    target_facts facts;
    const char *text;
} known_target;

enum { L1_BYTES = 32 << 10, L2_BYTES = 512 << 10 };

static const known_target known[] = {
#define TARGET(name, triple, cpu, features, fma, bytes, registers, text) \
    {name, {triple, cpu, features, fma, false, bytes, registers, L1_BYTES, L2_BYTES, {0, 0}}, text},
#include "codegen/targets.def"
#undef TARGET
};
enum { KNOWN = sizeof known / sizeof *known };

rnnc_status ahead_target_choose(const char *name, const char *list, diag_sink *d, target_facts *out_facts) {
    const char *names[KNOWN];
    for (int i = 0; i < KNOWN; i++) {
        names[i] = known[i].name;
        if (strcmp(known[i].name, name) == 0) {
            *out_facts = known[i].facts;
            return RNNC_OK;
        }
    }
    const char *near = nearest_name(name, names, KNOWN);
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "unknown target \"%s\"%s%s%s", name,
                     near ? "; did you mean \"" : "; ", near ? near : list,
                     near ? "\"?" : " shows those that are known");
}

rnnc_status ahead_target_list(const codegen *c, diag_sink *d, strbuf *out) {
    strbuf_addf(out, "%-24s %s\n", "native", "this machine; --cpu chooses a level");
    strbuf_addf(out, "%-24s %s\n", "x86-64-v2,x86-64-v3",
                "Linux, several levels of x86-64, chosen at run time");
    for (int i = 0; i < KNOWN; i++) {
        bool makes = false;
        TRY(codegen_makes(c, known[i].facts.triple, d, &makes));
        strbuf_addf(out, "%-24s %s%s\n", known[i].name, known[i].text, makes ? "" : "; not with this LLVM");
    }
    return out->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}
