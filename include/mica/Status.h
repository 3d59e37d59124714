//===- Status.h - Errors without exceptions ---------------------*- C++ -*-===//
//
// What can fail on a user's input returns an `Expected<T>`: a value, or one line
// that names the file, the thing, what was found and what was expected.
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef MICA_STATUS_H
#define MICA_STATUS_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace mica {

/// Why something failed, in one lower-case line without a final period.
struct Error {
  std::string message;
};

/// A value, or the reason why there is none.
template <class T> class [[nodiscard]] Expected {
public:
  Expected(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() {
    assert(*this && "no value");
    return std::get<0>(state);
  }
  const T &operator*() const {
    assert(*this && "no value");
    return std::get<0>(state);
  }
  T *operator->() { return &**this; }
  const T *operator->() const { return &**this; }
  const Error &error() const { return std::get<1>(state); }
  Error takeError() { return std::move(std::get<1>(state)); }

private:
  std::variant<T, Error> state;
};

/// Success, or the reason of the failure. `Status()` is success.
template <> class [[nodiscard]] Expected<void> {
public:
  Expected() = default;
  Expected(Error error) : failed(true), reason(std::move(error)) {}

  explicit operator bool() const { return !failed; }
  const Error &error() const { return reason; }
  Error takeError() { return std::move(reason); }

private:
  bool failed = false;
  Error reason;
};

using Status = Expected<void>;

} // namespace mica

#endif // MICA_STATUS_H
