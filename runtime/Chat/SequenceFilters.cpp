//===- SequenceFilters.cpp - The filters of Jinja on lists ----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Chat/Filters.h"
#include "runtime/Chat/Text.h"

#include <algorithm>

using namespace mica;
using namespace mica::chat;

using ListKind = Value::ListKind;

/// The part of `value` that a path such as "function.name" or a number names.
static Value partOf(Interpreter &in, Value value, const Value &path) {
  if (!path.isString())
    return in.item(value, path);
  std::string_view rest = path.string();
  while (!in.failed()) {
    size_t end = std::min(rest.find('.'), rest.size());
    std::string_view name = rest.substr(0, end);
    bool number = !name.empty() && name.size() < 10 &&
                  name.find_first_not_of("0123456789") == name.npos;
    value =
        in.item(value, number ? Value(int64_t(std::stoll(std::string(name))))
                              : Value(name));
    if (end == rest.size())
      break;
    rest.remove_prefix(end + 1);
  }
  return value;
}

/// The parts at `path` of all items; the items themselves without one.
static List keysOf(Call &c, const List &items, const Value &path, bool folds) {
  List keys;
  for (const Value &item : items) {
    bool whole = path.isUndefined() || path.isNone();
    Value key = whole ? item : partOf(c.in, item, path);
    if (folds && key.isString())
      key = c.in.text(toLower(key.string()));
    keys.push_back(std::move(key));
  }
  return keys;
}

/// The places of `keys` in order, equal ones as they were. Safe for values
/// without one order too, such as NaNs.
static std::vector<size_t> sorted(Call &c, const List &keys, bool reverse) {
  std::vector<size_t> places;
  auto before = [&](size_t a, size_t b) {
    if (c.in.failed())
      return false;
    auto sign = reverse ? c.in.compare(keys[b], keys[a])
                        : c.in.compare(keys[a], keys[b]);
    if (!sign)
      c.in.fail("'<' not supported between instances of '" +
                std::string(keys[a].typeName()) + "' and '" +
                keys[b].typeName() + "'");
    return sign.value_or(0) < 0;
  };
  for (size_t i = 0; i < keys.size(); ++i) {
    c.in.charge(i / 64);
    places.insert(std::upper_bound(places.begin(), places.end(), i, before), i);
  }
  return places;
}

static Value sort(Call &c) {
  List items = c.in.items(c.self), result;
  List keys = keysOf(c, items, c[2], !c.flag(1, false));
  for (size_t i : sorted(c, keys, c.flag(0, false)))
    result.push_back(items[i]);
  return c.in.list(std::move(result));
}

static Value unique(Call &c) {
  List items = c.in.items(c.self), result, seen;
  List keys = keysOf(c, items, c[1], !c.flag(0, false));
  for (size_t i = 0; i < items.size() && c.in.charge(seen.size() / 4); ++i)
    if (std::none_of(seen.begin(), seen.end(), [&](const Value &other) {
          return c.in.equals(other, keys[i]);
        })) {
      result.push_back(items[i]);
      seen.push_back(keys[i]);
    }
  return c.in.list(std::move(result), ListKind::Generator);
}

template <bool greatest> static Value extreme(Call &c) {
  List items = c.in.items(c.self);
  if (items.empty())
    return Value::undefined("No aggregated item, sequence was empty.");
  List keys = keysOf(c, items, c[1], !c.flag(0, false));
  return items[sorted(c, keys, greatest)[0]];
}

static Value dictSort(Call &c) {
  if (!c.self.isDict())
    return c.in.fail("'dictsort' of a " + std::string(c.self.typeName()) +
                     ", expected a dictionary");
  bool byValue = c.text(1, "key") == "value";
  List items, keys, result;
  for (const auto &[key, value] : c.self.dict()) {
    keys.push_back(byValue ? value : key);
    items.emplace_back(List{key, value}, ListKind::Tuple);
  }
  keys = keysOf(c, keys, Value(), !c.flag(0, false));
  for (size_t i : sorted(c, keys, c.flag(2, false)))
    result.push_back(items[i]);
  return c.in.list(std::move(result));
}

static Value items(Call &c) {
  List pairs;
  if (!c.self.isDict() && !c.self.isUndefined())
    return c.in.fail("'items' of a " + std::string(c.self.typeName()) +
                     ", expected a dictionary");
  if (c.self.isDict())
    for (const auto &[key, value] : c.self.dict())
      pairs.emplace_back(List{key, value}, ListKind::Tuple);
  return c.in.list(std::move(pairs), ListKind::Generator);
}

static Value groupBy(Call &c) {
  List items = c.in.items(c.self), result, group;
  List keys = keysOf(c, items, c[0], false);
  List folded = keysOf(c, keys, Value(), !c.flag(2, false));
  auto places = sorted(c, folded, false);
  for (size_t i = 0; i < places.size() && !c.in.failed(); ++i) {
    group.push_back(items[places[i]]);
    if (i + 1 < places.size() &&
        c.in.equals(folded[places[i]], folded[places[i + 1]]))
      continue;
    size_t first = places[i + 1 - group.size()];
    result.emplace_back(List{keys[first], c.in.list(std::move(group))},
                        ListKind::Tuple);
    group.clear();
  }
  return c.in.list(std::move(result));
}

static Value join(Call &c) {
  std::string separator = c.given(0) ? c.in.textOf(c[0]) : "", out;
  List all = c.in.items(c.self);
  for (size_t i = 0; i < all.size() && !c.in.failed(); ++i) {
    if (out.size() > c.in.bytesLeft())
      return c.in.fail("joined text is too large, expected less");
    out += i ? separator : "";
    Value part = c.given(1) ? partOf(c.in, all[i], c[1]) : all[i];
    out += c.in.textOf(part);
  }
  return c.in.text(std::move(out));
}

static Value length(Call &c) {
  if (c.self.isString())
    return Value(int64_t(countCharacters(c.self.string())));
  if (c.self.isDict())
    return Value(int64_t(c.self.dict().size()));
  if (c.self.isList() && c.self.listKind() != ListKind::Generator)
    return Value(int64_t(c.self.list().size()));
  if (c.self.isUndefined())
    return Value(int64_t(0));
  return c.in.fail("object of type '" + std::string(c.self.typeName()) +
                   "' has no len()");
}

static Value first(Call &c) {
  List all = c.in.items(c.self);
  return all.empty() ? Value::undefined("No first item, sequence was empty.")
                     : all.front();
}

static Value last(Call &c) {
  List all = c.in.items(c.self);
  return all.empty() ? Value::undefined("No last item, sequence was empty.")
                     : all.back();
}

static Value reverse(Call &c) {
  List all = c.in.items(c.self);
  std::reverse(all.begin(), all.end());
  if (!c.self.isString())
    return c.in.list(std::move(all), ListKind::Generator);
  std::string text;
  for (const Value &each : all)
    text += each.string();
  return c.in.text(std::move(text));
}

static Value asList(Call &c) { return c.in.list(c.in.items(c.self)); }

static Value sum(Call &c) {
  Value total = c.given(1) ? c[1] : Value(int64_t(0));
  for (const Value &item : c.in.items(c.self))
    if (!c.in.failed())
      total = c.in.binary(
          "+", total,
          c.given(0) && !c[0].isNone() ? partOf(c.in, item, c[0]) : item);
  return total;
}

static Value batch(Call &c) {
  int64_t size = c.integer(0, 1);
  List all = c.in.items(c.self), result, part;
  for (const Value &item : all) {
    if (int64_t(part.size()) == size)
      result.push_back(c.in.list(std::exchange(part, {})));
    part.push_back(item);
  }
  while (!part.empty() && c.given(1) && int64_t(part.size()) < size &&
         c.in.charge(1))
    part.push_back(c[1]);
  if (!part.empty())
    result.push_back(c.in.list(std::move(part)));
  return c.in.list(std::move(result), ListKind::Generator);
}

/// Jinja's `map`, `select` and `reject` look at nothing that is false: none too
/// has no items for them.
static Value map(Call &c) {
  if (!c.self.truth())
    return c.in.list({}, ListKind::Generator);
  Arguments rest = c.arguments;
  Value path, missing;
  for (const auto &[name, value] : rest.named)
    (name == "attribute" ? path : missing) = value;
  List result;
  std::string name;
  if (path.isUndefined()) {
    if (rest.positional.empty() || !rest.positional[0].isString())
      return c.in.fail("'map' without a filter, expected its name");
    name = rest.positional[0].string();
    rest.positional.erase(rest.positional.begin());
  }
  for (const Value &item : c.in.items(c.self)) {
    Value value = path.isUndefined() ? c.in.filter(name, item, rest)
                                     : partOf(c.in, item, path);
    if (value.isUndefined() && !path.isUndefined() && !missing.isUndefined())
      value = missing;
    if (c.in.failed())
      break;
    result.push_back(std::move(value));
  }
  return c.in.list(std::move(result), ListKind::Generator);
}

/// The items for which a test (of their part if `parts`) says `wanted`.
template <bool wanted, bool parts> static Value select(Call &c) {
  if (!c.self.truth())
    return c.in.list({}, ListKind::Generator);
  Arguments rest = c.arguments;
  Value path;
  auto take = [&] {
    Value front = rest.positional.front();
    rest.positional.erase(rest.positional.begin());
    return front;
  };
  if (parts && rest.positional.empty())
    return c.in.fail("filter without an attribute, expected its name");
  if (parts)
    path = take();
  std::string test;
  if (!rest.positional.empty())
    test = c.in.textOf(take());
  List result;
  for (const Value &item : c.in.items(c.self)) {
    Value value = parts ? partOf(c.in, item, path) : item;
    bool holds = test.empty() ? value.truth() : c.in.test(test, value, rest);
    if (c.in.failed())
      break;
    if (holds == wanted)
      result.push_back(item);
  }
  return c.in.list(std::move(result), ListKind::Generator);
}

static Value attr(Call &c) {
  Value value = c.in.attribute(c.self, c.text(0, ""));
  return c.self.isDict() && !value.is(Value::Kind::Function)
             ? Value::undefined("a dictionary has no attribute")
             : value;
}

static const Native filters[] = {
    {"attr", "name", attr},
    {"batch", "linecount fill_with", batch},
    {"count", "", length},
    {"dictsort", "case_sensitive by reverse", dictSort},
    {"first", "", first},
    {"groupby", "attribute default case_sensitive", groupBy},
    {"items", "", items},
    {"join", "d attribute", join},
    {"last", "", last},
    {"length", "", length},
    {"list", "", asList},
    {"map", "*", map},
    {"max", "case_sensitive attribute", extreme<true>},
    {"min", "case_sensitive attribute", extreme<false>},
    {"reject", "*", select<false, false>},
    {"rejectattr", "*", select<false, true>},
    {"reverse", "", reverse},
    {"select", "*", select<true, false>},
    {"selectattr", "*", select<true, true>},
    {"sort", "reverse case_sensitive attribute", sort},
    {"sum", "attribute start", sum},
    {"unique", "case_sensitive attribute", unique},
};

const Native *chat::findSequenceFilter(std::string_view name) {
  auto it = std::find_if(std::begin(filters), std::end(filters),
                         [&](const Native &row) { return row.name == name; });
  return it == std::end(filters) ? nullptr : it;
}
