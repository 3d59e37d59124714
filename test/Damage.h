//===- Damage.h - What may have happened to a file --------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TEST_DAMAGE_H
#define TEST_DAMAGE_H

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace mica::test {

/// How many versions of a file a test damages.
constexpr int kDamaged = 1000;

/// The bytes of a file, which are not none, with bits flipped, numbers of
/// extreme values, a part missing, twice there or of bytes that are no text.
inline std::string damaged(std::string whole, std::mt19937 &random) {
  static constexpr uint64_t numbers[] = {
      0,     1,         0x7fffffff, 0x80000000, ~0u, uint64_t(1) << 32,
      ~0ull, ~0ull / 2, 1ull << 63, ~0ull - 31, 255};
  size_t at = random() % whole.size();
  size_t size = 1 + random() % std::min<size_t>(whole.size() - at, 64);
  switch (random() % 6) {
  case 0:
    return whole.substr(0, at);
  case 1: {
    uint64_t number = numbers[random() % std::size(numbers)];
    size_t width = std::min<size_t>(whole.size() - at, 1u << random() % 4);
    std::memcpy(whole.data() + at, &number, width);
    return whole;
  }
  case 2:
    return whole.erase(at, size);
  case 3:
    return whole.insert(at, whole.substr(at, size));
  case 4: {
    static const std::string parts[] = {
        "\xff",         "\xc0\x80",
        "\xed\xa0\x80", std::string(1, '\0'),
        "\xe2\x80",     std::string(20000, '[')};
    return whole.insert(at, parts[random() % std::size(parts)]);
  }
  default:
    for (uint32_t flips = 1 + random() % 3; flips--;)
      whole[random() % whole.size()] ^= char(1 << random() % 8);
    return whole;
  }
}

/// A value of JSON at any depth of `json`.
inline nlohmann::ordered_json &anyValue(nlohmann::ordered_json &json,
                                        std::mt19937 &random) {
  auto *value = &json;
  while (value->is_structured() && !value->empty() &&
         (value == &json || random() % 4)) {
    auto it = value->begin();
    std::advance(it, random() % std::min<size_t>(value->size(), 200));
    value = &*it;
  }
  return *value;
}

/// The text of `json`, an object, with one value that is of another type,
/// extreme, missing, twice there, nested deeply, no text, or another one's.
inline std::string damagedJson(nlohmann::ordered_json json,
                               std::mt19937 &random) {
  using Json = nlohmann::ordered_json;
  static const Json values[] = {nullptr,
                                true,
                                false,
                                0,
                                1,
                                -1,
                                3,
                                0.5,
                                -1e-308,
                                1e308,
                                2147483647,
                                4294967296,
                                INT64_MAX,
                                INT64_MIN,
                                UINT64_MAX,
                                "",
                                "8",
                                "\n\x1b'",
                                std::string(1, '\0'),
                                std::string(20000, 'a'),
                                Json::array(),
                                Json::object(),
                                {{"a", 1}},
                                {1, -1, 0.5},
                                {nullptr},
                                Json::array({Json::array({1})})};
  // What `values` cannot say, each in the place of a string.
  static const std::pair<std::string, std::string> raw[] = {
      {"1e999", ""},
      {"123456789012345678901234567890", ""},
      {"\"\xff\xc0\x80\"", ""},
      {"\"\\ud800\"", ""},
      {"NaN", ""},
      {std::string(40000, '['), ""},
      {std::string(20000, '['), std::string(20000, ']')}};
  static const std::string mark = "@raw@";
  Json &value = anyValue(json, random);
  switch (random() % 5) {
  case 0: {
    value = mark;
    auto &[begin, end] = raw[random() % std::size(raw)];
    std::string text = json.dump();
    return text.replace(text.find('"' + mark + '"'), mark.size() + 2,
                        begin + end);
  }
  case 1: {
    Json other = anyValue(json, random);
    value = std::move(other);
    return json.dump();
  }
  case 2:
    if (value.is_structured() && !value.empty()) {
      auto it = value.begin();
      std::advance(it, random() % std::min<size_t>(value.size(), 200));
      if (value.is_object() && random() % 2) {
        std::string twice = Json{{it.key(), values[random() % 9]}}.dump();
        std::string text = json.dump();
        size_t at = text.find(Json(it.key()).dump() + ":");
        return text.insert(at, twice.substr(1, twice.size() - 2) + ",");
      }
      value.erase(it);
      return json.dump();
    }
    [[fallthrough]];
  default:
    value = values[random() % std::size(values)];
    return json.dump();
  }
}

} // namespace mica::test

#endif // TEST_DAMAGE_H
