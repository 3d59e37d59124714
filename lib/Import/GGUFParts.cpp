//===- GGUFParts.cpp - A model in several GGUF files ----------------------===//
//
// As llama.cpp's gguf-split writes them: each part is a GGUF file that says in
// its metadata which one it is (split.no, from 0) and of how many
// (split.count), and its name says the same.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Import/GGUFParts.h"

#include <algorithm>
#include <cstdio>

using namespace mica;

namespace {

/// "-00002-of-00003.gguf" for part 1 of 3.
std::string ending(int64_t part, int64_t count) {
  char text[64];
  std::snprintf(text, sizeof(text), "-%05lld-of-%05lld.gguf",
                (long long)part + 1, (long long)count);
  return text;
}

/// Checks that a part's metadata has an integer of that value.
Status expectValue(const GGUF &gguf, const char *key, int64_t wanted) {
  Expected<int64_t> found = gguf.getInt(key);
  if (!found)
    return found.takeError();
  if (*found != wanted)
    return Error{gguf.path() + ": metadata " + quote(key) + " is " +
                 std::to_string(*found) + ", expected " +
                 std::to_string(wanted)};
  return {};
}

/// The number of parts by the first one's metadata; 1 if it speaks of none.
Expected<int64_t> countParts(const GGUF &first) {
  if (!first.contains("split.count"))
    return 1;
  Expected<int64_t> count = first.getInt("split.count");
  if (!count)
    return count;
  // The names have five digits.
  if (*count < 0 || *count > 99999)
    return Error{first.path() + ": metadata 'split.count' is " +
                 std::to_string(*count) + ", expected 1 to 99999"};
  return std::max<int64_t>(*count, 1);
}

/// What the names of all parts begin with, given the path of the first one.
Expected<std::string> findStem(const GGUF &first, int64_t count) {
  Expected<int64_t> number = first.getInt("split.no");
  if (!number)
    return number.takeError();
  const std::string &path = first.path();
  std::string wanted = ending(0, count);
  if (*number != 0)
    return Error{path + ": part " + std::to_string(*number + 1) + " of " +
                 std::to_string(count) + ", expected the first part, *" +
                 wanted};
  if (!path.ends_with(wanted))
    return Error{path + ": first of " + std::to_string(count) +
                 " parts, expected a name that ends in " + wanted};
  return path.substr(0, path.size() - wanted.size());
}

Status checkTensorCount(const std::vector<GGUF> &parts) {
  if (!parts[0].contains("split.tensors.count"))
    return {};
  Expected<int64_t> wanted = parts[0].getInt("split.tensors.count");
  if (!wanted)
    return wanted.takeError();
  size_t found = 0;
  for (const GGUF &part : parts)
    found += part.tensors().size();
  if (int64_t(found) != *wanted)
    return Error{parts[0].path() + ": " + std::to_string(found) +
                 " tensors in all parts, expected " + std::to_string(*wanted)};
  return {};
}

} // namespace

Expected<std::vector<GGUF>> mica::openGGUFParts(const std::string &path) {
  Expected<GGUF> first = GGUF::open(path);
  if (!first)
    return first.takeError();
  Expected<int64_t> count = countParts(*first);
  if (!count)
    return count.takeError();
  std::vector<GGUF> parts = {*first};
  if (*count == 1)
    return parts;
  Expected<std::string> stem = findStem(*first, *count);
  if (!stem)
    return stem.takeError();
  for (int64_t i = 1; i < *count; ++i) {
    Expected<GGUF> part = GGUF::open(*stem + ending(i, *count));
    if (!part)
      return part.takeError();
    if (Status s = expectValue(*part, "split.no", i); !s)
      return s.takeError();
    if (Status s = expectValue(*part, "split.count", *count); !s)
      return s.takeError();
    parts.push_back(std::move(*part));
  }
  if (Status s = checkTensorCount(parts); !s)
    return s.takeError();
  return parts;
}
