/* A forest of decision trees, walked fast, with the sums of LightGBM to the last bit.
 *
 * `forest.py` writes a forest as one block of bytes, `trees_c.py` hands it over and asks for scores. The block may come
 * from a broken file: `daytwo_forest_open` checks every index in it once, so that no walk leaves it. C11 and libm only;
 * build with -O3 -ffp-contract=off.
 *
 * A step is the same for all nodes: right = (values[slot] << shift) > threshold, in whole numbers. So the processor has
 * no branch to guess, and walks of LANES trees, or rows, overlap. For that a row is written as slots of 32 bits:
 *   slot 0      0; a leaf asks it, never goes right, and its left child is itself
 *   inputs      a number as a whole number of the same order, or 0 or all ones where a missing one goes left or right
 *   tables      for a category, one bit for each node that asks it: whether this code goes right there
 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

#define MAGIC 0x31656572746f7764 /* "dwotree1" */
#define LANES 8
#define MAX_SLOTS 2048 /* a node has 11 bits for its slot */
#define MAX_NODES 65536 /* of one tree: a node has 16 bits for its children */
#define BLOCK_WORDS 8192 /* slots of a block of rows: 32 KB, what a first-level cache holds */
#define ZERO 1e-35f /* what LightGBM takes for 0 (kZeroThreshold) */

enum { MISSING_NONE = 0, MISSING_ZERO = 1, MISSING_NAN = 2, DEFAULT_LEFT = 4 };
enum { IDENTITY, SIGMOID, EXP, LOG1P_EXP, SIGNED_SQUARE, TRANSFORMS };

typedef struct {
    uint32_t threshold; /* of a leaf: its place among the leaf values */
    uint16_t where;     /* slot << 5 | shift */
    uint16_t left;      /* counted from the tree's first node; the right child is next to it */
} Node;

typedef struct {
    uint32_t feature, missing; /* `missing`: as above, DEFAULT_LEFT added */
} Input;

typedef struct {
    uint32_t feature, codes, width, first; /* a row of `width` words for each code, and one for all others */
} Table;

typedef struct {
    int64_t magic, features, transform;
    double divisor; /* of the score, not of the plain sum: a random forest takes the mean */
    int64_t leaves, nodes, trees, inputs, tables, words;
} Head;

typedef struct {
    Head head;
    const double *leaf;
    const Node *node;
    const uint32_t *first; /* each tree's first node, and one past the last */
    const Input *input;
    const Table *table;
    const uint32_t *word;
    uint32_t *depth; /* of each tree */
    uint32_t slots;
    uint64_t *memory;
} Forest;

/* ---- opening, with every check ---- */

static int sizes_fit(const Head *head, size_t size) {
    const int64_t counts[] = {head->leaves, head->nodes, head->trees, head->inputs, head->tables, head->words};
    for (int i = 0; i < 6; i++)
        if (counts[i] < 0 || counts[i] > INT32_MAX) return 0;
    uint64_t needed = sizeof(Head) + 8 * (uint64_t)head->leaves + sizeof(Node) * (uint64_t)head->nodes +
                      4 * ((uint64_t)head->trees + 1) + sizeof(Input) * (uint64_t)head->inputs +
                      sizeof(Table) * (uint64_t)head->tables + 4 * (uint64_t)head->words;
    return needed == size && head->magic == MAGIC && head->features > 0 && head->features <= INT32_MAX &&
           head->leaves > 0 && head->trees > 0 && head->transform >= 0 && head->transform < TRANSFORMS &&
           head->divisor > 0;
}

static int slots_fit(Forest *forest) {
    uint64_t slots = 1 + (uint64_t)forest->head.inputs;
    for (int64_t i = 0; i < forest->head.inputs; i++)
        if (forest->input[i].feature >= forest->head.features) return 0;
    for (int64_t i = 0; i < forest->head.tables; i++) {
        const Table *table = forest->table + i;
        if (table->feature >= forest->head.features || table->codes > (1u << 24)) return 0;
        if (((uint64_t)table->codes + 1) * table->width + table->first > (uint64_t)forest->head.words) return 0;
        slots += table->width;
    }
    forest->slots = (uint32_t)slots;
    return slots <= MAX_SLOTS;
}

/* Children come after their parent and within the tree, so every walk ends, at a leaf, in at most `depth` steps. */
static int tree_fits(const Forest *forest, int64_t tree, uint32_t *reached) {
    uint32_t start = forest->first[tree], end = forest->first[tree + 1];
    if (start >= end || end > (uint64_t)forest->head.nodes || end - start > MAX_NODES) return 0;
    uint32_t count = end - start, deepest = 0;
    memset(reached, 0, count * sizeof *reached);
    for (uint32_t i = 0; i < count; i++) {
        Node node = forest->node[start + i];
        if (node.left == i) { /* a leaf */
            if (node.where >> 5 || node.threshold >= (uint64_t)forest->head.leaves) return 0;
            continue;
        }
        if (node.left < i || node.left + 1u >= count || node.where >> 5 >= forest->slots) return 0;
        for (uint32_t child = node.left; child <= node.left + 1u; child++)
            if (reached[child] < reached[i] + 1) reached[child] = reached[i] + 1;
        if (deepest < reached[i] + 1) deepest = reached[i] + 1;
    }
    forest->depth[tree] = deepest;
    return 1;
}

static int trees_fit(const Forest *forest) {
    uint32_t *reached = malloc(MAX_NODES * sizeof *reached);
    int fit = reached != NULL && forest->depth != NULL;
    for (int64_t tree = 0; fit && tree < forest->head.trees; tree++) fit = tree_fits(forest, tree, reached);
    free(reached);
    return fit;
}

PUBLIC void daytwo_forest_close(Forest *forest) {
    if (forest == NULL) return;
    free(forest->depth);
    free(forest->memory);
    free(forest);
}

/* Return the forest that `block` describes, a copy; NULL if it does not fit together or memory is short. */
PUBLIC Forest *daytwo_forest_open(const void *block, size_t size) {
    Forest *forest = calloc(1, sizeof *forest);
    if (forest == NULL || size < sizeof(Head) || (forest->memory = malloc(size)) == NULL) {
        daytwo_forest_close(forest);
        return NULL;
    }
    memcpy(forest->memory, block, size);
    memcpy(&forest->head, block, sizeof(Head));
    const Head *head = &forest->head;
    if (sizes_fit(head, size)) {
        forest->leaf = (const double *)((const char *)forest->memory + sizeof(Head));
        forest->node = (const Node *)(forest->leaf + head->leaves);
        forest->first = (const uint32_t *)(forest->node + head->nodes);
        forest->input = (const Input *)(forest->first + head->trees + 1);
        forest->table = (const Table *)(forest->input + head->inputs);
        forest->word = (const uint32_t *)(forest->table + head->tables);
        forest->depth = malloc((size_t)head->trees * sizeof *forest->depth);
        if (slots_fit(forest) && trees_fit(forest)) return forest;
    }
    daytwo_forest_close(forest);
    return NULL;
}

/* ---- a row as slots ---- */

/* A whole number of the same order; no two numbers that LightGBM tells apart fall together. */
static inline uint32_t ordered(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((uint32_t)-(int32_t)(bits >> 31) | 0x80000000u);
}

static void write_slots(const Forest *forest, const float *row, uint32_t *slots) {
    *slots++ = 0;
    for (int64_t i = 0; i < forest->head.inputs; i++) {
        uint32_t how = forest->input[i].missing;
        float x = row[forest->input[i].feature];
        int is_nan = x != x, is_zero = x >= -ZERO && x <= ZERO;
        int missing = how & MISSING_NAN ? is_nan : how & MISSING_ZERO ? is_nan || is_zero : 0;
        uint32_t number = ordered(is_nan || is_zero ? 0.0f : x);
        *slots++ = missing ? (how & DEFAULT_LEFT ? 0 : UINT32_MAX) : number;
    }
    for (int64_t i = 0; i < forest->head.tables; i++) {
        const Table *table = forest->table + i;
        float x = row[table->feature];
        /* Cut towards 0, as LightGBM does; NaN fails the comparison. */
        uint32_t code = x > -1.0f && x < (float)table->codes ? (uint32_t)(int32_t)x : table->codes;
        const uint32_t *word = forest->word + table->first + (size_t)code * table->width;
        for (uint32_t k = 0; k < table->width; k++) *slots++ = word[k];
    }
}

/* ---- walks ---- */

static inline uint32_t step(const Node *tree, uint32_t at, const uint32_t *slots) {
    const Node node = tree[at];
    uint32_t asked = slots[node.where >> 5] << (node.where & 31);
    return node.left + (uint32_t)(asked > node.threshold);
}

/* One row: LANES trees at once, their leaves added in the order of the trees. */
static double sum_of_row(const Forest *forest, const uint32_t *slots) {
    double sum = 0;
    int64_t tree = 0;
    for (; tree + LANES <= forest->head.trees; tree += LANES) {
        const Node *root[LANES];
        uint32_t at[LANES], depth = 0;
        for (int k = 0; k < LANES; k++) {
            root[k] = forest->node + forest->first[tree + k];
            at[k] = 0;
            if (depth < forest->depth[tree + k]) depth = forest->depth[tree + k];
        }
        for (uint32_t moved = 1; depth && moved; depth--) {
            moved = 0;
            for (int k = 0; k < LANES; k++) {
                uint32_t before = at[k];
                at[k] = step(root[k], before, slots);
                moved |= at[k] ^ before;
            }
        }
        for (int k = 0; k < LANES; k++) sum += forest->leaf[root[k][at[k]].threshold];
    }
    for (; tree < forest->head.trees; tree++) {
        const Node *root = forest->node + forest->first[tree];
        uint32_t at = 0;
        for (uint32_t depth = forest->depth[tree]; depth; depth--) at = step(root, at, slots);
        sum += forest->leaf[root[at].threshold];
    }
    return sum;
}

/* LANES rows, whose slots lie `forest->slots` apart, down one tree at once. */
static inline void add_leaves(const Forest *forest, int64_t tree, const uint32_t *slots, double *sums) {
    const Node *root = forest->node + forest->first[tree];
    uint32_t at[LANES] = {0};
    uint32_t moved = 1;
    for (uint32_t depth = forest->depth[tree]; depth && moved; depth--) {
        moved = 0;
        for (int k = 0; k < LANES; k++) {
            uint32_t before = at[k];
            at[k] = step(root, before, slots + (size_t)k * forest->slots);
            moved |= at[k] ^ before;
        }
    }
    for (int k = 0; k < LANES; k++) sums[k] += forest->leaf[root[at[k]].threshold];
}

/* The last steps from a sum to a score, in LightGBM's own words (the objectives' ConvertOutput). */
static double score_of(const Forest *forest, double sum) {
    double x = sum / forest->head.divisor; /* by 1 changes nothing */
    switch (forest->head.transform) {
    case SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case EXP:
        return exp(x);
    case LOG1P_EXP:
        return log1p(exp(x));
    case SIGNED_SQUARE:
        return x > 0 ? x * x : x < 0 ? -x * x : 0 * x;
    default:
        return x;
    }
}

/* ---- scores ---- */

/* Return the score of one row of as many numbers as the forest has features. */
PUBLIC double daytwo_forest_one(const Forest *forest, const float *row) {
    uint32_t slots[MAX_SLOTS];
    write_slots(forest, row, slots);
    return score_of(forest, sum_of_row(forest, slots));
}

/* Write the scores of `count` rows, or their plain sums if `raw`. */
PUBLIC void daytwo_forest_many(const Forest *forest, const float *rows, size_t count, double *scores, int raw) {
    uint32_t slots[BLOCK_WORDS];
    size_t width = forest->slots, most = BLOCK_WORDS / width;
    if (most > LANES) most -= most % LANES;
    for (size_t start = 0; start < count; start += most) {
        size_t here = count - start < most ? count - start : most, even = here - here % LANES;
        double *out = scores + start;
        for (size_t i = 0; i < here; i++)
            write_slots(forest, rows + (start + i) * (size_t)forest->head.features, slots + i * width);
        for (size_t i = 0; i < even; i++) out[i] = 0;
        for (int64_t tree = 0; even && tree < forest->head.trees; tree++)
            for (size_t i = 0; i < even; i += LANES) add_leaves(forest, tree, slots + i * width, out + i);
        for (size_t i = even; i < here; i++) out[i] = sum_of_row(forest, slots + i * width);
        for (size_t i = 0; i < here; i++) out[i] = raw ? out[i] : score_of(forest, out[i]);
    }
}
