/* Exact Shapley values of rows against one reference row, on the forest that trees.c opens.
 *
 * `explain/shapley.py` says what they are and works the same out in numpy; `shapley_c.py` hands blocks and rows over. A
 * tree is followed as one where row and reference go the same way, and twice where they part: once with the row's value
 * of that feature, once with the reference's. With p features of the row and q of the reference behind it, a leaf of
 * value v gives v (p-1)! q! / (p+q)! to each of the p and takes v p! (q-1)! / (p+q)! from each of the q. The two shares
 * are summed on the way back, so a feature gets those of all leaves below its fork at once. C11 and libm only.
 */

#include "trees.c"

#define MAX_PARTED 256 /* features on one path; the tables of shares grow with its square */

enum { OF_BOTH, OF_ROW, OF_REFERENCE };

typedef struct {
    uint32_t threshold; /* this and the next two as in trees.c */
    uint16_t where;
    uint16_t left;
    uint16_t feature; /* its number among the features that are asked for */
    uint16_t right;   /* whether the reference goes right */
} Fork;

typedef struct {
    Forest *forest;
    Fork *fork;         /* of each node */
    uint32_t *feature;  /* of each number */
    uint32_t asked;     /* how many there are */
    double *shares;     /* that of a feature of the row and of the reference, by p and q */
    uint32_t side;      /* p and q are below it */
    double reference;   /* its raw score */
} Explained;

typedef struct {
    const Explained *explained;
    const Fork *tree;
    const uint32_t *slots;
    double *totals;
    uint8_t taken[MAX_SLOTS];
} Walk;

typedef struct {
    double row, reference;
} Shares;

/* ---- opening ---- */

PUBLIC void daytwo_shapley_close(Explained *explained) {
    if (explained == NULL) return;
    daytwo_forest_close(explained->forest);
    free(explained->fork);
    free(explained->feature);
    free(explained->shares);
    free(explained);
}

/* Number the features that slots come from. */
static void number_features(Explained *explained, uint16_t *of_slot) {
    const Forest *forest = explained->forest;
    uint32_t count = 0, slot = 0;
    of_slot[slot++] = 0;
    for (int64_t i = 0; i < forest->head.inputs + forest->head.tables; i++) {
        const Table *table = forest->table + (i - forest->head.inputs);
        int is_input = i < forest->head.inputs;
        uint32_t feature = is_input ? forest->input[i].feature : table->feature, number = 0;
        while (number < count && explained->feature[number] != feature) number++;
        if (number == count) explained->feature[count++] = feature;
        for (uint32_t width = is_input ? 1 : table->width; width; width--) of_slot[slot++] = (uint16_t)number;
    }
    explained->asked = count;
}

static int write_shares(Explained *explained, uint32_t most) {
    uint32_t side = explained->side = most + 1;
    if (most > MAX_PARTED || !(explained->shares = calloc((size_t)side * side, 2 * sizeof(double)))) return 0;
    for (uint32_t p = 0; p < side; p++)
        for (uint32_t q = 0; p + q < side; q++) {
            double orders = 1;
            for (uint32_t i = 1; i <= p; i++) orders = orders * (q + i) / i;
            double *share = explained->shares + 2 * ((size_t)p * side + q);
            share[0] = p ? 1 / (p * orders) : 0;
            share[1] = q ? 1 / (q * orders) : 0;
        }
    return 1;
}

static int write_forks(Explained *explained, const float *reference) {
    const Forest *forest = explained->forest;
    uint16_t of_slot[MAX_SLOTS];
    uint32_t slots[MAX_SLOTS], deepest = 0;
    explained->fork = malloc((size_t)forest->head.nodes * sizeof(Fork));
    explained->feature = malloc(MAX_SLOTS * sizeof *explained->feature);
    if (explained->fork == NULL || explained->feature == NULL) return 0;
    number_features(explained, of_slot);
    write_slots(forest, reference, slots);
    explained->reference = sum_of_row(forest, slots) / forest->head.divisor;
    for (int64_t i = 0; i < forest->head.nodes; i++) {
        Node node = forest->node[i];
        uint16_t right = (uint32_t)(slots[node.where >> 5] << (node.where & 31)) > node.threshold;
        explained->fork[i] = (Fork){node.threshold, node.where, node.left, of_slot[node.where >> 5], right};
    }
    for (int64_t tree = 0; tree < forest->head.trees; tree++)
        if (deepest < forest->depth[tree]) deepest = forest->depth[tree];
    return write_shares(explained, deepest < explained->asked ? deepest : explained->asked);
}

/* Return what explains rows against `reference`; NULL if the block does not fit together or memory is short. */
PUBLIC Explained *daytwo_shapley_open(const void *block, size_t size, const float *reference) {
    Explained *explained = calloc(1, sizeof *explained);
    if (explained == NULL) return NULL;
    if ((explained->forest = daytwo_forest_open(block, size)) && write_forks(explained, reference)) return explained;
    daytwo_shapley_close(explained);
    return NULL;
}

PUBLIC double daytwo_shapley_reference(const Explained *explained) { return explained->reference; }

/* ---- walks ---- */

/* It calls itself where a feature parts row and reference for the first time on a path: MAX_PARTED deep at most. */
static Shares walk_from(Walk *walk, uint32_t at, uint32_t p, uint32_t q) {
    for (;;) {
        const Fork fork = walk->tree[at];
        uint32_t right = (uint32_t)(walk->slots[fork.where >> 5] << (fork.where & 31)) > fork.threshold;
        if (right != fork.right) {
            uint8_t *taken = walk->taken + fork.feature;
            if (*taken == OF_BOTH) {
                *taken = OF_ROW;
                Shares there = walk_from(walk, fork.left + right, p + 1, q);
                *taken = OF_REFERENCE;
                Shares here = walk_from(walk, fork.left + fork.right, p, q + 1);
                *taken = OF_BOTH;
                walk->totals[fork.feature] += there.row - here.reference;
                return (Shares){there.row + here.row, there.reference + here.reference};
            }
            if (*taken == OF_REFERENCE) right = fork.right;
        } else if (fork.left == at) { /* a leaf: neither goes right */
            double value = walk->explained->forest->leaf[fork.threshold];
            const double *share = walk->explained->shares + 2 * ((size_t)p * walk->explained->side + q);
            return (Shares){value * share[0], value * share[1]};
        }
        at = fork.left + right;
    }
}

/* Write each feature's contribution to the raw scores of `count` rows, `count` times as many numbers as features. */
PUBLIC void daytwo_shapley_rows(const Explained *explained, const float *rows, size_t count, double *contributions) {
    const Forest *forest = explained->forest;
    size_t features = (size_t)forest->head.features;
    uint32_t slots[MAX_SLOTS];
    double totals[MAX_SLOTS];
    Walk walk = {.explained = explained, .slots = slots, .totals = totals};
    memset(contributions, 0, count * features * sizeof *contributions);
    for (size_t i = 0; i < count; i++) {
        write_slots(forest, rows + i * features, slots);
        memset(totals, 0, explained->asked * sizeof *totals);
        for (int64_t tree = 0; tree < forest->head.trees; tree++) {
            walk.tree = explained->fork + forest->first[tree];
            walk_from(&walk, 0, 0, 0);
        }
        for (uint32_t k = 0; k < explained->asked; k++)
            contributions[i * features + explained->feature[k]] = totals[k] / forest->head.divisor;
    }
}
