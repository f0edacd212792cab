// The settings of the policy: their form, their check, and what working hours mean.

#ifndef SETTINGS_H
#define SETTINGS_H

#include "bindings/policy.h"

// The working hours of a region, in its own time. They may go past midnight.
struct hours {
  policy_string_t region;
  int from;
  int to;
  int utc_offset;
};

struct settings {
  struct hours *regions;
  size_t regions_len;
  // Roles that see the channels of every region.
  types_list_role_t all_regions_roles;
  // Roles that may select a channel at any hour.
  types_list_role_t any_hour_roles;
  // Roles that do not get anybody's contact data but their own.
  types_list_role_t hidden_from;
};

// Reads the settings; if they are wrong, false and a text that names the setting.
bool settings_parse(policy_string_t text, struct settings *settings, policy_string_t *error);

// The working hours of a region, or NULL if it has none.
const struct hours *settings_hours(const struct settings *settings, policy_string_t region);

bool hours_open_at(const struct hours *hours, uint64_t seconds);

bool roles_have(types_list_role_t roles, policy_string_t role);

#endif
