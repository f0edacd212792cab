#include "settings.h"

#include <stdlib.h>

#include "json.h"
#include "room.h"
#include "text.h"

static bool refuse(policy_string_t *error, policy_string_t name, const char *why) {
  text_add_n(error, name.ptr, name.len);
  text_add(error, ": ");
  text_add(error, why);
  return false;
}

// The name of a setting inside another one; to be freed.
static policy_string_t inside(const char *outer, policy_string_t inner) {
  policy_string_t name = text_of(outer);
  text_add(&name, ".");
  text_add_n(&name, inner.ptr, inner.len);
  return name;
}

static policy_string_t string_of(struct json json) {
  size_t len = 0;
  char *text = json_string(json, &len);
  return (policy_string_t){(uint8_t *)text, len};
}

static bool read_roles(struct json value, const char *key, types_list_role_t *roles,
                       policy_string_t *error) {
  policy_string_t name = {(uint8_t *)key, __builtin_strlen(key)};
  struct json items, item;
  if (!json_open_list(value, &items)) return refuse(error, name, "must be a list of roles");
  while (json_next_item(&items, &item)) {
    policy_string_t role = string_of(item);
    if (role.len == 0) return refuse(error, name, "must be a list of roles");
    roles->ptr = room(roles->ptr, roles->len + 1, sizeof *roles->ptr);
    roles->ptr[roles->len++] = role;
  }
  return true;
}

static bool read_number(policy_string_t region, const char *key, struct json value, int least,
                        int most, int *number, policy_string_t *error) {
  if (value.at && json_whole_number(value, number) && least <= *number && *number <= most) {
    return true;
  }
  text_add_n(error, region.ptr, region.len);
  text_add(error, ".");
  text_add(error, key);
  text_add(error, ": must be a whole number from ");
  text_add_number(error, least);
  text_add(error, " to ");
  text_add_number(error, most);
  return false;
}

static bool read_hours(struct json value, policy_string_t name, struct hours *hours,
                       policy_string_t *error) {
  struct json members, key, member, from = {0}, to = {0}, offset = json_of("0", 1);
  if (!json_open_object(value, &members)) return refuse(error, name, "must be an object");
  while (json_next_member(&members, &key, &member)) {
    if (json_is(key, "from")) {
      from = member;
    } else if (json_is(key, "to")) {
      to = member;
    } else if (json_is(key, "utc_offset")) {
      offset = member;
    } else {
      text_add_n(error, name.ptr, name.len);
      text_add(error, ".");
      text_add_n(error, key.at + 1, (size_t)(key.end - key.at) - 2);
      text_add(error, ": unknown; there are from, to, utc_offset");
      return false;
    }
  }
  bool good = read_number(name, "from", from, 0, 23, &hours->from, error) &&
              read_number(name, "to", to, 1, 24, &hours->to, error) &&
              read_number(name, "utc_offset", offset, -12, 14, &hours->utc_offset, error);
  if (!good) return false;
  return hours->from != hours->to || refuse(error, name, "from and to must differ");
}

static bool read_regions(struct json value, struct settings *settings, policy_string_t *error) {
  policy_string_t name = {(uint8_t *)"regions", 7};
  struct json members, key, member;
  if (!json_open_object(value, &members)) {
    return refuse(error, name, "must be an object from a region to its working hours");
  }
  while (json_next_member(&members, &key, &member)) {
    struct hours hours = {.region = string_of(key)};
    policy_string_t name = inside("regions", hours.region);
    bool good = read_hours(member, name, &hours, error);
    policy_string_free(&name);
    if (!good) return false;
    settings->regions = room(settings->regions, settings->regions_len + 1, sizeof hours);
    settings->regions[settings->regions_len++] = hours;
  }
  return true;
}

bool settings_parse(policy_string_t text, struct settings *settings, policy_string_t *error) {
  struct json members, key, value;
  *settings = (struct settings){0};
  if (!json_open_object(json_of((char *)text.ptr, text.len), &members)) {
    text_add(error, "settings: must be an object");
    return false;
  }
  while (json_next_member(&members, &key, &value)) {
    bool good;
    if (json_is(key, "regions")) {
      good = read_regions(value, settings, error);
    } else if (json_is(key, "all_regions_roles")) {
      good = read_roles(value, "all_regions_roles", &settings->all_regions_roles, error);
    } else if (json_is(key, "any_hour_roles")) {
      good = read_roles(value, "any_hour_roles", &settings->any_hour_roles, error);
    } else if (json_is(key, "hidden_from")) {
      good = read_roles(value, "hidden_from", &settings->hidden_from, error);
    } else {
      policy_string_t unknown = string_of(key), name = inside("settings", unknown);
      good = refuse(error, name,
                    "unknown; there are regions, all_regions_roles, any_hour_roles, hidden_from");
      policy_string_free(&unknown);
      policy_string_free(&name);
    }
    if (!good) return false;
  }
  return true;
}

const struct hours *settings_hours(const struct settings *settings, policy_string_t region) {
  for (size_t i = 0; i < settings->regions_len; i++) {
    if (text_same(settings->regions[i].region, region)) return &settings->regions[i];
  }
  return NULL;
}

bool hours_open_at(const struct hours *hours, uint64_t seconds) {
  int hour = (int)((seconds / 3600 + 24 + (uint64_t)hours->utc_offset) % 24);
  if (hours->from < hours->to) return hours->from <= hour && hour < hours->to;
  return hours->from <= hour || hour < hours->to;
}

bool roles_have(types_list_role_t roles, policy_string_t role) {
  for (size_t i = 0; i < roles.len; i++) {
    if (text_same(roles.ptr[i], role)) return true;
  }
  return false;
}
