#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

static void skip_space(struct json *json) {
  while (json->at < json->end && strchr(" \t\r\n", *json->at)) json->at++;
}

// Moves past one value. What stands in brackets is skipped by counting them.
static void skip_value(struct json *json) {
  int depth = 0;
  bool quoted = false;
  for (; json->at < json->end; json->at++) {
    char c = *json->at;
    if (quoted) {
      if (c == '\\' && json->at + 1 < json->end) json->at++;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return;
      depth--;
    } else if (depth == 0 && strchr(",: \t\r\n", c)) {
      return;
    }
  }
}

static struct json take_value(struct json *json) {
  skip_space(json);
  struct json value = {json->at, json->at};
  skip_value(json);
  value.end = json->at;
  skip_space(json);
  return value;
}

struct json json_of(const char *text, size_t len) {
  struct json whole = {text, text + len};
  return take_value(&whole);
}

static bool open(struct json value, char bracket, struct json *inside) {
  if (value.end - value.at < 2 || *value.at != bracket) return false;
  *inside = (struct json){value.at + 1, value.end - 1};
  skip_space(inside);
  return true;
}

bool json_open_object(struct json value, struct json *members) {
  return open(value, '{', members);
}

bool json_open_list(struct json value, struct json *items) { return open(value, '[', items); }

bool json_next_item(struct json *items, struct json *value) {
  if (items->at >= items->end) return false;
  *value = take_value(items);
  if (items->at < items->end) items->at++;  // the comma
  return true;
}

bool json_next_member(struct json *members, struct json *key, struct json *value) {
  if (members->at >= members->end) return false;
  *key = take_value(members);
  if (members->at < members->end) members->at++;  // the colon
  return json_next_item(members, value);
}

bool json_is(struct json value, const char *string) {
  size_t len;
  char *text = json_string(value, &len);
  bool same = text && len == strlen(string) && memcmp(text, string, len) == 0;
  free(text);
  return same;
}

static unsigned hex4(const char *at) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

static char *put_utf8(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
    return to;
  }
  int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
  *to++ = (char)(first[more] | c >> 6 * more);
  while (more-- > 0) *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
  return to;
}

// Reads what follows a backslash, and moves past it.
static char *put_escape(char *to, const char **from, const char *end) {
  char c = *(*from)++;
  if (c != 'u') {
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *name = strchr(names, c);
    *to = name ? values[name - names] : c;
    return to + 1;
  }
  if (end - *from < 4) return to;
  uint32_t unit = hex4(*from);
  *from += 4;
  bool high = 0xd800 <= unit && unit < 0xdc00;
  if (high && end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u') {
    unit = 0x10000 + ((unit - 0xd800) << 10) + (hex4(*from + 2) - 0xdc00);
    *from += 6;
  } else if (0xd800 <= unit && unit < 0xe000) {
    unit = 0xfffd;  // half a character
  }
  return put_utf8(to, unit);
}

char *json_string(struct json value, size_t *len) {
  if (value.end - value.at < 2 || *value.at != '"') return NULL;
  const char *from = value.at + 1, *end = value.end - 1;
  char *text = room(NULL, (size_t)(end - from) + 1, 1), *to = text;
  while (from < end) {
    if (*from == '\\' && from + 1 < end) {
      from++;
      to = put_escape(to, &from, end);
    } else {
      *to++ = *from++;
    }
  }
  *len = (size_t)(to - text);
  return text;
}

bool json_whole_number(struct json value, int *number) {
  bool negative = value.at < value.end && *value.at == '-';
  const char *at = value.at + negative;
  if (at == value.end || value.end - at > 9) return false;
  *number = 0;
  for (; at < value.end; at++) {
    if (*at < '0' || '9' < *at) return false;
    *number = *number * 10 + (*at - '0');
  }
  if (negative) *number = -*number;
  return true;
}
