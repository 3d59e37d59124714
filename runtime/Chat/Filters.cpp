//===- Filters.cpp - The filters of Jinja on text and numbers -------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Filters.h"
#include "runtime/Chat/Json.h"
#include "runtime/Chat/Text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

using namespace mica;
using namespace mica::chat;

static Value trim(Call &c) {
  std::string text = c.in.textOf(c.self);
  bool all = !c.given(0) || c[0].isNone();
  return c.in
      .text(std::string(all ? strip(text, true, true)
                            : strip(text, c.text(0, ""), true, true)))
      .asSafe(c.self.isSafe());
}

static Value defaultValue(Call &c) {
  bool use = c.self.isUndefined() || (c.flag(1, false) && !c.self.truth());
  return use ? (c.given(0) ? c[0] : Value("")) : c.self;
}

static Value toInteger(Call &c) {
  Value missing = c.given(0) ? c[0] : Value(int64_t(0));
  if (c.self.isInteger())
    return Value(c.self.integer());
  if (c.self.is(Value::Kind::Float))
    return std::fabs(c.self.real()) < 9e18 ? Value(int64_t(c.self.real()))
                                           : missing;
  if (!c.self.isString())
    return missing;
  std::string_view text = strip(c.self.string(), true, true);
  text.remove_prefix(text.starts_with('+'));
  const char *begin = text.data(), *end = begin + text.size();
  int64_t number = 0, base = c.integer(1, 10);
  if (base < 2 || base > 36)
    return missing;
  auto read = std::from_chars(begin, end, number, int(base));
  if (read.ec == std::errc() && read.ptr == end)
    return Value(number);
  double real = 0;
  auto again = std::from_chars(begin, end, real);
  return again.ec == std::errc() && again.ptr == end && std::fabs(real) < 9e18
             ? Value(int64_t(real))
             : missing;
}

static Value toFloat(Call &c) {
  Value missing = c.given(0) ? c[0] : Value(0.0);
  if (c.self.isNumber())
    return Value(c.self.real());
  if (!c.self.isString())
    return missing;
  std::string_view text = strip(c.self.string(), true, true);
  double number = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size()
             ? Value(number)
             : missing;
}

static Value roundNumber(Call &c) {
  if (!c.self.isNumber())
    return c.in.fail("'round' of a " + std::string(c.self.typeName()) +
                     ", expected a number");
  std::string method = c.text(1, "common");
  double scale = std::pow(10.0, double(c.integer(0, 0)));
  double value = c.self.real() * scale;
  value = method == "ceil"    ? std::ceil(value)
          : method == "floor" ? std::floor(value)
                              : std::nearbyint(value);
  return Value(value / scale);
}

static Value absolute(Call &c) {
  if (c.self.is(Value::Kind::Float))
    return Value(std::fabs(c.self.real()));
  if (!c.self.isInteger())
    return c.in.fail("'abs' of a " + std::string(c.self.typeName()) +
                     ", expected a number");
  return c.self.integer() < 0 ? c.in.binary("-", Value(int64_t(0)), c.self)
                              : Value(c.self.integer());
}

static Value replace(Call &c) {
  bool fits = true;
  std::string from = c.in.textOf(c[0]), to = c.in.textOf(c[1]);
  std::string text = replaceAll(c.in.textOf(c.self), from, to, c.integer(2, -1),
                                c.in.bytesLeft(), fits);
  return fits ? c.in.text(std::move(text))
              : c.in.fail("replaced text is too large, expected less");
}

/// Every line but the first (unless `first`) with `width` in front; empty ones
/// as they are unless `blank`.
static Value indent(Call &c) {
  std::string width =
      c.given(0) && c[0].isString()
          ? c[0].string()
          : std::string(size_t(std::clamp<int64_t>(c.integer(0, 4), 0, 4096)),
                        ' ');
  bool first = c.flag(1, false), blank = c.flag(2, false);
  std::string text = c.in.textOf(c.self) + "\n", out;
  auto lines = splitLines(text, false);
  for (size_t i = 0; i < lines.size() && out.size() < c.in.bytesLeft(); ++i) {
    out += i ? "\n" : "";
    if (i ? blank || !lines[i].empty() : first)
      out += width;
    out += lines[i];
  }
  return c.in.text(std::move(out));
}

static Value title(Call &c) {
  // Jinja's title: a letter behind white space or - ( { [ < is a capital.
  std::string out, word;
  auto flush = [&] { out += capitalize(word), word.clear(); };
  std::string text = c.in.textOf(c.self);
  for (std::string_view character : characters(text)) {
    bool ends = isSpace(character) || std::string_view("-({[<").find(
                                          character) != std::string_view::npos;
    if (ends)
      flush(), out += character;
    else
      word += character;
  }
  flush();
  return c.in.text(std::move(out));
}

static Value center(Call &c) {
  std::string text = c.in.textOf(c.self);
  int64_t room = std::min<int64_t>(c.integer(0, 80), 1 << 20) -
                 int64_t(countCharacters(text));
  if (room <= 0)
    return c.in.text(text);
  int64_t left = room / 2 + (room & c.integer(0, 80) & 1);
  return c.in.text(std::string(size_t(left), ' ') + text +
                   std::string(size_t(room - left), ' '));
}

static Value truncate(Call &c) {
  std::string text = c.in.textOf(c.self), end = c.text(2, "...");
  int64_t length = c.integer(0, 255), leeway = c.integer(3, 5);
  auto parts = characters(text);
  int64_t tail = int64_t(countCharacters(end));
  if (length < tail || leeway < 0)
    return c.in.fail("'truncate' to " + std::to_string(length) +
                     " characters, expected at least " + std::to_string(tail));
  if (int64_t(parts.size()) <= length + leeway)
    return c.in.text(text);
  std::string cut;
  for (int64_t i = 0; i < length - tail; ++i)
    cut += parts[size_t(i)];
  if (size_t space = cut.rfind(' ');
      !c.flag(1, false) && space != std::string::npos)
    cut.resize(space);
  return c.in.text(cut + end);
}

template <bool always> static Value escape(Call &c) {
  if (c.self.isSafe() && !always)
    return c.self;
  return c.in.text(escapeHTML(c.in.textOf(c.self))).asSafe();
}

static Value toJsonText(Call &c) {
  JsonStyle style;
  style.ascii = c.flag(0, false);
  style.sortKeys = c.flag(3, false);
  if (c.given(1) && !c[1].isNone()) {
    style.indent =
        c[1].isString()
            ? c[1].string()
            : std::string(size_t(std::clamp<int64_t>(c.integer(1, 0), 0, 256)),
                          ' ');
    style.item = ",";
  }
  if (c.given(2) && c[2].isList() && c[2].list().size() == 2) {
    style.item = c.in.textOf(c[2].list()[0]);
    style.key = c.in.textOf(c[2].list()[1]);
  }
  uint64_t part = 1 + style.item.size() + style.key.size() +
                  (style.indent ? style.indent->size() * c.self.nesting() : 0);
  if (c.self.weight() > c.in.bytesLeft() / part ||
      !c.in.charge(c.self.weight() / 64))
    return c.in.fail("value is too large for JSON, expected less");
  auto text = toJson(c.self, style);
  if (!text)
    return c.in.fail("Object of type " + text.error().message +
                     " is not JSON serializable");
  return c.in.text(std::move(*text));
}

static Value wordCount(Call &c) {
  int64_t words = 0;
  bool inside = false;
  std::string text = c.in.textOf(c.self);
  for (std::string_view character : characters(text)) {
    bool space = isSpace(character);
    words += !space && !inside;
    inside = !space;
  }
  return Value(words);
}

/// `%`: s, r, d, i, f and x, with a width and a precision.
static Value format(Call &c) {
  const List &values = c.arguments.positional;
  std::string form = c.in.textOf(c.self), out;
  size_t next = 0;
  for (size_t i = 0; i < form.size() && !c.in.failed(); ++i) {
    if (form[i] != '%') {
      out += form[i];
      continue;
    }
    size_t end = form.find_first_not_of("0123456789.+- #", i + 1);
    if (end == std::string::npos || end - i > 8)
      return c.in.fail("format '" + form + "' has an incomplete %");
    char kind = form[end];
    std::string flags = form.substr(i, end - i);
    i = end;
    if (kind == '%') {
      out += '%';
      continue;
    }
    if (next == values.size())
      return c.in.fail("not enough arguments for format string");
    const Value &value = values[next++];
    char text[512];
    if (kind == 's' || kind == 'r')
      out += kind == 's' ? c.in.textOf(value) : toRepr(value);
    else if ((kind == 'd' || kind == 'i' || kind == 'x') && value.isNumber())
      std::snprintf(
          text, sizeof(text),
          (flags + "ll" + (kind == 'i' ? 'd' : kind)).c_str(),
          (long long)value.real() == value.real() || value.isInteger()
              ? (value.isInteger() ? value.integer() : int64_t(value.real()))
              : int64_t(value.real())),
          out += text;
    else if (kind == 'f' && value.isNumber())
      std::snprintf(text, sizeof(text), (flags + "f").c_str(), value.real()),
          out += text;
    else
      return c.in.fail(std::string("format %") + kind + " of a " +
                       value.typeName() + ", expected %s");
  }
  return c.in.text(std::move(out));
}

template <std::string (*change)(std::string_view)>
static Value changeCase(Call &c) {
  return c.in.text(change(c.in.textOf(c.self))).asSafe(c.self.isSafe());
}

static Value asText(Call &c) {
  return c.in.text(c.in.textOf(c.self)).asSafe(c.self.isSafe());
}

static Value asSafeText(Call &c) { return asText(c).asSafe(); }

static const Native filters[] = {
    {"abs", "", absolute},
    {"capitalize", "", changeCase<capitalize>},
    {"center", "width", center},
    {"d", "default_value boolean", defaultValue},
    {"default", "default_value boolean", defaultValue},
    {"e", "", escape<false>},
    {"escape", "", escape<false>},
    {"float", "default", toFloat},
    {"forceescape", "", escape<true>},
    {"format", "*", format},
    {"indent", "width first blank", indent},
    {"int", "default base", toInteger},
    {"lower", "", changeCase<toLower>},
    {"replace", "old new count", replace},
    {"round", "precision method", roundNumber},
    {"safe", "", asSafeText},
    {"string", "", asText},
    {"title", "", title},
    {"tojson", "ensure_ascii indent separators sort_keys", toJsonText},
    {"trim", "chars", trim},
    {"truncate", "length killwords end leeway", truncate},
    {"upper", "", changeCase<toUpper>},
    {"wordcount", "", wordCount},
};

const Native *chat::findFilter(std::string_view name) {
  auto it = std::find_if(std::begin(filters), std::end(filters),
                         [&](const Native &row) { return row.name == name; });
  return it == std::end(filters) ? findSequenceFilter(name) : it;
}
