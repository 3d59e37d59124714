//===- GGUF.cpp - Typed access to a GGUF file's metadata ------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/GGUF.h"

#include <limits>

using namespace mica;

static const char *typeName(GGUF::Type type) {
  static const char *const names[] = {"u8",  "i8",  "u16",  "i16",    "u32",
                                      "i32", "f32", "bool", "string", "array",
                                      "u64", "i64", "f64"};
  return names[uint32_t(type)];
}

template <class T> static T load(const std::byte *data) {
  return UnalignedArray<T>(data, 1)[0];
}

const GGUF::Value *GGUF::lookup(std::string_view key) const {
  auto it = values.find(key);
  return it == values.end() ? nullptr : &it->second;
}

Error GGUF::wrongType(std::string_view key, const char *wanted) const {
  const Value *value = lookup(key);
  std::string found = "missing";
  if (value)
    found = (value->array ? "an array of " : "of type ") +
            std::string(typeName(value->type));
  return Error{path() + ": metadata " + quote(key) + " is " + found +
               ", expected " + wanted};
}

/// Element `i` widened, false if `type` is no integer or the value too large.
static bool readInteger(GGUF::Type type, const std::byte *data, uint64_t i,
                        int64_t &result) {
  using Type = GGUF::Type;
  switch (type) {
  case Type::U8:
  case Type::Bool:
    return result = load<uint8_t>(data + i), true;
  case Type::I8:
    return result = load<int8_t>(data + i), true;
  case Type::U16:
    return result = load<uint16_t>(data + 2 * i), true;
  case Type::I16:
    return result = load<int16_t>(data + 2 * i), true;
  case Type::U32:
    return result = load<uint32_t>(data + 4 * i), true;
  case Type::I32:
    return result = load<int32_t>(data + 4 * i), true;
  case Type::I64:
  case Type::U64:
    result = load<int64_t>(data + 8 * i);
    return type == Type::I64 || result >= 0;
  default:
    return false;
  }
}

Expected<int64_t> GGUF::getInt(std::string_view key) const {
  const Value *value = lookup(key);
  int64_t result;
  if (!value || value->array || value->type == Type::Bool ||
      !readInteger(value->type, value->data.data(), 0, result))
    return wrongType(key, "an integer below 2^63");
  return result;
}

Expected<double> GGUF::getFloat(std::string_view key) const {
  const Value *value = lookup(key);
  if (value && !value->array && value->type == Type::F32)
    return double(load<float>(value->data.data()));
  if (value && !value->array && value->type == Type::F64)
    return load<double>(value->data.data());
  return wrongType(key, "a float");
}

Expected<bool> GGUF::getBool(std::string_view key) const {
  const Value *value = lookup(key);
  if (!value || value->array || value->type != Type::Bool)
    return wrongType(key, "a bool");
  return load<uint8_t>(value->data.data()) != 0;
}

Expected<std::string_view> GGUF::getString(std::string_view key) const {
  const Value *value = lookup(key);
  if (!value || value->array || value->type != Type::String)
    return wrongType(key, "a string");
  auto *text = reinterpret_cast<const char *>(value->data.data());
  return std::string_view(text + 8, value->data.size() - 8);
}

Expected<std::vector<std::string_view>>
GGUF::getStrings(std::string_view key) const {
  const Value *value = lookup(key);
  if (!value || !value->array || value->type != Type::String)
    return wrongType(key, "an array of strings");
  std::vector<std::string_view> result;
  result.reserve(value->count); // checked: each takes at least 8 bytes
  const std::byte *at = value->data.data();
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t length = load<uint64_t>(at);
    result.emplace_back(reinterpret_cast<const char *>(at + 8), length);
    at += 8 + length;
  }
  return result;
}

Expected<UnalignedArray<float>> GGUF::getFloats(std::string_view key) const {
  const Value *value = lookup(key);
  if (!value || !value->array || value->type != Type::F32)
    return wrongType(key, "an array of f32");
  return UnalignedArray<float>(value->data.data(), value->count);
}

Expected<std::vector<int64_t>> GGUF::getInts(std::string_view key) const {
  const Value *value = lookup(key);
  if (!value || !value->array)
    return wrongType(key, "an array of integers");
  std::vector<int64_t> result(value->count); // checked: a byte each at least
  for (uint64_t i = 0; i < value->count; ++i)
    if (!readInteger(value->type, value->data.data(), i, result[i]))
      return wrongType(key, "an array of integers below 2^63");
  return result;
}

bool GGUF::isArray(std::string_view key) const {
  const Value *value = lookup(key);
  return value && value->array;
}
