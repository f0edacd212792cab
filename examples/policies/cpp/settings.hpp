// The settings of the policy: their form, their check, and what working hours mean.

#ifndef SETTINGS_HPP
#define SETTINGS_HPP

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "wardroom.hpp"

// Working hours in a region's own time. They may go past midnight.
struct Hours {
  int from;
  int to;
  int utc_offset;

  bool open_at(std::uint64_t unix_time) const;
};

struct Region {
  wardroom::Text name;
  Hours hours;
};

struct Settings {
  std::vector<Region> regions;
  // Roles that see the channels of every region.
  std::vector<wardroom::Text> all_regions_roles;
  // Roles that may select a channel at any hour.
  std::vector<wardroom::Text> any_hour_roles;
  // Roles that do not get anybody's contact data but their own.
  std::vector<wardroom::Text> hidden_from;

  // Reads the settings; if they are wrong, a text that names the setting.
  static std::expected<Settings, wardroom::Text> parse(std::string_view json);

  // The working hours of a region, or null if it has none.
  const Hours *hours_of(std::string_view region) const;
};

bool contains(std::span<const wardroom::Text> roles, std::string_view role);

#endif
