// The interface of Wardroom in C++, over the generated bindings: who owns what is seen to here.
// What a hook is given is dropped when it goes out of scope, and an answer is handed over whole.
//
// A policy defines the hooks at the end of this file that its world exports.

#ifndef WARDROOM_HPP
#define WARDROOM_HPP

#include <cstdint>
#include <cstdlib>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "bindings/policy.h"

namespace wardroom {

// ---- Texts and other values

// Memory for so many of that type, with what `old` held. What cannot be had is a trap, and the
// server asks a fresh instance: WebAssembly can write at address 0, so that nobody would notice.
template <class T>
T *room(T *old, std::size_t count) {
  std::size_t bytes;
  if (__builtin_mul_overflow(count, sizeof(T), &bytes)) __builtin_trap();
  void *more = std::realloc(old, bytes ? bytes : 1);
  if (!more) __builtin_trap();
  return static_cast<T *>(more);
}

// A text in UTF-8 that grows as it is written, in memory that an answer can take along.
class Text {
 public:
  Text() = default;
  explicit Text(std::string_view text) { *this += text; }
  explicit Text(policy_string_t given) : string_(given), room_(given.len) {}
  Text(Text &&other) noexcept
      : string_(std::exchange(other.string_, {})), room_(std::exchange(other.room_, 0)) {}
  Text &operator=(Text &&other) noexcept {
    std::swap(string_, other.string_);
    std::swap(room_, other.room_);
    return *this;
  }
  ~Text() { policy_string_free(&string_); }

  Text &operator+=(std::string_view more);
  Text &operator+=(int number);

  operator std::string_view() const {
    return {reinterpret_cast<const char *>(string_.ptr), string_.len};
  }
  bool operator==(std::string_view other) const { return std::string_view(*this) == other; }

  // Gives it away, to be freed by who gets it.
  policy_string_t release() {
    room_ = 0;
    return std::exchange(string_, {});
  }

 private:
  policy_string_t string_ = {};
  std::size_t room_ = 0;
};

// A text of these parts: texts and whole numbers.
template <class... Parts>
Text text_of(const Parts &...parts) {
  Text text;
  ((text += parts), ...);
  return text;
}

// A value of the bindings that is freed with all that is in it.
template <class T, void (*Free)(T *)>
class Value {
 public:
  explicit Value(T value) : value_(value) {}
  Value(Value &&other) noexcept : value_(std::exchange(other.value_, {})) {}
  Value &operator=(Value &&other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Value() { Free(&value_); }

  // Gives it away, to be freed by who gets it.
  T release() { return std::exchange(value_, {}); }

 private:
  T value_;
};

// ---- The facts of a question

class Channel {
 public:
  explicit Channel(context_borrow_channel_t handle) : handle_(handle) {}
  context_borrow_channel_t handle() const { return handle_; }

  Text id() const;
  bool is_private() const;
  bool has_member(std::string_view user) const;
  std::uint32_t member_count() const;
  std::vector<Text> members() const;
  std::optional<Text> attribute(std::string_view name) const;
  Text attributes() const;

 private:
  context_borrow_channel_t handle_;
};

class Subject {
 public:
  explicit Subject(context_borrow_subject_t handle) : handle_(handle) {}
  context_borrow_subject_t handle() const { return handle_; }

  Text id() const;
  std::optional<Text> role() const;
  std::optional<Text> attribute(std::string_view name) const;
  Text attributes() const;
  bool is_member_of(const Channel &channel) const;

 private:
  context_borrow_subject_t handle_;
};

// What a hook is given for keeps, and gives back when it goes out of scope. What it is lent, without
// this around it, goes back by itself.
template <class View, class Own, auto Borrow, auto Drop>
class Given : public View {
 public:
  explicit Given(Own own) : View(Borrow(own)), own_(own) {}
  Given(Given &&other) noexcept : View(other), own_(std::exchange(other.own_, {})) {}
  Given &operator=(Given &&) = delete;
  ~Given() {
    if (own_.__handle) Drop(own_);
  }

 private:
  Own own_;
};
using OwnChannel =
    Given<Channel, context_own_channel_t, context_borrow_channel, context_channel_drop_own>;
using OwnSubject =
    Given<Subject, context_own_subject_t, context_borrow_subject, context_subject_drop_own>;

class Request {
 public:
  explicit Request(context_borrow_request_t handle) : handle_(handle) {}

  OwnSubject subject() const;
  Text claims() const;
  std::optional<Text> remote_address() const;
  bool is_reevaluation() const;

 private:
  context_borrow_request_t handle_;
};

class Command {
 public:
  explicit Command(context_borrow_command_t handle) : handle_(handle) {}

  Text name() const;
  Text arguments() const;
  OwnSubject subject() const;
  std::optional<OwnChannel> channel() const;

 private:
  context_borrow_command_t handle_;
};

class Event {
 public:
  explicit Event(context_borrow_event_t handle) : handle_(handle) {}

  Text name() const;
  Text payload() const;
  std::optional<OwnSubject> subject() const;
  std::optional<OwnChannel> channel() const;

 private:
  context_borrow_event_t handle_;
};

Text workspace();

// The time of the decision, in seconds since 1970.
std::uint64_t unix_time();

// Writes a line to the server's log; the levels are `LOG_LEVEL_…`.
void log(log_level_t level, std::string_view message);

// ---- Sets of people

using Test = Value<types_test_t, types_test_free>;
using Clause = Value<types_clause_t, types_clause_free>;
using Selector = Value<types_selector_t, types_selector_free>;

Test is_user(std::string_view id);
Test has_role(std::span<const Text> roles);
Test is_channel_member();
Test has_attribute(std::string_view name, std::string_view value);

// A list of what these values hold.
template <class List, class... Values>
List list_of(Values... values) {
  static_assert(sizeof...(values) > 0);
  List list = {};
  list.ptr = room(list.ptr, sizeof...(values));
  ((list.ptr[list.len++] = values.release()), ...);
  return list;
}

template <class... Tests>
Clause all_of(Tests... tests) {
  return Clause(types_clause_t{list_of<types_list_test_t>(std::move(tests)...), {}});
}

template <class... Tests>
Clause none_of(Tests... tests) {
  return Clause(types_clause_t{{}, list_of<types_list_test_t>(std::move(tests)...)});
}

inline Clause anybody() { return Clause(types_clause_t{}); }

template <class... Clauses>
Selector any_of(Clauses... clauses) {
  return Selector(types_selector_t{list_of<types_list_clause_t>(std::move(clauses)...)});
}

// ---- Answers

using Rule = Value<exports_visibility_rule_t, exports_visibility_rule_free>;
Rule everyone();
Rule nobody();
Rule only(Selector people);
Rule except(Selector people);
Rule each();

struct Denial {
  Text code;
  Text message;
};

using Rendition = Value<exports_events_rendition_t, exports_events_rendition_free>;
Rendition rendition(Selector to, Text payload);

using Rendering = Value<exports_events_rendering_t, exports_events_rendering_free>;
Rendering unchanged();
Rendering replaced(Text payload);
Rendering suppressed();

template <class... Renditions>
Rendering split(Renditions... renditions) {
  exports_events_rendering_t rendering = {.tag = EXPORTS_EVENTS_RENDERING_SPLIT, .val = {}};
  rendering.val.split = list_of<exports_events_list_rendition_t>(std::move(renditions)...);
  return Rendering(rendering);
}

}  // namespace wardroom

// ---- The hooks, to be defined by the policy. `wit/deps/wardroom-policy` says when each is asked.

namespace hooks {

// An error refuses the version; it should name the setting.
std::expected<void, wardroom::Text> configure(std::string_view settings);

// Nothing is a yes; an error keeps them out, or puts them out.
std::expected<void, wardroom::Denial> admit(const wardroom::Request &request);

wardroom::Rule audience(const wardroom::Channel &channel);

// An answer for each subject, in their order. There are as many answers as subjects.
void decide(const wardroom::Channel &channel, std::span<const wardroom::OwnSubject> subjects,
            std::span<bool> answers);

// A grant, a JSON object, may go with the allowance.
std::expected<std::optional<wardroom::Text>, wardroom::Denial> authorize(
    const wardroom::Command &command);

wardroom::Rendering render(const wardroom::Event &event);

}  // namespace hooks

#endif
