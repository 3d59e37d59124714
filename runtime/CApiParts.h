//===- CApiParts.h - What the files of the C interface share ----*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CAPIPARTS_H
#define RUNTIME_CAPIPARTS_H

#include "mica-c/mica.h"
#include "mica/Model.h"
#include "runtime/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace mica::capi {

struct Loaded {
  Model model;
  std::optional<Tokenizer> tokenizer; // None if the artifact has none.
};

inline thread_local std::string lastError;

inline mica_status fail(mica_status status, std::string message) {
  lastError = std::move(message);
  return status;
}

inline mica_status fail(const Error &error) {
  return fail(MICA_FAILED, error.message);
}

inline mica_status invalid(const char *message) {
  return fail(MICA_INVALID, message);
}

/// Runs `body`, a function without arguments that returns a status.
template <class Body> mica_status guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    try {
      return fail(MICA_FAILED, "no memory left");
    } catch (...) {
      return MICA_FAILED;
    }
  } catch (...) {
    return MICA_FAILED;
  }
}

/// What the caller's options say. Fields that a newer caller set and this
/// library does not know are an error, as they would have no effect.
template <class T> bool readOptions(const T *given, T &options) {
  options = {};
  if (!given)
    return true;
  if (given->size < sizeof(size_t))
    return false;
  std::memcpy(&options, given, std::min(given->size, sizeof(T)));
  auto *bytes = reinterpret_cast<const unsigned char *>(given);
  return given->size <= sizeof(T) ||
         std::all_of(bytes + sizeof(T), bytes + given->size,
                     [](unsigned char byte) { return byte == 0; });
}

} // namespace mica::capi

struct mica_model {
  std::shared_ptr<mica::capi::Loaded> loaded;
};
struct mica_sampler {
  mica::Sampler sampler;
};

#endif // RUNTIME_CAPIPARTS_H
