//===- Workers.h - Threads that run a step together -------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WORKERS_H
#define RUNTIME_WORKERS_H

#include "mica/Status.h"
#include "mica/abi.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace mica {

/// When worker 0 reached the end of a phase and when all had, in nanoseconds of
/// a steady clock. The phase began where the event before it ended.
struct PhaseEvent {
  uint32_t phase; // An index into the manifest's phases, or one of those below.
  uint64_t arrived, left;

  static constexpr uint32_t StepBegin = UINT32_MAX;
  static constexpr uint32_t StepEnd = UINT32_MAX - 1;
};

/// Called when all workers have finished a phase, before any goes on; it may
/// read whatever the step points to.
using PhaseObserver =
    std::function<void(const mica_step &step, uint32_t phase)>;

/// A fixed team of threads. The caller of `run` is worker 0; with more than one
/// worker each is bound to a CPU of its own (Placement.h) while the team
/// exists, unless there are more workers than CPUs. Between steps and at
/// barriers a worker spins for a while, then sleeps; it spins less the more
/// often that was in vain, so that a busy machine is not made busier.
class Workers {
public:
  /// Starts `count` workers, 1 to 1024.
  static Expected<Workers> create(uint32_t count);
  Workers(Workers &&) noexcept;
  Workers &operator=(Workers &&) noexcept;
  ~Workers();

  uint32_t count() const;

  /// The CPU of each worker; empty if they are not bound.
  std::span<const int> cpus() const;

  /// Sets `step.sync` and calls `entry` on every worker; returns when all have.
  /// Denormal numbers are zero for as long.
  void run(mica_entry entry, mica_step &step);

  /// Begins (dropping what was recorded) or ends the recording of events.
  void record(bool on);
  std::span<const PhaseEvent> events() const;

  /// Has `observer` called at every barrier of later steps, by the worker that
  /// comes last; none if it is empty.
  void observe(PhaseObserver observer);

private:
  struct Team;
  explicit Workers(std::unique_ptr<Team> team);
  std::unique_ptr<Team> team;
};

/// The steady clock of events.
uint64_t nowNanoseconds();

} // namespace mica

#endif // RUNTIME_WORKERS_H
