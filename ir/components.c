#include "ir/components.h"

#include <string.h>

typedef struct search {
    const adjacency *edges;
    component_list *found;
    uint32_t *number; // order of discovery from 1; 0: not seen
    uint32_t *lowest; // the smallest number reachable through open nodes
    uint32_t *next;   // the next edge to follow
    uint32_t *open;   // nodes not yet in a component
    uint32_t *path;   // nodes being visited
    uint32_t open_count, path_count, discovered;
} search;

static void discover(search *s, uint32_t n) {
    s->number[n] = s->lowest[n] = ++s->discovered;
    s->next[n] = s->edges->begin[n];
    s->open[s->open_count++] = n;
    s->path[s->path_count++] = n;
}

static void close_component(search *s, uint32_t root) {
    uint32_t member;
    do {
        member = s->open[--s->open_count];
        s->found->of[member] = s->found->count;
    } while (member != root);
    s->found->count++;
}

static void lower(search *s, uint32_t n, uint32_t number) {
    if (number < s->lowest[n]) {
        s->lowest[n] = number;
    }
}

// Follows one edge of |at|, which has edges left.
static void follow(search *s, uint32_t at) {
    uint32_t to = s->edges->to[s->next[at]++];
    if (!s->number[to]) {
        discover(s, to);
    } else if (s->found->of[to] == UINT32_MAX) {
        lower(s, at, s->number[to]);
    }
}

static void visit_from(search *s, uint32_t root) {
    discover(s, root);
    while (s->path_count > 0) {
        uint32_t at = s->path[s->path_count - 1];
        if (s->next[at] < s->edges->begin[at + 1]) {
            follow(s, at);
            continue;
        }
        s->path_count--;
        if (s->lowest[at] == s->number[at]) {
            close_component(s, at);
        } else {
            lower(s, s->path[s->path_count - 1], s->lowest[at]);
        }
    }
}

// Counting sort of the included nodes by component.
static void list_members(component_list *found, uint32_t count, const bool *include, arena *memory) {
    uint32_t *begin = arena_new_array(memory, uint32_t, (size_t)found->count + 2);
    uint32_t total = 0;
    for (uint32_t n = 0; n < count; n++) {
        if (include[n]) {
            begin[found->of[n] + 2]++;
            total++;
        }
    }
    for (uint32_t c = 1; c < found->count + 2; c++) {
        begin[c] += begin[c - 1];
    }
    found->members = arena_new_array(memory, uint32_t, total);
    for (uint32_t n = 0; n < count; n++) {
        if (include[n]) {
            found->members[begin[found->of[n] + 1]++] = n;
        }
    }
    found->begin = begin;
}

component_list components_find(const adjacency *edges, const bool *include, arena *memory) {
    uint32_t count = edges->count;
    component_list found = {.of = arena_new_array(memory, uint32_t, count)};
    memset(found.of, 0xff, count * sizeof *found.of);
    search s = {
        .edges = edges,
        .found = &found,
        .number = arena_new_array(memory, uint32_t, count),
        .lowest = arena_new_array(memory, uint32_t, count),
        .next = arena_new_array(memory, uint32_t, count),
        .open = arena_new_array(memory, uint32_t, count),
        .path = arena_new_array(memory, uint32_t, count),
    };
    for (uint32_t n = 0; n < count; n++) {
        if (include[n] && !s.number[n]) {
            visit_from(&s, n);
        }
    }
    list_members(&found, count, include, memory);
    return found;
}
