// Reading JSON where it lies: a value is a piece of the text, and nothing is copied but strings
// that are asked for. The server has checked that it is JSON. Knows nothing of policies.

#ifndef JSON_HPP
#define JSON_HPP

#include <optional>
#include <string_view>

#include "wardroom.hpp"

namespace json {

class Items;
class Members;

class Value {
 public:
  Value() = default;
  explicit Value(std::string_view text);

  std::string_view text() const { return text_; }

  // What is in an object or a list, a string without its escapes, a whole number of up to nine
  // digits; nothing if the value is something else.
  std::optional<Members> object() const;
  std::optional<Items> list() const;
  std::optional<wardroom::Text> string() const;
  std::optional<int> whole_number() const;

  bool is(std::string_view string) const;

 private:
  std::optional<std::string_view> inside(char bracket) const;

  std::string_view text_;
};

struct Member {
  // As it is written: the name, the colon and the value.
  std::string_view text;
  Value key;
  Value value;
};

// What is still to be read of an object or of a list: `next` takes one, until there is none.
class Members {
 public:
  explicit Members(std::string_view rest) : rest_(rest) {}
  std::optional<Member> next();

 private:
  std::string_view rest_;
};

class Items {
 public:
  explicit Items(std::string_view rest) : rest_(rest) {}
  std::optional<Value> next();

 private:
  std::string_view rest_;
};

}  // namespace json

#endif
