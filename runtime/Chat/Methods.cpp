//===- Methods.cpp - Methods of values and functions of templates ---------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Interpreter.h"
#include "runtime/Chat/Text.h"

#include <algorithm>
#include <cmath>
#include <ctime>

using namespace mica;
using namespace mica::chat;

using ListKind = Value::ListKind;

template <bool left, bool right> static Value stripMethod(Call &c) {
  const std::string &text = c.self.string();
  bool all = !c.given(0) || c[0].isNone();
  return c.in.text(std::string(all ? strip(text, left, right)
                                   : strip(text, c.text(0, ""), left, right)));
}

/// The words between white space; what is behind the last cut stays whole.
static List splitSpace(std::string_view text, int64_t most, bool right) {
  List parts;
  text = strip(text, true, true);
  for (; !text.empty() && most != 0; --most) {
    auto all = characters(text);
    size_t size = 0;
    if (right) {
      for (auto it = all.rbegin(); it != all.rend() && !isSpace(*it); ++it)
        size += it->size();
      parts.insert(parts.begin(), Value(text.substr(text.size() - size)));
      text = strip(text.substr(0, text.size() - size), false, true);
    } else {
      for (auto it = all.begin(); it != all.end() && !isSpace(*it); ++it)
        size += it->size();
      parts.emplace_back(text.substr(0, size));
      text = strip(text.substr(size), true, false);
    }
  }
  if (!text.empty())
    parts.insert(right ? parts.begin() : parts.end(), Value(text));
  return parts;
}

template <bool right> static Value split(Call &c) {
  std::string_view text = c.self.string();
  int64_t most = c.integer(1, -1);
  // Each word goes through what is left of the text.
  if (!c.given(0) || c[0].isNone())
    return c.in.charge(text.size() * text.size() / 4096)
               ? c.in.list(splitSpace(text, most, right))
               : Value();
  std::string by = c.text(0, " ");
  if (by.empty())
    return c.in.fail("split by an empty text, expected a separator");
  List parts;
  for (; most != 0; --most) {
    size_t found = right ? text.rfind(by) : text.find(by);
    if (found == text.npos)
      break;
    parts.emplace_back(right ? text.substr(found + by.size())
                             : text.substr(0, found));
    text = right ? text.substr(0, found) : text.substr(found + by.size());
  }
  parts.emplace_back(text);
  if (right)
    std::reverse(parts.begin(), parts.end());
  return c.in.list(std::move(parts));
}

/// Whether the text begins (ends) with the argument, or with one of a tuple.
template <bool end> static Value hasEnd(Call &c) {
  std::string_view text = c.self.string();
  List ends = c[0].isList() ? c[0].list() : List{c[0]};
  for (const Value &each : ends) {
    if (!each.isString())
      return c.in.fail("'" + std::string(end ? "endswith" : "startswith") +
                       "' of a " + each.typeName() + ", expected a string");
    if (end ? text.ends_with(each.string()) : text.starts_with(each.string()))
      return Value(true);
  }
  return Value(false);
}

static Value replaceMethod(Call &c) {
  bool fits = true;
  std::string from = c.text(0, ""), to = c.text(1, "");
  std::string text = replaceAll(c.self.string(), from, to, c.integer(2, -1),
                                c.in.bytesLeft(), fits);
  return fits ? c.in.text(std::move(text))
              : c.in.fail("replaced text is too large, expected less");
}

template <bool right> static Value find(Call &c) {
  const std::string &text = c.self.string();
  size_t found = right ? text.rfind(c.text(0, "")) : text.find(c.text(0, ""));
  return Value(found == text.npos
                   ? int64_t(-1)
                   : int64_t(countCharacters(text.substr(0, found))));
}

static Value count(Call &c) {
  std::string part = c.text(0, "");
  const std::string &text = c.self.string();
  if (part.empty())
    return Value(int64_t(countCharacters(text)) + 1);
  int64_t number = 0;
  for (size_t i = text.find(part); i != text.npos;
       i = text.find(part, i + part.size()))
    ++number;
  return Value(number);
}

static Value titleMethod(Call &c) {
  std::string out;
  bool inside = false;
  for (std::string_view each : characters(c.self.string())) {
    bool letter = toUpper(each) != toLower(each);
    out += !letter  ? std::string(each)
           : inside ? toLower(each)
                    : capitalize(each);
    inside = letter;
  }
  return c.in.text(std::move(out));
}

static Value join(Call &c) { return c.in.filter("join", c[0], {{c.self}, {}}); }

static Value lines(Call &c) {
  List parts;
  for (std::string_view line : splitLines(c.self.string(), c.flag(0, false)))
    parts.emplace_back(line);
  return c.in.list(std::move(parts));
}

template <bool end> static Value without(Call &c) {
  std::string_view text = c.self.string();
  std::string part = c.text(0, "");
  if (end ? text.ends_with(part) : text.starts_with(part))
    text = end ? text.substr(0, text.size() - part.size())
               : text.substr(part.size());
  return c.in.text(std::string(text));
}

/// Whether all characters, of which there are some, are of a kind of ASCII.
template <bool digits, bool letters> static Value isMadeOf(Call &c) {
  const std::string &text = c.self.string();
  return Value(!text.empty() &&
               std::all_of(text.begin(), text.end(), [](char x) {
                 return (digits && x >= '0' && x <= '9') ||
                        (letters && ((x | 32) >= 'a' && (x | 32) <= 'z'));
               }));
}

static Value isSpaceMethod(Call &c) {
  return Value(!c.self.string().empty() &&
               strip(c.self.string(), true, true).empty());
}

template <std::string (*change)(std::string_view)>
static Value changed(Call &c) {
  return c.in.text(change(c.self.string()));
}

template <std::string (*change)(std::string_view),
          std::string (*other)(std::string_view)>
static Value hasCase(Call &c) {
  const std::string &text = c.self.string();
  return Value(change(text) == text && other(text) != text);
}

/// `{}`, `{0}` and `{name}`, without what may follow a name.
static Value format(Call &c) {
  std::string out;
  size_t next = 0;
  const std::string &form = c.self.string();
  for (size_t i = 0; i < form.size(); ++i) {
    bool twice = i + 1 < form.size() && form[i + 1] == form[i];
    if ((form[i] == '{' || form[i] == '}') && twice)
      ++i;
    else if (form[i] == '{') {
      size_t end = std::min(form.find('}', i), form.size());
      std::string name = form.substr(i + 1, end - i - 1);
      bool number =
          name.size() < 9 && name.find_first_not_of("0123456789") == name.npos;
      size_t index = name.empty() ? next++ : number ? std::stoul(name) : 0;
      const Value *found = nullptr;
      if (number && index < c.arguments.positional.size())
        found = &c.arguments.positional[index];
      for (const auto &[key, value] : c.arguments.named)
        found = key == name ? &value : found;
      if (!found)
        return c.in.fail("format '{" + name +
                         "}', expected an argument's name");
      out += c.in.textOf(*found);
      i = end;
      continue;
    }
    out += form[i];
  }
  return c.in.text(std::move(out));
}

static const Native stringMethods[] = {
    {"strip", "chars", stripMethod<true, true>},
    {"lstrip", "chars", stripMethod<true, false>},
    {"rstrip", "chars", stripMethod<false, true>},
    {"split", "sep maxsplit", split<false>},
    {"rsplit", "sep maxsplit", split<true>},
    {"splitlines", "keepends", lines},
    {"startswith", "prefix", hasEnd<false>},
    {"endswith", "suffix", hasEnd<true>},
    {"replace", "old new count", replaceMethod},
    {"find", "sub", find<false>},
    {"rfind", "sub", find<true>},
    {"count", "sub", count},
    {"format", "*", format},
    {"title", "", titleMethod},
    {"upper", "", changed<toUpper>},
    {"lower", "", changed<toLower>},
    {"capitalize", "", changed<capitalize>},
    {"join", "iterable", join},
    {"removeprefix", "prefix", without<false>},
    {"removesuffix", "suffix", without<true>},
    {"isdigit", "", isMadeOf<true, false>},
    {"isnumeric", "", isMadeOf<true, false>},
    {"isalpha", "", isMadeOf<false, true>},
    {"isalnum", "", isMadeOf<true, true>},
    {"isspace", "", isSpaceMethod},
    {"isupper", "", hasCase<toUpper, toLower>},
    {"islower", "", hasCase<toLower, toUpper>},
};

//===----------------------------------------------------------------------===//
// Dictionaries, loops
//===----------------------------------------------------------------------===//

static Value get(Call &c) {
  const Value *found =
      c.in.charge(1 + c.self.dict().size() / 8) ? c.self.find(c[0]) : nullptr;
  return found ? *found : c.given(1) ? c[1] : Value::none();
}

template <int part> static Value entries(Call &c) {
  List all;
  for (const auto &[key, value] : c.self.dict())
    all.push_back(part == 0   ? key
                  : part == 1 ? value
                              : Value(List{key, value}, ListKind::Tuple));
  return c.in.list(std::move(all));
}

static Value cycle(Call &c) {
  const List &values = c.arguments.positional;
  if (values.empty())
    return c.in.fail("no items for cycling given");
  return values[c.self.loop()->index % values.size()];
}

static Value changedValue(Call &c) {
  Value now = c.in.list(c.arguments.positional, ListKind::Tuple);
  Loop &loop = *c.self.loop();
  if (loop.changed && c.in.equals(*loop.changed, now))
    return Value(false);
  loop.changed = now;
  return Value(true);
}

static Value refuse(Call &c) {
  return c.in.fail("a " + std::string(c.self.typeName()) +
                   " is changed, expected only what makes a new one");
}

static const Native dictMethods[] = {
    {"get", "key default", get},
    {"items", "", entries<2>},
    {"keys", "", entries<0>},
    {"values", "", entries<1>},
    {"copy", "", [](Call &c) { return c.self; }},
    {"update", "*", refuse},
    {"pop", "*", refuse},
    {"setdefault", "*", refuse},
    {"clear", "*", refuse},
    {"popitem", "*", refuse},
};

static const Native listMethods[] = {
    {"append", "*", refuse},
    {"extend", "*", refuse},
    {"insert", "*", refuse},
    {"pop", "*", refuse},
    {"remove", "*", refuse},
    {"clear", "*", refuse},
    {"reverse", "*", refuse},
    {"sort", "*", refuse},
    {"copy", "", [](Call &c) { return c.self; }},
};

static const Native loopMethods[] = {
    {"cycle", "*", cycle},
    {"changed", "*", changedValue},
};

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

static Value range(Call &c) {
  int64_t first = c.given(1) ? c.integer(0, 0) : 0;
  int64_t last = c.given(1) ? c.integer(1, 0) : c.integer(0, 0);
  int64_t step = c.integer(2, 1);
  constexpr int64_t kMost = 100'000; // As Jinja's sandbox.
  if (step == 0)
    return c.in.fail("range step is 0, expected another number");
  double size = (double(last) - double(first)) / double(step);
  if (size > double(kMost))
    return c.in.fail("range of more than " + std::to_string(kMost) +
                     " numbers, expected fewer");
  List numbers;
  int64_t count = std::max<int64_t>(int64_t(std::ceil(size)), 0), next = first;
  for (int64_t i = 0; i < count && !c.in.failed(); ++i) {
    numbers.emplace_back(next);
    if (__builtin_add_overflow(next, step, &next))
      break;
  }
  return c.in.list(std::move(numbers));
}

static Dict pairsOf(Call &c) {
  Dict pairs;
  if (!c.arguments.positional.empty() && c.arguments.positional[0].isDict())
    pairs = c.arguments.positional[0].dict();
  else if (!c.arguments.positional.empty())
    c.in.fail("dictionary of a " +
              std::string(c.arguments.positional[0].typeName()) +
              ", expected another dictionary");
  for (const auto &[name, value] : c.arguments.named) {
    if (!c.in.charge(1 + pairs.size() / 8))
      break;
    auto same = std::find_if(pairs.begin(), pairs.end(), [&](auto &pair) {
      return equal(pair.first, Value(name));
    });
    if (same != pairs.end())
      same->second = value;
    else
      pairs.emplace_back(Value(name), value);
  }
  return pairs;
}

static Value raise(Call &c) { return c.in.fail(c.in.textOf(c[0])); }

static Value strftimeNow(Call &c) {
  std::string form = c.text(0, "");
  std::time_t now = std::time(nullptr);
  std::tm parts = {};
  localtime_r(&now, &parts);
  char text[512];
  if (form.size() > 100)
    return c.in.fail("time format of " + std::to_string(form.size()) +
                     " bytes, expected at most 100");
  size_t size = std::strftime(text, sizeof(text), form.c_str(), &parts);
  return c.in.text(std::string(text, size));
}

static const Native globals[] = {
    {"range", "start stop step", range},
    {"dict", "*", [](Call &c) { return c.in.dict(pairsOf(c)); }},
    {"namespace", "*", [](Call &c) { return c.in.newNamespace(pairsOf(c)); }},
    {"raise_exception", "message", raise},
    {"strftime_now", "format", strftimeNow},
};

template <size_t N>
static const Native *findIn(const Native (&table)[N], std::string_view name) {
  auto it = std::find_if(std::begin(table), std::end(table),
                         [&](const Native &row) { return row.name == name; });
  return it == std::end(table) ? nullptr : it;
}

const Native *chat::findGlobal(std::string_view name) {
  return findIn(globals, name);
}

const Native *chat::findMethod(const Value &object, std::string_view name) {
  switch (object.kind()) {
  case Value::Kind::String:
    return findIn(stringMethods, name);
  case Value::Kind::Dict:
    return findIn(dictMethods, name);
  case Value::Kind::List:
    return findIn(listMethods, name);
  case Value::Kind::Loop:
    return findIn(loopMethods, name);
  default:
    return nullptr;
  }
}
