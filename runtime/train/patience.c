#include "runtime/train/patience.h"

#include <math.h>

bool patience_judge(patience *p, double judged, int64_t plateau) {
    bool better = !p->judged || judged < p->best || (isnan(p->best) && !isnan(judged));
    p->judged++;
    if (better) {
        p->best = judged;
        p->waited = p->flat = 0;
        return true;
    }
    p->waited++;
    p->flat++;
    if (plateau && p->flat >= plateau) {
        p->plateaus++;
        p->flat = 0;
    }
    return false;
}
