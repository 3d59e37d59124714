//===- Machine.h - What this machine can do at best -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_MACHINE_H
#define TOOLS_MICA_MACHINE_H

#include "runtime/Memory.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mica {

/// A loop that does one thing as fast as it can. `run` does `amount` of it, or
/// a little more, and returns what it did: bytes read or operations (a
/// multiplication and an addition are two).
struct Loop {
  std::string name; // "read 4 streams", "bf16 avx512".
  std::function<double(const uint8_t *data, uint64_t size)> run;
};

/// The loops that this CPU can run.
std::vector<Loop> readLoops();
/// Those for an operand type: "f32", "f16", "bf16" or "i8", f32 being a way to
/// compute the wider ones. "i4/32" is exact sums of products of codes of 4 bits
/// (1 to 8) with bytes over groups of 32 (or 16), which tiles have to leave and
/// for which few bits are faster without VNNI; the groups' scales are not in it.
std::vector<Loop> dotLoops(std::string_view type);

/// The best rate found for one kind of loop.
struct Rate {
  double perSecond = 0;
  std::string loop;
};

/// Measures ceilings. Holds the memory that the readers read.
class Machine {
public:
  static Expected<Machine> create();

  /// Bytes per second over all threads, the best of all readers; `repeats` runs
  /// of each, of about `milliseconds` each.
  Rate bandwidth(uint32_t threads, int repeats, double milliseconds);

  /// Operations per second over all threads, of each loop for the type.
  std::vector<Rate> dots(std::string_view type, uint32_t threads, int repeats,
                         double milliseconds) const;

  /// The best of those.
  Rate peak(std::string_view type, uint32_t threads, int repeats,
            double milliseconds) const;

private:
  explicit Machine(Memory memory) : memory(std::move(memory)) {}
  Memory memory;
  uint64_t unread = 0; // Where each thread's reader goes on.
};

} // namespace mica

#endif // TOOLS_MICA_MACHINE_H
