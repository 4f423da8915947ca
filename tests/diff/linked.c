#include "tests/diff/linked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <cmocka.h>

#include "codegen/ahead.h"
#include "runtime/data/atomic_file.h"

enum { GUARD = 64 * 1024, FILLING = 0x7f, FENCE = 0x5a };

void *diff_guarded_arena(int64_t bytes) {
    char *memory = aligned_alloc(AHEAD_ALIGN, (size_t)bytes + GUARD);
    assert_non_null(memory);
    memset(memory, FILLING, (size_t)bytes);
    memset(memory + bytes, FENCE, GUARD);
    return memory;
}

void diff_release_arena(void *memory, int64_t bytes) {
    const char *behind = (const char *)memory + bytes;
    for (int i = 0; i < GUARD; i++) {
        assert_int_equal(behind[i], FENCE);
    }
    free(memory);
}

void diff_function(void *library, const char *name, void *out_function) {
    void *symbol = dlsym(library, name);
    memcpy(out_function, &symbol, sizeof symbol);
}

void *diff_link(const strbuf *object, const char *name) {
    strbuf base = {0}, path = {0}, command = {0};
    diag_sink d;
    diag_init(&d);
    strbuf_addf(&base, "%s/%s", getenv("RNNC_SCRATCH") ? getenv("RNNC_SCRATCH") : "/tmp", name);
    strbuf_addf(&path, "%s.o", base.text);
    assert_int_equal(atomic_file_write(path.text, object->text, object->length, &d), RNNC_OK);
    strbuf_addf(&command, "cc -nostdlib -shared -Wl,-z,defs -o %s.so %s.o", base.text, base.text);
    assert_int_equal(system(command.text), 0);
    strbuf_add(&base, ".so");
    void *library = dlopen(base.text, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fail_msg("%s", dlerror());
    }
    strbuf_deinit(&base);
    strbuf_deinit(&path);
    strbuf_deinit(&command);
    diag_deinit(&d);
    return library;
}
