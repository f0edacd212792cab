// Memory that is there: what cannot be had is a trap, and the server asks a fresh instance.

#ifndef ROOM_H
#define ROOM_H

#include <stdlib.h>

// Room for so many of that size, with what `old` held; `old` may be NULL.
static inline void *room(void *old, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) __builtin_trap();
  void *more = realloc(old, bytes ? bytes : 1);
  // WebAssembly can write at address 0, so that nobody would notice.
  if (!more) __builtin_trap();
  return more;
}

#endif
