#include "wardroom.hpp"

#include <algorithm>
#include <cstring>
#include <new>

// ---- What the headers of the C++ library need of the library itself

void *operator new(std::size_t size) { return wardroom::room<char>(nullptr, size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

// Called where an exception would be thrown, as by a vector that gets too long.
[[noreturn]] void std::__libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }

namespace wardroom {

// ---- Texts

Text &Text::operator+=(std::string_view more) {
  if (more.empty()) return *this;
  std::size_t length = string_.len + more.size();
  if (length > room_) {
    // An empty text from the server has an address, but no memory.
    std::uint8_t *old = room_ ? string_.ptr : nullptr;
    room_ = std::max(length, 2 * room_);
    string_.ptr = room(old, room_);
  }
  std::memcpy(string_.ptr + string_.len, more.data(), more.size());
  string_.len = length;
  return *this;
}

Text &Text::operator+=(int number) {
  char digits[12];
  char *end = digits + sizeof digits, *at = end;
  unsigned rest = number < 0 ? 0u - static_cast<unsigned>(number) : static_cast<unsigned>(number);
  do *--at = static_cast<char>('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) *--at = '-';
  return *this += std::string_view(at, static_cast<std::size_t>(end - at));
}

// A text that is lent to the bindings for a call; they do not write to it.
static policy_string_t lent(std::string_view text) {
  auto *at = reinterpret_cast<const std::uint8_t *>(text.data());
  return {const_cast<std::uint8_t *>(at), text.size()};
}

// ---- Facts

// What a getter returns through a pointer.
template <auto Get, class... Arguments>
static Text text_from(Arguments... arguments) {
  policy_string_t text;
  Get(arguments..., &text);
  return Text(text);
}

template <auto Get, class... Arguments>
static std::optional<Text> text_if_any(Arguments... arguments) {
  policy_string_t text;
  if (!Get(arguments..., &text)) return std::nullopt;
  return Text(text);
}

template <auto Get, class Given, class Own, class Handle>
static std::optional<Given> given_if_any(Handle handle) {
  Own own;
  if (!Get(handle, &own)) return std::nullopt;
  return Given(own);
}

Text Channel::id() const { return text_from<context_method_channel_id>(handle_); }
bool Channel::is_private() const { return context_method_channel_is_private(handle_); }
bool Channel::has_member(std::string_view user) const {
  policy_string_t id = lent(user);
  return context_method_channel_has_member(handle_, &id);
}
std::uint32_t Channel::member_count() const {
  return context_method_channel_member_count(handle_);
}
std::vector<Text> Channel::members() const {
  context_list_user_id_t list;
  context_method_channel_members(handle_, &list);
  std::vector<Text> members;
  members.reserve(list.len);
  for (policy_string_t id : std::span(list.ptr, list.len)) members.emplace_back(id);
  if (list.len) std::free(list.ptr);
  return members;
}
std::optional<Text> Channel::attribute(std::string_view name) const {
  policy_string_t key = lent(name);
  return text_if_any<context_method_channel_attribute>(handle_, &key);
}
Text Channel::attributes() const {
  return text_from<context_method_channel_attributes>(handle_);
}

Text Subject::id() const { return text_from<context_method_subject_id>(handle_); }
std::optional<Text> Subject::role() const {
  return text_if_any<context_method_subject_role>(handle_);
}
std::optional<Text> Subject::attribute(std::string_view name) const {
  policy_string_t key = lent(name);
  return text_if_any<context_method_subject_attribute>(handle_, &key);
}
Text Subject::attributes() const {
  return text_from<context_method_subject_attributes>(handle_);
}
bool Subject::is_member_of(const Channel &channel) const {
  return context_method_subject_is_member_of(handle_, channel.handle());
}

OwnSubject Request::subject() const {
  return OwnSubject(context_method_request_subject(handle_));
}
Text Request::claims() const { return text_from<context_method_request_claims>(handle_); }
std::optional<Text> Request::remote_address() const {
  return text_if_any<context_method_request_remote_address>(handle_);
}
bool Request::is_reevaluation() const { return context_method_request_is_reevaluation(handle_); }

Text Command::name() const { return text_from<context_method_command_name>(handle_); }
Text Command::arguments() const { return text_from<context_method_command_arguments>(handle_); }
OwnSubject Command::subject() const {
  return OwnSubject(context_method_command_subject(handle_));
}
std::optional<OwnChannel> Command::channel() const {
  return given_if_any<context_method_command_channel, OwnChannel, context_own_channel_t>(handle_);
}

Text Event::name() const { return text_from<context_method_event_name>(handle_); }
Text Event::payload() const { return text_from<context_method_event_payload>(handle_); }
std::optional<OwnSubject> Event::subject() const {
  return given_if_any<context_method_event_subject, OwnSubject, context_own_subject_t>(handle_);
}
std::optional<OwnChannel> Event::channel() const {
  return given_if_any<context_method_event_channel, OwnChannel, context_own_channel_t>(handle_);
}

Text workspace() { return text_from<context_workspace>(); }

std::uint64_t unix_time() {
  clock_datetime_t now;
  clock_now(&now);
  return now.seconds;
}

void log(log_level_t level, std::string_view message) {
  policy_string_t line = lent(message);
  log_write(level, &line);
}

// ---- Sets of people, and answers

static policy_string_t copy_of(std::string_view text) { return Text(text).release(); }

Test is_user(std::string_view id) {
  types_test_t test = {.tag = TYPES_TEST_USERS, .val = {}};
  test.val.users = {room<policy_string_t>(nullptr, 1), 1};
  test.val.users.ptr[0] = copy_of(id);
  return Test(test);
}

Test has_role(std::span<const Text> roles) {
  types_test_t test = {.tag = TYPES_TEST_ROLES, .val = {}};
  test.val.roles = {};
  if (roles.empty()) return Test(test);
  test.val.roles = {room<policy_string_t>(nullptr, roles.size()), roles.size()};
  std::transform(roles.begin(), roles.end(), test.val.roles.ptr, copy_of);
  return Test(test);
}

Test is_channel_member() { return Test({.tag = TYPES_TEST_CHANNEL_MEMBER, .val = {}}); }

Test has_attribute(std::string_view name, std::string_view value) {
  types_test_t test = {.tag = TYPES_TEST_ATTRIBUTE, .val = {}};
  test.val.attribute = {copy_of(name), copy_of(value)};
  return Test(test);
}

static Rule rule_of(std::uint8_t tag) { return Rule({.tag = tag, .val = {}}); }
Rule everyone() { return rule_of(EXPORTS_VISIBILITY_RULE_EVERYONE); }
Rule nobody() { return rule_of(EXPORTS_VISIBILITY_RULE_NOBODY); }
Rule each() { return rule_of(EXPORTS_VISIBILITY_RULE_EACH); }
Rule only(Selector people) {
  return Rule({.tag = EXPORTS_VISIBILITY_RULE_ONLY, .val = {.only = people.release()}});
}
Rule except(Selector people) {
  return Rule({.tag = EXPORTS_VISIBILITY_RULE_EXCEPT, .val = {.except = people.release()}});
}

Rendition rendition(Selector to, Text payload) {
  return Rendition(exports_events_rendition_t{to.release(), payload.release()});
}
Rendering unchanged() {
  return Rendering({.tag = EXPORTS_EVENTS_RENDERING_UNCHANGED, .val = {}});
}
Rendering suppressed() {
  return Rendering({.tag = EXPORTS_EVENTS_RENDERING_SUPPRESSED, .val = {}});
}
Rendering replaced(Text payload) {
  return Rendering(
      {.tag = EXPORTS_EVENTS_RENDERING_REPLACED, .val = {.replaced = payload.release()}});
}

}  // namespace wardroom

// ---- What the bindings call. The answers are freed by them once the server has read them.

using namespace wardroom;

static types_denial_t raw(Denial &why) { return {why.code.release(), why.message.release()}; }

bool exports_lifecycle_configure(policy_string_t *settings, policy_string_t *error) {
  auto configured = hooks::configure(Text(*settings));
  if (!configured) *error = configured.error().release();
  return configured.has_value();
}

bool exports_admission_admit(context_borrow_request_t request, types_denial_t *denial) {
  auto admitted = hooks::admit(Request(request));
  if (!admitted) *denial = raw(admitted.error());
  return admitted.has_value();
}

void exports_visibility_audience(context_borrow_channel_t channel,
                                 exports_visibility_rule_t *rule) {
  *rule = hooks::audience(Channel(channel)).release();
}

void exports_visibility_decide(context_borrow_channel_t channel,
                               exports_visibility_list_own_subject_t *list,
                               policy_list_bool_t *answers) {
  std::vector<OwnSubject> subjects;
  subjects.reserve(list->len);
  for (context_own_subject_t own : std::span(list->ptr, list->len)) subjects.emplace_back(own);
  if (list->len) std::free(list->ptr);
  *answers = {};
  if (subjects.empty()) return;
  *answers = {room<bool>(nullptr, subjects.size()), subjects.size()};
  std::fill_n(answers->ptr, answers->len, false);
  hooks::decide(Channel(channel), subjects, std::span(answers->ptr, answers->len));
}

bool exports_commands_authorize(context_borrow_command_t command,
                                exports_commands_option_json_t *grant, types_denial_t *denial) {
  auto allowed = hooks::authorize(Command(command));
  if (!allowed) {
    *denial = raw(allowed.error());
    return false;
  }
  *grant = {};
  if (*allowed) *grant = {true, (*allowed)->release()};
  return true;
}

void exports_events_render(context_borrow_event_t event, exports_events_rendering_t *rendering) {
  *rendering = hooks::render(Event(event)).release();
}
