/* Rows of JSON read into float32 features and checked against a contract in one go, for rows that plainly keep it.
 *
 * `rows_c.py` writes what a contract asks as one block of bytes, the plan, and hands over request bodies. This reader
 * only ever says yes: whatever it does not take (a wrong value, an unknown or repeated key, a nested value) is
 * left to the readers in Python, which name everything. `daytwo_rows_open` checks every index of the plan
 * once. The bodies must be UTF-8, and a byte of 0 must follow the last. C11 and libm only.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

#define MAGIC 0x3173776f726f7764 /* "dworows1" */
#define MAX_COLUMNS 4096
#define SEEN_WORDS (MAX_COLUMNS / 64)
#define MAX_NUMBER 64            /* characters; a longer number is left to others */
#define EXACT 9007199254740992.0 /* 2^53: whole numbers beyond it are others as floats */

enum { ANY, BOOLEAN, INTEGER, NUMBER, LEVELS, TEXT, KINDS };
enum { MUST = 1, NULLABLE = 2 };

typedef struct {
    double low, high;
    int32_t name, name_length; /* in the plan's texts */
    int32_t kind, flags;
    int32_t feature, imputed, asked; /* where it goes, -1 for nowhere; `imputed` is 0 in every row read here */
    int32_t min_length, max_length;  /* characters of a text; -1 for any */
    int32_t unused;
} Column;

typedef struct {
    double code;
    int32_t column, text, length, unused;
} Level;

typedef struct {
    int64_t magic, columns, width, asked, levels, texts;
} Head;

typedef struct {
    Head head;
    const Column *column;
    const Level *level;
    const char *texts;
    uint32_t *slot; /* names and levels by their hash: 0 for none, else one more than its number, levels last */
    uint32_t mask;
    float *blank; /* the features of a row of which nothing is there */
    uint64_t must[SEEN_WORDS];
    char *memory;
} Reader;

static uint32_t hash_of(uint32_t column, const char *text, int64_t length) {
    uint32_t hash = 2166136261u ^ column * 0x9e3779b1u;
    for (int64_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

/* ---- opening, with every check ---- */

static int text_fits(const Head *head, int32_t at, int32_t length) {
    return at >= 0 && length >= 0 && (int64_t)at + length <= head->texts;
}

static int plan_fits(const Reader *reader) {
    const Head *head = &reader->head;
    for (int64_t i = 0; i < head->columns; i++) {
        const Column *one = &reader->column[i];
        if (!text_fits(head, one->name, one->name_length) || one->kind < 0 || one->kind >= KINDS ||
            one->feature < -1 || one->feature >= head->width || one->imputed < -1 || one->imputed >= head->width ||
            one->asked < -1 || one->asked >= head->asked) {
            return 0;
        }
    }
    for (int64_t i = 0; i < head->levels; i++) {
        const Level *one = &reader->level[i];
        if (!text_fits(head, one->text, one->length) || one->column < 0 || one->column >= head->columns) {
            return 0;
        }
    }
    return 1;
}

static void insert(Reader *reader, uint32_t hash, uint32_t number) {
    while (reader->slot[hash & reader->mask]) {
        hash++;
    }
    reader->slot[hash & reader->mask] = number + 1;
}

static void fill(Reader *reader) {
    for (int64_t i = 0; i < reader->head.width; i++) {
        reader->blank[i] = NAN;
    }
    for (int64_t i = 0; i < reader->head.columns; i++) {
        const Column *one = &reader->column[i];
        insert(reader, hash_of(0, reader->texts + one->name, one->name_length), (uint32_t)i);
        if (one->flags & MUST) {
            reader->must[i / 64] |= (uint64_t)1 << i % 64;
        }
        if (one->imputed >= 0) {
            reader->blank[one->imputed] = 0.0f;
        }
    }
    for (int64_t i = 0; i < reader->head.levels; i++) {
        const Level *one = &reader->level[i];
        uint32_t hash = hash_of((uint32_t)one->column + 1, reader->texts + one->text, one->length);
        insert(reader, hash, (uint32_t)(reader->head.columns + i));
    }
}

PUBLIC void daytwo_rows_close(void *opened) {
    Reader *reader = opened;
    if (reader) {
        free(reader->slot);
        free(reader->blank);
        free(reader->memory);
        free(reader);
    }
}

/* Return a reader for the plan, or null where the plan does not fit together or there is no memory. */
PUBLIC void *daytwo_rows_open(const void *plan, size_t size) {
    Reader *reader = calloc(1, sizeof(Reader));
    if (!reader || size < sizeof(Head)) {
        daytwo_rows_close(reader);
        return NULL;
    }
    memcpy(&reader->head, plan, sizeof(Head));
    const Head *head = &reader->head;
    const int64_t most = 1 << 28;
    if (head->magic != MAGIC || head->columns < 1 || head->columns > MAX_COLUMNS || head->width < 0 ||
        head->width > most || head->asked < 0 || head->asked > head->columns || head->levels < 0 ||
        head->levels > most || head->texts < 0 || head->texts > most ||
        size != sizeof(Head) + (size_t)head->columns * sizeof(Column) + (size_t)head->levels * sizeof(Level) +
                    (size_t)head->texts) {
        daytwo_rows_close(reader);
        return NULL;
    }
    uint32_t slots = 16;
    while (slots < 2 * (head->columns + head->levels)) {
        slots *= 2;
    }
    reader->mask = slots - 1;
    reader->memory = malloc(size);
    reader->slot = calloc(slots, sizeof(uint32_t));
    reader->blank = calloc((size_t)head->width + 1, sizeof(float));
    if (!reader->memory || !reader->slot || !reader->blank) {
        daytwo_rows_close(reader);
        return NULL;
    }
    memcpy(reader->memory, plan, size);
    reader->column = (const Column *)(reader->memory + sizeof(Head));
    reader->level = (const Level *)(reader->column + head->columns);
    reader->texts = (const char *)(reader->level + head->levels);
    if (!plan_fits(reader)) {
        daytwo_rows_close(reader);
        return NULL;
    }
    fill(reader);
    return reader;
}

/* ---- reading ----
 * The text of a list ends with `]`, so that no walk over digits, letters or white space passes its end; inside a text
 * the end is looked for. Every function returns where it has come to, or null for what is not taken.
 */

static inline const char *skip_white(const char *p) {
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
        p++;
    }
    return p;
}

static inline int is_digit(char c) { return (uint8_t)(c - '0') < 10; }

static const char *word(const char *p, const char *end, const char *expected, int64_t length) {
    return end - p > length && memcmp(p, expected, (size_t)length) == 0 ? p + length : NULL;
}

static int hex(const char *p) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i], lower = (char)(c | 32);
        if (!is_digit(c) && (lower < 'a' || lower > 'f')) {
            return -1;
        }
        value = value * 16 + (is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return value;
}

/* Read a text from behind its first quote to behind its last one. */
static const char *text(const char *p, const char *end, int *is_escaped) {
    *is_escaped = 0;
    for (; p < end && *p != '"'; p++) {
        if ((uint8_t)*p < ' ') {
            return NULL;
        }
        if (*p != '\\') {
            continue;
        }
        *is_escaped = 1;
        p++;
        if (end - p < 6) {
            return NULL;
        }
        if (*p == 'u') {
            int value = hex(p + 1);
            if (value < 0 || (value & 0xf800) == 0xd800) { /* halves of characters are left to others */
                return NULL;
            }
            p += 4;
        } else if (*p == 0 || !strchr("\"\\/bfnrt", *p)) {
            return NULL;
        }
    }
    return p < end ? p + 1 : NULL;
}

static int64_t characters(const char *p, const char *end) {
    int64_t count = 0;
    for (; p < end; p++) {
        count += ((uint8_t)*p & 0xc0) != 0x80;
    }
    return count;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Read a number; the result is the double nearest to it. `*is_whole` tells that it has neither point nor exponent. */
static const char *number(const char *p, double *value, int *is_whole) {
    const char *begin = p;
    int is_negative = *p == '-', significant = 0;
    int64_t power = 0;
    uint64_t digits = 0;
    *is_whole = 1;
    p += is_negative;
    if (*p == '0') {
        p++;
    } else if (is_digit(*p)) {
        for (; is_digit(*p); p++, significant++) {
            digits = digits * 10 + (uint64_t)(*p - '0');
        }
    } else {
        return NULL;
    }
    if (*p == '.') {
        const char *point = p++;
        *is_whole = 0;
        for (; is_digit(*p); p++) {
            digits = digits * 10 + (uint64_t)(*p - '0');
            significant += significant > 0 || digits != 0;
        }
        power = point + 1 - p;
        if (power == 0) {
            return NULL;
        }
    }
    if ((*p | 32) == 'e') {
        *is_whole = 0;
        p++;
        int is_below = *p == '-';
        p += *p == '-' || *p == '+';
        if (!is_digit(*p)) {
            return NULL;
        }
        int64_t more = 0;
        for (; is_digit(*p); p++) {
            more = more < 100000 ? more * 10 + (*p - '0') : more;
        }
        power += is_below ? -more : more;
    }
    if (p - begin > MAX_NUMBER) {
        return NULL;
    }
    /* Both factors are exact, so the one operation rounds right (Clinger, 1990). */
    if (FLT_EVAL_METHOD == 0 && significant <= 19 && digits <= (uint64_t)EXACT && power >= -22 && power <= 22) {
        double found = (double)digits;
        found = power < 0 ? found / POWERS[-power] : found * POWERS[power];
        *value = is_negative && !(*is_whole && digits == 0) ? -found : found;
        return p;
    }
    if (*is_whole) { /* beyond what a double holds exactly */
        return NULL;
    }
    char *stop;
    *value = strtod(begin, &stop); /* in a country that writes a comma it stops at the point */
    return stop == p && isfinite(*value) ? p : NULL;
}

static const char *any_value(const char *p, const char *end) {
    double value;
    int ignored;
    switch (*p) {
    case '"':
        return text(p + 1, end, &ignored);
    case 't':
        return word(p, end, "true", 4);
    case 'f':
        return word(p, end, "false", 5);
    default:
        p = number(p, &value, &ignored);
        return p && fabs(value) <= EXACT ? p : NULL;
    }
}

static const char *level(const Reader *reader, int64_t column, const char *p, const char *end, float *feature) {
    int ignored;
    const char *begin = p;
    p = text(p, end, &ignored);
    if (!p) {
        return NULL;
    }
    int64_t length = p - 1 - begin;
    uint32_t hash = hash_of((uint32_t)column + 1, begin, length), found;
    for (; (found = reader->slot[hash & reader->mask]); hash++) {
        if (found <= reader->head.columns) {
            continue;
        }
        const Level *one = &reader->level[found - 1 - reader->head.columns];
        if (one->column == column && one->length == length && !memcmp(reader->texts + one->text, begin, (size_t)length)) {
            if (feature) {
                *feature = (float)one->code;
            }
            return p;
        }
    }
    return NULL;
}

static const char *some_text(const Column *column, const char *p, const char *end) {
    int is_escaped;
    const char *begin = p;
    p = text(p, end, &is_escaped);
    if (!p || (column->min_length < 0 && column->max_length < 0)) {
        return p;
    }
    int64_t length = characters(begin, p - 1);
    if (is_escaped || length < column->min_length || (column->max_length >= 0 && length > column->max_length)) {
        return NULL;
    }
    return p;
}

static const char *some_number(const Column *column, const char *p, float *feature) {
    double value;
    int is_whole;
    p = number(p, &value, &is_whole);
    if (!p || (column->kind == INTEGER && !is_whole) || (is_whole && fabs(value) > EXACT) ||
        !(value >= column->low && value <= column->high)) {
        return NULL;
    }
    if (feature) {
        *feature = (float)value;
    }
    return p;
}

static const char *value_of(const Reader *reader, int64_t i, const char *p, const char *end, float *features) {
    const Column *column = &reader->column[i];
    float *feature = column->feature < 0 ? NULL : features + column->feature;
    if (*p == 'n') {
        return column->flags & NULLABLE ? word(p, end, "null", 4) : NULL;
    }
    switch (column->kind) {
    case BOOLEAN: {
        int is_true = *p == 't';
        p = is_true ? word(p, end, "true", 4) : word(p, end, "false", 5);
        if (p && feature) {
            *feature = (float)is_true;
        }
        return p;
    }
    case INTEGER:
    case NUMBER:
        return some_number(column, p, feature);
    case LEVELS:
        return *p == '"' ? level(reader, i, p + 1, end, feature) : NULL;
    case TEXT:
        return *p == '"' ? some_text(column, p + 1, end) : NULL;
    default:
        return any_value(p, end);
    }
}

/* Return which column is named from behind a quote at `p`, -1 for none; `guess` is where to look first. */
static int64_t named(const Reader *reader, const char *p, const char *end, int64_t guess) {
    if (guess < reader->head.columns) {
        const Column *one = &reader->column[guess];
        if (end - p > one->name_length && p[one->name_length] == '"' &&
            !memcmp(reader->texts + one->name, p, (size_t)one->name_length)) {
            return guess;
        }
    }
    const char *begin = p;
    while (p < end && *p != '"') {
        p++;
    }
    int64_t length = p - begin;
    uint32_t hash = hash_of(0, begin, length), found;
    for (; (found = reader->slot[hash & reader->mask]); hash++) {
        if (found > reader->head.columns) {
            continue;
        }
        const Column *one = &reader->column[found - 1];
        if (one->name_length == length && !memcmp(reader->texts + one->name, begin, (size_t)length)) {
            return found - 1;
        }
    }
    return -1;
}

static const char *row(
    const Reader *reader, const char *p, const char *end, const char *origin, float *features, int64_t *spans) {
    uint64_t seen[SEEN_WORDS];
    const int64_t words = (reader->head.columns + 63) / 64;
    int64_t guess = 0;
    memset(seen, 0, (size_t)words * sizeof(uint64_t));
    memcpy(features, reader->blank, (size_t)reader->head.width * sizeof(float));
    memset(spans, 0, (size_t)reader->head.asked * 2 * sizeof(int64_t));
    if (*p != '{') {
        return NULL;
    }
    p = skip_white(p + 1);
    for (int is_first = 1; *p != '}' || !is_first; is_first = 0) {
        if (*p != '"') {
            return NULL;
        }
        int64_t i = named(reader, p + 1, end, guess);
        if (i < 0 || seen[i / 64] >> i % 64 & 1) {
            return NULL;
        }
        const Column *column = &reader->column[i];
        seen[i / 64] |= (uint64_t)1 << i % 64;
        guess = i + 1;
        p = skip_white(p + 2 + column->name_length);
        if (*p != ':') {
            return NULL;
        }
        const char *begin = p = skip_white(p + 1);
        p = value_of(reader, i, p, end, features);
        if (!p) {
            return NULL;
        }
        if (column->asked >= 0) {
            spans[2 * column->asked] = begin - origin;
            spans[2 * column->asked + 1] = p - begin;
        }
        p = skip_white(p);
        if (*p == '}') {
            break;
        }
        if (*p != ',') {
            return NULL;
        }
        p = skip_white(p + 1);
    }
    for (int64_t i = 0; i < words; i++) {
        if (reader->must[i] & ~seen[i]) {
            return NULL;
        }
    }
    return p + 1;
}

typedef struct {
    int64_t rows, begin, length; /* of a body: its rows, -1 where it is not taken, and where their list stands */
} Found;

static int64_t list(
    const Reader *reader, const char *p, const char *end, const char *origin, int64_t most, float *features,
    int64_t *spans) {
    int64_t rows = 0;
    p = skip_white(p + 1);
    for (;;) {
        if (rows == most) {
            return -1;
        }
        p = row(reader, p, end, origin, features + rows * reader->head.width, spans + rows * reader->head.asked * 2);
        if (!p) {
            return -1;
        }
        rows++;
        p = skip_white(p);
        if (*p == ']') {
            return p + 1 == end ? rows : -1;
        }
        if (*p != ',') {
            return -1;
        }
        p = skip_white(p + 1);
    }
}

static const char ROWS[] = "{\"rows\":";

/* Read `count` bodies that stand one behind the other, each a list of rows or {"rows": such a list} and nothing else.
 *
 * What is taken: rows of features, shape (sum of rows, width), and where the values that were asked for stand, counted
 * from `bodies` on, shape (sum of rows, asked, 2), length 0 for what is not there. `room` is for how many rows there is
 * place; no body may have more than `max_rows`.
 */
PUBLIC int64_t daytwo_rows_read(
    const void *opened, const char *bodies, const int64_t *lengths, int64_t count, int64_t max_rows, int64_t room,
    float *features, int64_t *spans, Found *found) {
    const Reader *reader = opened;
    const int64_t head = sizeof(ROWS) - 1;
    int64_t rows = 0;
    const char *body = bodies;
    for (int64_t k = 0; k < count; k++) {
        const char *p = body, *end = body + lengths[k];
        int64_t read = -1;
        body = end;
        if (end - p > head && !memcmp(p, ROWS, (size_t)head) && end[-1] == '}') {
            p += head;
            while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) {
                p++;
            }
            end--;
        }
        if (end - p > 2 && *p == '[' && end[-1] == ']') {
            int64_t most = room - rows < max_rows ? room - rows : max_rows;
            read = list(reader, p, end, bodies, most, features + rows * reader->head.width,
                        spans + rows * reader->head.asked * 2);
        }
        found[k].rows = read;
        found[k].begin = p - bodies;
        found[k].length = end - p;
        rows += read > 0 ? read : 0;
    }
    return rows;
}
