/* buf.h - bytes we own, and views of bytes we borrow */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owns and grows; {0} is empty.  Once anything was added a zero byte follows
 * the data, not counted in len. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
};

/* Borrowed; whoever owns the bytes must outlive it. */
struct view {
    const char *data;
    size_t len;
};

/* Room for more bytes behind the data. */
void buf_reserve(struct buf *b, size_t more);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_addview(struct buf *b, struct view v);
void buf_addstr(struct buf *b, const char *s);
void buf_addbyte(struct buf *b, int byte);

/* Little-endian numbers, the form of every binary layout of the house. */
void buf_addu16(struct buf *b, uint16_t n);
void buf_addu32(struct buf *b, uint32_t n);
void buf_addu64(struct buf *b, uint64_t n);

/* n in decimal. */
void buf_addnumber(struct buf *b, uint64_t n);

/* Appends as printf does. */
void buf_print(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first len bytes (at most all). */
void buf_consume(struct buf *b, size_t len);

/* Empty, the memory kept. */
void buf_clear(struct buf *b);

/* Empty, the memory given back. */
void buf_free(struct buf *b);

/* The bytes of b; valid until b changes. */
struct view buf_view(const struct buf *b);

/* A string as a view; NULL is empty.  An empty view keeps its place: where an
 * empty line begins can be told. */
struct view view_of(const char *s);
struct view view_make(const void *data, size_t len);

bool view_equal(struct view a, struct view b);

/* ASCII letters compare alike. */
bool view_equalcase(struct view a, struct view b);
bool view_is(struct view a, const char *s);

/* From start (at most the length) to the end. */
struct view view_from(struct view v, size_t start);

/* The position of byte, or v.len where there is none; _last from behind. */
size_t view_find(struct view v, int byte);
size_t view_findlast(struct view v, int byte);

/* Without blanks and tabs at both ends. */
struct view view_trim(struct view v);

/* Takes the next line off v, without its LF; false at the end. */
bool view_line(struct view *v, struct view *line);

/* A decimal number of digits alone, at most max. */
bool view_number(struct view v, uint64_t max, uint64_t *n);

/* Little-endian numbers at p; the caller has checked the length. */
uint16_t get_u16(const void *p);
uint32_t get_u32(const void *p);
uint64_t get_u64(const void *p);
void put_u32(void *p, uint32_t n);
void put_u64(void *p, uint64_t n);

#endif
