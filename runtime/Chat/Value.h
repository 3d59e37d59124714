//===- Value.h - What the expressions of a chat template are ----*- C++ -*-===//
//
// The values of Python that Jinja templates see. They do not change, so that
// copies share what they hold and nothing ever holds itself; a namespace, which
// does change, belongs to the interpreter.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CHAT_VALUE_H
#define RUNTIME_CHAT_VALUE_H

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mica::chat {

class Value;
struct Function;
struct Loop;
struct Namespace;

using List = std::vector<Value>;
/// Pairs in the order in which keys were added, each key once.
using Dict = std::vector<std::pair<Value, Value>>;

/// Lists within lists: those beyond it are refused, since what goes through
/// them is recursive.
inline constexpr uint32_t kMaxNesting = 200;

class Value {
public:
  /// The order of `Data`.
  enum class Kind : uint8_t {
    Undefined,
    None,
    Bool,
    Int,
    Float,
    String,
    List,
    Dict,
    Namespace,
    Loop,
    Function
  };
  /// What Python calls a list: a generator is true and has no length.
  enum class ListKind : uint8_t { List, Tuple, Generator };

  /// Undefined, for no reason that a message could tell.
  Value() : data(std::in_place_index<0>) {}
  explicit Value(std::same_as<bool> auto value)
      : data(std::in_place_index<2>, value) {}
  explicit Value(int64_t value) : data(std::in_place_index<3>, value) {}
  explicit Value(double value) : data(std::in_place_index<4>, value) {}
  explicit Value(std::string value)
      : data(std::in_place_index<5>,
             std::make_shared<const std::string>(std::move(value))) {}
  explicit Value(std::string_view value) : Value(std::string(value)) {}
  explicit Value(const char *value) : Value(std::string(value)) {}
  explicit Value(List items, ListKind kind = ListKind::List);
  explicit Value(Dict items);
  explicit Value(Namespace *value) : data(std::in_place_index<8>, value) {}
  explicit Value(Loop *value) : data(std::in_place_index<9>, value) {}
  explicit Value(std::shared_ptr<const Function> value)
      : data(std::in_place_index<10>, std::move(value)) {}

  static Value none();
  /// `why`: what a message says when the value is used.
  static Value undefined(std::string why);

  Kind kind() const { return Kind(data.index()); }
  bool is(Kind wanted) const { return kind() == wanted; }
  bool isUndefined() const { return is(Kind::Undefined); }
  bool isNone() const { return is(Kind::None); }
  bool isString() const { return is(Kind::String); }
  bool isList() const { return is(Kind::List); }
  bool isDict() const { return is(Kind::Dict); }
  bool isInteger() const { return is(Kind::Int) || is(Kind::Bool); }
  bool isNumber() const { return isInteger() || is(Kind::Float); }

  // Each for its kind only.
  bool boolean() const { return std::get<2>(data); }
  int64_t integer() const; ///< Of a Bool too.
  double real() const;     ///< Of any number.
  const std::string &string() const { return *std::get<5>(data); }
  /// Whether `+` escapes what is added to the string (Markup in Python).
  bool isSafe() const { return isSafeText; }
  const List &list() const { return std::get<6>(data)->items; }
  ListKind listKind() const { return std::get<6>(data)->kind; }
  const Dict &dict() const { return std::get<7>(data)->items; }
  Namespace *space() const { return std::get<8>(data); }
  Loop *loop() const { return std::get<9>(data); }
  const Function &function() const { return *std::get<10>(data); }
  std::shared_ptr<const Function> sharedFunction() const {
    return std::get<10>(data);
  }
  /// Why it is undefined.
  std::string reason() const;

  /// The same, but a string that is safe, or not.
  Value asSafe(bool safe = true) const {
    Value value = *this;
    value.isSafeText = safe && isString();
    return value;
  }

  /// The value of a dictionary's key, null if it has none.
  const Value *find(std::string_view key) const;
  const Value *find(const Value &key) const;

  /// How deep lists and dictionaries lie in it.
  uint32_t nesting() const;
  /// About the bytes of its text, parts that are shared counted each time.
  uint64_t weight() const;
  /// Python's name of its type: "str".
  const char *typeName() const;
  bool truth() const;

private:
  struct ListData {
    List items;
    ListKind kind;
    uint32_t nesting;
    uint64_t weight;
  };
  struct DictData {
    Dict items;
    uint32_t nesting;
    uint64_t weight;
  };
  using Data =
      std::variant<std::shared_ptr<const std::string>, std::monostate, bool,
                   int64_t, double, std::shared_ptr<const std::string>,
                   std::shared_ptr<const ListData>,
                   std::shared_ptr<const DictData>, Namespace *, Loop *,
                   std::shared_ptr<const Function>>;
  Data data;
  bool isSafeText = false;
};

/// What `namespace()` makes; its attributes change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
};

/// Whether Python's `==` holds.
bool equal(const Value &a, const Value &b);

/// Negative, 0 or positive as `a` is less than, equal to or greater than `b`;
/// none if Python does not order them.
std::optional<int> order(const Value &a, const Value &b);

/// Python's `str` and `repr`.
std::string toText(const Value &value);
std::string toRepr(const Value &value);

} // namespace mica::chat

#endif // RUNTIME_CHAT_VALUE_H
