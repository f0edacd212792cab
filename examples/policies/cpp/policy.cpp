// House rules: who enters, who sees a regional channel, who gets contact data, and when a channel is
// open. `settings.hpp` says what the settings mean. Nothing is remembered between calls but them.

#include <algorithm>

#include "json.hpp"
#include "settings.hpp"
#include "wardroom.hpp"

using namespace wardroom;

static constinit Settings settings;

std::expected<void, Text> hooks::configure(std::string_view text) {
  auto parsed = Settings::parse(text);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  settings = std::move(*parsed);
  return {};
}

// ---- Who enters.

// Asked when somebody comes, and again when what is known of them changes.
std::expected<void, Denial> hooks::admit(const Request &request) {
  if (request.subject().attribute("suspended") != "true") return {};
  return std::unexpected(
      Denial{text_of("suspended"), text_of("You are suspended; ask an administrator.")});
}

// ---- Who sees a channel.

Rule hooks::audience(const Channel &channel) {
  // No selector compares numbers, so that the server has to ask `decide`.
  if (channel.attribute("level")) return each();
  auto region = channel.attribute("region");
  if (!region) return everyone();
  return only(any_of(all_of(has_attribute("region", *region)),
                     all_of(has_role(settings.all_regions_roles))));
}

// A number of up to nine digits and nothing else.
static std::optional<int> whole_number(std::string_view text) {
  auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
  if (text.empty() || text.size() > 9 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  int number = 0;
  for (char c : text) number = number * 10 + (c - '0');
  return number;
}

// Who has no level that makes sense has the lowest.
static int level_of(const Subject &subject) {
  return subject.attribute("level").and_then(whole_number).value_or(0);
}

static bool in_region(const Subject &subject, std::string_view region) {
  if (subject.attribute("region") == region) return true;
  auto role = subject.role();
  return role && contains(settings.all_regions_roles, *role);
}

void hooks::decide(const Channel &channel, std::span<const OwnSubject> subjects,
                   std::span<bool> answers) {
  auto level = channel.attribute("level");
  auto least = level ? whole_number(*level) : 0;
  auto region = channel.attribute("region");
  auto sees = [&](const Subject &subject) {
    return least && level_of(subject) >= *least && (!region || in_region(subject, *region));
  };
  std::ranges::transform(subjects, answers.begin(), sees);
}

// ---- What a command may do.

static Denial closed(const Hours &hours, const Channel &channel) {
  std::string_view zone = hours.utc_offset < 0 ? " (UTC" : " (UTC+";
  return {text_of("outside-working-hours"),
          text_of(channel.id(), " is open from ", hours.from, " to ", hours.to, zone,
                  hours.utc_offset, ")")};
}

static bool at_any_hour(const Subject &subject, const Channel &channel) {
  if (subject.is_member_of(channel)) return true;
  auto role = subject.role();
  return role && contains(settings.any_hour_roles, *role);
}

std::expected<std::optional<Text>, Denial> hooks::authorize(const Command &command) {
  if (command.name() != "select-channel") return std::nullopt;
  auto channel = command.channel();
  if (!channel) return std::nullopt;
  auto region = channel->attribute("region");
  const Hours *hours = region ? settings.hours_of(*region) : nullptr;
  if (!hours) return std::nullopt;
  if (hours->open_at(unix_time())) return text_of("{\"openUntil\":", hours->to, "}");
  if (at_any_hour(command.subject(), *channel)) return std::nullopt;
  return std::unexpected(closed(*hours, *channel));
}

// ---- How an event looks.

// Copies an object but for contact data. Says whether there was any.
static bool without_contact(json::Value object, Text &to) {
  auto members = object.object();
  if (!members) {
    to += object.text();
    return false;
  }
  bool found = false;
  std::string_view before = "";
  to += "{";
  while (auto member = members->next()) {
    if (member->key.is("email") || member->key.is("phone")) {
      found = true;
      continue;
    }
    to += std::exchange(before, ",");
    to += member->text;
  }
  to += "}";
  return found;
}

// A payload without the contact data of its user; nothing if there was none.
static std::optional<Text> redact(std::string_view payload) {
  auto members = json::Value(payload).object();
  if (!members) return std::nullopt;
  Text redacted("{");
  bool found = false;
  std::string_view before = "";
  while (auto member = members->next()) {
    redacted += std::exchange(before, ",");
    if (member->key.is("user")) {
      redacted += "\"user\":";
      found |= without_contact(member->value, redacted);
    } else {
      redacted += member->text;
    }
  }
  redacted += "}";
  if (!found) return std::nullopt;
  return redacted;
}

static Selector who_sees_contact(const Event &event) {
  auto subject = event.subject();
  auto others = none_of(has_role(settings.hidden_from));
  if (!subject) return any_of(std::move(others));
  // People see their own contact data whatever their role.
  return any_of(std::move(others), all_of(is_user(subject->id())));
}

Rendering hooks::render(const Event &event) {
  Text name = event.name();
  bool hides = name == "user-joined" || name == "user-updated";
  if (!hides || settings.hidden_from.empty()) return unchanged();
  Text payload = event.payload();
  auto redacted = redact(payload);
  if (!redacted) return unchanged();
  return split(rendition(who_sees_contact(event), std::move(payload)),
               rendition(any_of(anybody()), std::move(*redacted)));
}
