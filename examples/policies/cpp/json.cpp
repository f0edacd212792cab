#include "json.hpp"

#include <cstdint>

using wardroom::Text;

namespace json {

static constexpr std::string_view SPACE = " \t\r\n";

static void skip_space(std::string_view &rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(SPACE), rest.size()));
}

// How long a value is. What stands in brackets is skipped by counting them.
static std::size_t length_of_value(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); at++) {
    char c = text[at];
    if (quoted) {
      if (c == '\\') at++;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      depth--;
    } else if (depth == 0 && (c == ',' || c == ':' || SPACE.contains(c))) {
      return at;
    }
  }
  return text.size();
}

// Takes a value, and the comma or colon behind it.
static Value take(std::string_view &rest) {
  skip_space(rest);
  Value value(rest);
  rest.remove_prefix(value.text().size());
  skip_space(rest);
  if (!rest.empty()) rest.remove_prefix(1);
  return value;
}

Value::Value(std::string_view text) {
  skip_space(text);
  text_ = text.substr(0, length_of_value(text));
}

std::optional<std::string_view> Value::inside(char bracket) const {
  if (text_.size() < 2 || text_.front() != bracket) return std::nullopt;
  std::string_view inside = text_.substr(1, text_.size() - 2);
  if (bracket != '"') skip_space(inside);
  return inside;
}

std::optional<Members> Value::object() const {
  return inside('{').transform([](std::string_view rest) { return Members(rest); });
}

std::optional<Items> Value::list() const {
  return inside('[').transform([](std::string_view rest) { return Items(rest); });
}

std::optional<Value> Items::next() {
  if (rest_.empty()) return std::nullopt;
  return take(rest_);
}

std::optional<Member> Members::next() {
  if (rest_.empty()) return std::nullopt;
  Value key = take(rest_), value = take(rest_);
  const char *begin = key.text().data(), *end = value.text().data() + value.text().size();
  return Member{{begin, static_cast<std::size_t>(end - begin)}, key, value};
}

static std::uint32_t hex4(std::string_view digits) {
  std::uint32_t value = 0;
  for (char c : digits.substr(0, 4)) {
    value = value << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

static void add_utf8(Text &to, std::uint32_t c) {
  char bytes[4];
  std::size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static constexpr unsigned char FIRST[] = {0, 0xc0, 0xe0, 0xf0};
  bytes[0] = static_cast<char>(FIRST[more] | c >> 6 * more);
  for (std::size_t at = 1; at <= more; at++) {
    bytes[at] = static_cast<char>(0x80 | (c >> 6 * (more - at) & 0x3f));
  }
  to += {bytes, more + 1};
}

// Reads what follows a backslash, and takes it off the rest.
static void add_escape(Text &to, std::string_view &rest) {
  char c = rest.front();
  rest.remove_prefix(1);
  if (c != 'u') {
    static constexpr std::string_view NAMES = "bfnrt", VALUES = "\b\f\n\r\t";
    std::size_t name = NAMES.find(c);
    char value = name == NAMES.npos ? c : VALUES[name];
    to += {&value, 1};
    return;
  }
  std::uint32_t unit = hex4(rest);
  rest.remove_prefix(std::min<std::size_t>(4, rest.size()));
  bool high = 0xd800 <= unit && unit < 0xdc00;
  if (high && rest.size() >= 6 && rest.starts_with("\\u")) {
    unit = 0x10000 + ((unit - 0xd800) << 10) + (hex4(rest.substr(2)) - 0xdc00);
    rest.remove_prefix(6);
  } else if (0xd800 <= unit && unit < 0xe000) {
    unit = 0xfffd;  // half a character
  }
  add_utf8(to, unit);
}

std::optional<Text> Value::string() const {
  std::optional<std::string_view> quoted = inside('"');
  if (!quoted) return std::nullopt;
  Text text;
  std::string_view rest = *quoted;
  while (true) {
    std::size_t plain = std::min(rest.find('\\'), rest.size());
    text += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.size() < 2) return text;
    rest.remove_prefix(1);
    add_escape(text, rest);
  }
}

std::optional<int> Value::whole_number() const {
  std::string_view digits = text_;
  bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  int number = 0;
  for (char c : digits) {
    if (c < '0' || '9' < c) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return negative ? -number : number;
}

bool Value::is(std::string_view string) const {
  std::optional<std::string_view> quoted = inside('"');
  if (!quoted || !quoted->contains('\\')) return quoted == string;
  return *this->string() == string;
}

}  // namespace json
