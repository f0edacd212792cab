#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"

void text_add_n(policy_string_t *text, const void *more, size_t len) {
  if (len == 0) return;
  text->ptr = room(text->ptr, text->len + len, 1);
  memcpy(text->ptr + text->len, more, len);
  text->len += len;
}

void text_add(policy_string_t *text, const char *more) { text_add_n(text, more, strlen(more)); }

void text_add_number(policy_string_t *text, int number) {
  char digits[12];
  size_t at = sizeof digits;
  unsigned rest = number < 0 ? 0u - (unsigned)number : (unsigned)number;
  do digits[--at] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) digits[--at] = '-';
  text_add_n(text, digits + at, sizeof digits - at);
}

policy_string_t text_copy(policy_string_t of) {
  policy_string_t copy = {0};
  text_add_n(&copy, of.ptr, of.len);
  return copy;
}

policy_string_t text_of(const char *string) {
  policy_string_t copy = {0};
  text_add(&copy, string);
  return copy;
}

bool text_is(policy_string_t text, const char *string) {
  return text.len == strlen(string) && memcmp(text.ptr, string, text.len) == 0;
}

bool text_same(policy_string_t a, policy_string_t b) {
  return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}
