#include "settings.hpp"

#include <algorithm>

#include "json.hpp"

using wardroom::Text;
using wardroom::text_of;

template <class T>
using Result = std::expected<T, Text>;

template <class... Parts>
static std::unexpected<Text> refused(const Parts &...parts) {
  return std::unexpected(text_of(parts...));
}

static Result<std::vector<Text>> read_roles(std::string_view name, json::Value value) {
  auto items = value.list();
  if (!items) return refused(name, ": must be a list of roles");
  std::vector<Text> roles;
  while (auto item = items->next()) {
    auto role = item->string();
    if (!role || *role == "") return refused(name, ": must be a list of roles");
    roles.push_back(std::move(*role));
  }
  return roles;
}

static Result<int> read_number(std::string_view region, std::string_view key, json::Value value,
                               int least, int most) {
  auto number = value.whole_number();
  if (number && least <= *number && *number <= most) return *number;
  return refused(region, ".", key, ": must be a whole number from ", least, " to ", most);
}

static Result<Hours> read_hours(std::string_view region, json::Value value) {
  auto members = value.object();
  if (!members) return refused(region, ": must be an object");
  json::Value from, to, offset("0");
  while (auto member = members->next()) {
    if (member->key.is("from")) {
      from = member->value;
    } else if (member->key.is("to")) {
      to = member->value;
    } else if (member->key.is("utc_offset")) {
      offset = member->value;
    } else {
      return refused(region, ".", *member->key.string(),
                     ": unknown; there are from, to, utc_offset");
    }
  }
  auto first = read_number(region, "from", from, 0, 23);
  if (!first) return std::unexpected(std::move(first.error()));
  auto last = read_number(region, "to", to, 1, 24);
  if (!last) return std::unexpected(std::move(last.error()));
  auto ahead = read_number(region, "utc_offset", offset, -12, 14);
  if (!ahead) return std::unexpected(std::move(ahead.error()));
  if (*first == *last) return refused(region, ": from and to must differ");
  return Hours{*first, *last, *ahead};
}

static Result<std::vector<Region>> read_regions(json::Value value) {
  auto members = value.object();
  if (!members) return refused("regions: must be an object from a region to its working hours");
  std::vector<Region> regions;
  while (auto member = members->next()) {
    Text name = *member->key.string();
    auto hours = read_hours(text_of("regions.", name), member->value);
    if (!hours) return std::unexpected(std::move(hours.error()));
    regions.push_back({std::move(name), *hours});
  }
  return regions;
}

// Puts what was read in its place; says whether it was good.
template <class T>
static bool take(Result<T> read, T &place, Text &error) {
  if (read) {
    place = std::move(*read);
  } else {
    error = std::move(read.error());
  }
  return read.has_value();
}

Result<Settings> Settings::parse(std::string_view json) {
  auto members = json::Value(json).object();
  if (!members) return refused("settings: must be an object");
  Settings settings;
  struct {
    std::string_view name;
    std::vector<Text> &roles;
  } const lists[] = {
      {"all_regions_roles", settings.all_regions_roles},
      {"any_hour_roles", settings.any_hour_roles},
      {"hidden_from", settings.hidden_from},
  };
  while (auto member = members->next()) {
    auto is_it = [&](auto &list) { return member->key.is(list.name); };
    auto list = std::ranges::find_if(lists, is_it);
    Text error;
    bool good;
    if (list != std::end(lists)) {
      good = take(read_roles(list->name, member->value), list->roles, error);
    } else if (member->key.is("regions")) {
      good = take(read_regions(member->value), settings.regions, error);
    } else {
      return refused("settings.", *member->key.string(),
                     ": unknown; there are regions, all_regions_roles, any_hour_roles, "
                     "hidden_from");
    }
    if (!good) return std::unexpected(std::move(error));
  }
  return settings;
}

const Hours *Settings::hours_of(std::string_view region) const {
  auto found = std::ranges::find_if(regions, [&](auto &it) { return it.name == region; });
  return found == regions.end() ? nullptr : &found->hours;
}

bool Hours::open_at(std::uint64_t unix_time) const {
  auto ahead = static_cast<std::uint64_t>(24 + utc_offset);
  int hour = static_cast<int>((unix_time / 3600 + ahead) % 24);
  if (from < to) return from <= hour && hour < to;
  return from <= hour || hour < to;
}

bool contains(std::span<const Text> roles, std::string_view role) {
  return std::ranges::any_of(roles, [&](const Text &it) { return it == role; });
}
