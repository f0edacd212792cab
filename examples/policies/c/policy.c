// House rules: who enters, who sees a regional channel, who gets contact data, and when a channel is
// open. `settings.h` says what the settings mean. Nothing is remembered between calls but them.
//
// Who owns what: the answers are freed by the bindings once the server has read them, so all that
// they hold is copied into them; what a getter returns is freed here, and so is what is dropped.

#include <stdlib.h>
#include <string.h>

#include "bindings/policy.h"
#include "json.h"
#include "room.h"
#include "settings.h"
#include "text.h"

static struct settings settings;

bool exports_lifecycle_configure(policy_string_t *text, policy_string_t *error) {
  *error = (policy_string_t){0};
  bool good = settings_parse(*text, &settings, error);
  policy_string_free(text);
  return good;
}

static bool subject_attribute(context_borrow_subject_t subject, const char *name,
                              policy_string_t *value) {
  policy_string_t key = {(uint8_t *)name, strlen(name)};
  return context_method_subject_attribute(subject, &key, value);
}

// ---- Who enters.

// Asked when somebody comes, and again when what is known of them changes.
bool exports_admission_admit(context_borrow_request_t request, types_denial_t *denial) {
  context_own_subject_t subject = context_method_request_subject(request);
  policy_string_t value;
  bool suspended = false;
  if (subject_attribute(context_borrow_subject(subject), "suspended", &value)) {
    suspended = text_is(value, "true");
    policy_string_free(&value);
  }
  context_subject_drop_own(subject);
  if (!suspended) return true;
  denial->code = text_of("suspended");
  denial->message = text_of("You are suspended; ask an administrator.");
  return false;
}

// ---- Selectors. Each of these takes what it is given.

static types_clause_t all_of(types_test_t test) {
  types_clause_t clause = {0};
  clause.all.ptr = room(NULL, 1, sizeof test);
  clause.all.ptr[0] = test;
  clause.all.len = 1;
  return clause;
}

static types_clause_t none_of(types_test_t test) {
  types_clause_t all = all_of(test);
  return (types_clause_t){.none = all.all};
}

static types_selector_t any_of(const types_clause_t *clauses, size_t len) {
  types_selector_t selector = {0};
  selector.any.ptr = room(NULL, len, sizeof *clauses);
  memcpy(selector.any.ptr, clauses, len * sizeof *clauses);
  selector.any.len = len;
  return selector;
}

static types_test_t has_role(types_list_role_t roles) {
  types_test_t test = {.tag = TYPES_TEST_ROLES};
  if (roles.len == 0) return test;
  test.val.roles.ptr = room(NULL, roles.len, sizeof *roles.ptr);
  test.val.roles.len = roles.len;
  for (size_t i = 0; i < roles.len; i++) test.val.roles.ptr[i] = text_copy(roles.ptr[i]);
  return test;
}

static types_test_t has_attribute(const char *name, policy_string_t value) {
  types_test_t test = {.tag = TYPES_TEST_ATTRIBUTE};
  test.val.attribute.f0 = text_of(name);
  test.val.attribute.f1 = value;
  return test;
}

static types_test_t is_user(policy_string_t id) {
  types_test_t test = {.tag = TYPES_TEST_USERS};
  test.val.users.ptr = room(NULL, 1, sizeof id);
  test.val.users.ptr[0] = id;
  test.val.users.len = 1;
  return test;
}

// ---- Who sees a channel.

// Higher than any level, so that nobody has it.
#define NO_LEVEL 1000000000

// A number of up to nine digits and nothing else; what else it may be is given.
static int whole_number(policy_string_t text, int otherwise) {
  int number = 0;
  if (text.len == 0 || text.len > 9) return otherwise;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || '9' < text.ptr[i]) return otherwise;
    number = number * 10 + (text.ptr[i] - '0');
  }
  return number;
}

static bool channel_attribute(context_borrow_channel_t channel, const char *name,
                              policy_string_t *value) {
  policy_string_t key = {(uint8_t *)name, strlen(name)};
  return context_method_channel_attribute(channel, &key, value);
}

void exports_visibility_audience(context_borrow_channel_t channel,
                                 exports_visibility_rule_t *rule) {
  policy_string_t level, region;
  if (channel_attribute(channel, "level", &level)) {
    policy_string_free(&level);
    // No selector compares numbers, so that the server has to ask `decide`.
    rule->tag = EXPORTS_VISIBILITY_RULE_EACH;
    return;
  }
  rule->tag = EXPORTS_VISIBILITY_RULE_EVERYONE;
  if (!channel_attribute(channel, "region", &region)) return;
  types_clause_t clauses[] = {
      all_of(has_attribute("region", region)),
      all_of(has_role(settings.all_regions_roles)),
  };
  rule->tag = EXPORTS_VISIBILITY_RULE_ONLY;
  rule->val.only = any_of(clauses, 2);
}

// Who has no level that makes sense has the lowest.
static int level_of(context_borrow_subject_t subject) {
  policy_string_t text;
  if (!subject_attribute(subject, "level", &text)) return 0;
  int level = whole_number(text, 0);
  policy_string_free(&text);
  return level;
}

static bool in_region(context_borrow_subject_t subject, policy_string_t region) {
  policy_string_t own, role;
  bool is_in = false;
  if (subject_attribute(subject, "region", &own)) {
    is_in = text_same(own, region);
    policy_string_free(&own);
  }
  if (!is_in && context_method_subject_role(subject, &role)) {
    is_in = roles_have(settings.all_regions_roles, role);
    policy_string_free(&role);
  }
  return is_in;
}

void exports_visibility_decide(context_borrow_channel_t channel,
                               exports_visibility_list_own_subject_t *subjects,
                               policy_list_bool_t *answers) {
  policy_string_t level, region = {0};
  int least = 0;
  if (channel_attribute(channel, "level", &level)) {
    least = whole_number(level, NO_LEVEL);
    policy_string_free(&level);
  }
  bool regional = channel_attribute(channel, "region", &region);
  answers->ptr = room(NULL, subjects->len, sizeof *answers->ptr);
  answers->len = subjects->len;
  for (size_t i = 0; i < subjects->len; i++) {
    context_borrow_subject_t subject = context_borrow_subject(subjects->ptr[i]);
    bool high_enough = level_of(subject) >= least;
    answers->ptr[i] = high_enough && (!regional || in_region(subject, region));
    // Freeing the list does not give back what is in it.
    context_subject_drop_own(subjects->ptr[i]);
  }
  if (subjects->len) free(subjects->ptr);
  if (regional) policy_string_free(&region);
}

// ---- What a command may do.

static types_denial_t closed(const struct hours *hours, context_borrow_channel_t channel) {
  types_denial_t denial = {.code = text_of("outside-working-hours")};
  context_method_channel_id(channel, &denial.message);
  text_add(&denial.message, " is open from ");
  text_add_number(&denial.message, hours->from);
  text_add(&denial.message, " to ");
  text_add_number(&denial.message, hours->to);
  text_add(&denial.message, hours->utc_offset < 0 ? " (UTC" : " (UTC+");
  text_add_number(&denial.message, hours->utc_offset);
  text_add(&denial.message, ")");
  return denial;
}

static bool at_any_hour(context_borrow_subject_t subject, context_borrow_channel_t channel) {
  if (context_method_subject_is_member_of(subject, channel)) return true;
  policy_string_t role;
  if (!context_method_subject_role(subject, &role)) return false;
  bool excepted = roles_have(settings.any_hour_roles, role);
  policy_string_free(&role);
  return excepted;
}

bool exports_commands_authorize(context_borrow_command_t command,
                                exports_commands_option_json_t *grant, types_denial_t *denial) {
  *grant = (exports_commands_option_json_t){0};
  policy_string_t name, region;
  context_method_command_name(command, &name);
  bool selects = text_is(name, "select-channel");
  policy_string_free(&name);
  context_own_channel_t owned;
  if (!selects || !context_method_command_channel(command, &owned)) return true;

  context_borrow_channel_t channel = context_borrow_channel(owned);
  const struct hours *hours = NULL;
  if (channel_attribute(channel, "region", &region)) {
    hours = settings_hours(&settings, region);
    policy_string_free(&region);
  }
  bool allowed = true;
  if (hours) {
    clock_datetime_t now;
    clock_now(&now);
    context_own_subject_t subject = context_method_command_subject(command);
    if (hours_open_at(hours, now.seconds)) {
      grant->is_some = true;
      text_add(&grant->val, "{\"openUntil\":");
      text_add_number(&grant->val, hours->to);
      text_add(&grant->val, "}");
    } else if (!at_any_hour(context_borrow_subject(subject), channel)) {
      allowed = false;
      *denial = closed(hours, channel);
    }
    context_subject_drop_own(subject);
  }
  context_channel_drop_own(owned);
  return allowed;
}

// ---- How an event looks.

// Copies an object but for contact data. Says whether there was any.
static bool without_contact(struct json object, policy_string_t *to) {
  struct json members, key, value;
  bool found = false;
  const char *before = "{";
  if (!json_open_object(object, &members)) {
    text_add_n(to, object.at, (size_t)(object.end - object.at));
    return false;
  }
  while (json_next_member(&members, &key, &value)) {
    if (json_is(key, "email") || json_is(key, "phone")) {
      found = true;
      continue;
    }
    text_add(to, before);
    text_add_n(to, key.at, (size_t)(value.end - key.at));
    before = ",";
  }
  text_add(to, *before == '{' ? "{}" : "}");
  return found;
}

// Copies a payload but for the contact data of its user. Says whether there was any.
static bool redact(policy_string_t payload, policy_string_t *redacted) {
  struct json members, key, value;
  bool found = false;
  const char *before = "{";
  if (!json_open_object(json_of((char *)payload.ptr, payload.len), &members)) return false;
  while (json_next_member(&members, &key, &value)) {
    text_add(redacted, before);
    before = ",";
    if (json_is(key, "user")) {
      text_add(redacted, "\"user\":");
      found = without_contact(value, redacted) || found;
    } else {
      text_add_n(redacted, key.at, (size_t)(value.end - key.at));
    }
  }
  text_add(redacted, "}");
  return found;
}

static types_selector_t who_sees_contact(context_borrow_event_t event) {
  types_clause_t clauses[2] = {none_of(has_role(settings.hidden_from))};
  context_own_subject_t subject;
  // People see their own contact data whatever their role.
  if (!context_method_event_subject(event, &subject)) return any_of(clauses, 1);
  policy_string_t id;
  context_method_subject_id(context_borrow_subject(subject), &id);
  context_subject_drop_own(subject);
  clauses[1] = all_of(is_user(id));
  return any_of(clauses, 2);
}

void exports_events_render(context_borrow_event_t event, exports_events_rendering_t *rendering) {
  rendering->tag = EXPORTS_EVENTS_RENDERING_UNCHANGED;
  policy_string_t name, payload, redacted = {0};
  context_method_event_name(event, &name);
  bool hides = text_is(name, "user-joined") || text_is(name, "user-updated");
  policy_string_free(&name);
  if (!hides || settings.hidden_from.len == 0) return;

  context_method_event_payload(event, &payload);
  if (!redact(payload, &redacted)) {
    policy_string_free(&payload);
    policy_string_free(&redacted);
    return;
  }
  types_clause_t anybody = {0};
  exports_events_rendition_t *forms = room(NULL, 2, sizeof *forms);
  forms[0] = (exports_events_rendition_t){who_sees_contact(event), payload};
  forms[1] = (exports_events_rendition_t){any_of(&anybody, 1), redacted};
  rendering->tag = EXPORTS_EVENTS_RENDERING_SPLIT;
  rendering->val.split.ptr = forms;
  rendering->val.split.len = 2;
}
