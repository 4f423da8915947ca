// The fixed words of the text forms of plans and programs, shared by their printers and parsers.
#ifndef RNNC_PASSES_PLAN_WORDS_H
#define RNNC_PASSES_PLAN_WORDS_H

#include "ir/text_words.h"

word_list plan_stage_words(void);     // by plan_stage - 1
word_list plan_direction_words(void); // "up", "down"
word_list kernel_kind_words(void);    // by kernel_kind
word_list place_slot_words(void);     // by slot_choice

// What a place picks along its slot axis (program_place): the iteration's slot, a fixed one, or all from a fixed one on.
typedef enum slot_choice { SLOT_STEP, SLOT_ONLY, SLOT_ALL } slot_choice;

#endif
