// What is drawn in the terminal.
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/command.h"

static int terminal_width(void) {
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
    return !known ? 80 : size.ws_col > 120 ? 120 : size.ws_col;
}

void draw_plot(const plot *p) {
    plot_text_options options = {.width = terminal_width(), .height = 16, .colour = isatty(STDOUT_FILENO)};
    const char *locale = getenv("LC_ALL");
    locale = locale && *locale ? locale : getenv("LANG");
    // Without a locale nobody has said that the terminal lacks Braille; "C" and "POSIX" say so.
    options.ascii = locale && (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0);
    strbuf text = {0};
    plot_text(p, &options, &text);
    fputs(strbuf_text(&text), stdout);
    fputc('\n', stdout);
    strbuf_deinit(&text);
}
