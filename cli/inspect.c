// rnnc inspect: what an object, or several in an archive, or a file of weights holds.
#include "ahead/inspect.h"
#include "cli/command.h"
#include "runtime/data/gzfile.h"

rnnc_status command_inspect(const command_line *line, diag_sink *d) {
    const size_t most = (size_t)1 << 32;
    file_bytes file;
    strbuf text = {0};
    TRY(gzfile_read(line->file, most, d, &file));
    inspect_request r = {.name = line->file, .bytes = (const char *)file.data, .size = file.size};
    rnnc_status status = inspect_file(&r, d, &text);
    if (status == RNNC_OK) {
        fputs(strbuf_text(&text), stdout);
    }
    strbuf_deinit(&text);
    file_bytes_deinit(&file);
    return status;
}
