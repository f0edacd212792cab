// Reading JSON where it lies: a value is a piece of the text, and nothing is copied but strings
// that are asked for. Knows nothing of policies.

#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

// A JSON value, or what is still to be read of an object or a list.
struct json {
  const char *at;
  const char *end;
};

// The value that a text holds.
struct json json_of(const char *text, size_t len);

// Opens an object or a list; false if the value is something else.
bool json_open_object(struct json value, struct json *members);
bool json_open_list(struct json value, struct json *items);

// Takes the next member or item; false at the end.
bool json_next_member(struct json *members, struct json *key, struct json *value);
bool json_next_item(struct json *items, struct json *value);

// Whether a value is this string, which needs no escapes.
bool json_is(struct json value, const char *string);

// A string without its escapes, to be freed; NULL if the value is none.
char *json_string(struct json value, size_t *len);

// A whole number that fits; false if the value is none.
bool json_whole_number(struct json value, int *number);

#endif
