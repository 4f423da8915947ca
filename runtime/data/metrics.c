#include "runtime/data/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/atomic_file.h"
#include "support/number.h"

rnnc_status metrics_open(const char *path, bool append, diag_sink *d, metrics_writer *out_writer) {
    int mode = append ? O_APPEND : O_TRUNC;
    *out_writer = (metrics_writer){.path = path};
    out_writer->descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666);
    return out_writer->descriptor < 0 ? file_error(d, path, "write", errno) : RNNC_OK;
}

static bool is_regular(const metrics_writer *m, int64_t *out_size) {
    struct stat facts;
    bool regular = fstat(m->descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
    *out_size = regular ? facts.st_size : -1;
    return regular;
}

// Whether a line ends before byte |at|.
static bool ends_line(const char *path, int64_t at) {
    int descriptor = at > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char last = '\n';
    bool whole = at == 0 || (descriptor >= 0 && pread(descriptor, &last, 1, at - 1) == 1 && last == '\n');
    if (descriptor >= 0) {
        close(descriptor);
    }
    return whole;
}

rnnc_status metrics_reopen(const char *path, int64_t bytes, diag_sink *d, metrics_writer *out_writer) {
    TRY(metrics_open(path, true, d, out_writer));
    int64_t size = 0;
    if (!is_regular(out_writer, &size) || bytes < 0) {
        return RNNC_OK;
    }
    if (size < bytes || !ends_line(path, bytes)) {
        diag_note(
            d, NO_SPAN,
            "%s is not as the checkpoint knows it (%lld bytes of whole lines); what follows is added to it",
            path, (long long)bytes);
        return RNNC_OK;
    }
    if (ftruncate(out_writer->descriptor, bytes)) {
        int error = errno;
        close(out_writer->descriptor);
        out_writer->descriptor = -1;
        return file_error(d, path, "write", error);
    }
    return RNNC_OK;
}

rnnc_status metrics_sync(const metrics_writer *m, diag_sink *d, int64_t *out_bytes) {
    if (is_regular(m, out_bytes) && fsync(m->descriptor)) {
        return file_error(d, m->path, "write", errno);
    }
    return RNNC_OK;
}

static void add_key(strbuf *out, const char *key) {
    strbuf_add(out, "\"");
    for (const unsigned char *c = (const unsigned char *)key; *c; c++) {
        if (*c == '"' || *c == '\\') {
            strbuf_addf(out, "\\%c", *c);
        } else if (*c < ' ') {
            strbuf_addf(out, "\\u%04x", *c);
        } else {
            strbuf_add_bytes(out, c, 1);
        }
    }
    strbuf_add(out, "\":");
}

static void add_number(strbuf *out, double value) {
    if (!isfinite(value)) {
        strbuf_add(out, isnan(value) ? "null" : value > 0 ? "\"inf\"" : "\"-inf\"");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        number_print(text, sizeof text, digits, value);
        if (number_parse(text, NULL) == value) {
            break;
        }
    }
    strbuf_add(out, text);
}

void metrics_render(const metric *metrics, size_t count, strbuf *out) {
    strbuf_add(out, "{");
    for (size_t i = 0; i < count; i++) {
        strbuf_add(out, i ? "," : "");
        add_key(out, metrics[i].key);
        add_number(out, metrics[i].value);
    }
    strbuf_add(out, "}\n");
}

static rnnc_status write_line(metrics_writer *m, const strbuf *line, diag_sink *d) {
    off_t end = lseek(m->descriptor, 0, SEEK_END);
    int error = write_fully(m->descriptor, line->text, line->length);
    if (error == 0) {
        return RNNC_OK;
    }
    // Where the half line cannot be taken away, the error that is reported anyway says enough.
    if (end >= 0 && ftruncate(m->descriptor, end) == 0) {
        lseek(m->descriptor, end, SEEK_SET);
    }
    return file_error(d, m->path, "write", error);
}

rnnc_status metrics_write(metrics_writer *m, const metric *metrics, size_t count, diag_sink *d) {
    strbuf line = {0};
    metrics_render(metrics, count, &line);
    rnnc_status status = line.failed
                             ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory", m->path)
                             : write_line(m, &line, d);
    strbuf_deinit(&line);
    return status;
}

rnnc_status metrics_close(metrics_writer *m, diag_sink *d) {
    int descriptor = m->descriptor;
    m->descriptor = -1;
    return descriptor >= 0 && close(descriptor) ? file_error(d, m->path, "write", errno) : RNNC_OK;
}
