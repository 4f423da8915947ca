// What the header of a text model's object says of its vocabulary.
#include "codegen/ahead.h"

void ahead_print_text(const ahead_request *r, const char *upper, strbuf *out) {
    const ahead_text *t = r->text;
    const char *unit = t->words ? "words" : "characters";
    strbuf_addf(out,
                "\n/* The vocabulary: tokens are %s. */\n"
                "#define %s_TOKENS %d\n"
                "#define %s_FIRST_TOKEN %d /* to begin with where there is no text */\n",
                unit, upper, t->count, upper, t->first);
    strbuf_addf(
        out,
        "/* The tokens of a text in UTF-8, of which at most |room| are written. Gives how many there are; or "
        "-1 - i, where\n"
        " * what begins at byte i is not UTF-8 or not in the vocabulary. */\n"
        "int32_t %s_encode(const char *text, int32_t bytes, int32_t *tokens, int32_t room);\n",
        r->name);
    strbuf_addf(out,
                "/* The text of tokens, of which at most |room| bytes are written, without a zero byte. "
                "Gives how many "
                "there are.\n"
                " * |previous|: the token before them, which says whether a space is between; or -1. */\n"
                "int32_t %s_decode(int32_t previous, const int32_t *tokens, int32_t count, char *text, "
                "int32_t room);\n",
                r->name);
}
