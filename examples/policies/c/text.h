// A text that grows as it is written. What it holds may be given away as a string of the policy.

#ifndef TEXT_H
#define TEXT_H

#include "bindings/policy.h"

void text_add(policy_string_t *text, const char *more);
void text_add_n(policy_string_t *text, const void *more, size_t len);
void text_add_number(policy_string_t *text, int number);

policy_string_t text_copy(policy_string_t of);
policy_string_t text_of(const char *string);
bool text_is(policy_string_t text, const char *string);
bool text_same(policy_string_t a, policy_string_t b);

#endif
