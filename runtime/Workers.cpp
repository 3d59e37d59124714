//===- Workers.cpp - Threads that run a step together ---------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Workers.h"
#include "runtime/Placement.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace mica;

//===----------------------------------------------------------------------===//
// Meeting: where threads wait for each other
//===----------------------------------------------------------------------===//

namespace {

void pauseCPU() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free);

void futexWait(Word &word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void futexWakeAll(Word &word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

/// How long one thread spins before it sleeps. A wait that ended while spinning
/// doubles it, one that ended in sleep halves it.
class Patience {
public:
  /// Whether to go on spinning after `spun` rounds.
  bool allows(uint32_t spun) const { return spun < rounds; }
  void spunEnough() { rounds = std::min(rounds * 2, most); }
  void sleptAfterAll() { rounds = std::max(rounds / 2, least); }

  /// For teams with more workers than CPUs: who spins keeps the one that it
  /// waits for from running.
  void neverSpin() { rounds = most = least = 0; }

private:
  // A round is one pause, 20 to 50 ns: from 5 us to about 1 ms.
  uint32_t least = 1 << 8, most = 1 << 15;
  uint32_t rounds = most;
};

/// Where all threads of a team meet, again and again.
class Meeting {
public:
  /// Returns when `count` threads have called it. The last one calls `last`
  /// before anyone goes on.
  template <class Last>
  void arrive(uint32_t count, Patience &patience, Last last) {
    uint32_t round = generation.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      arrived.store(0, std::memory_order_relaxed);
      last();
      // Sequentially consistent, like the sleepers' side: either this thread
      // sees the sleeper, or the sleeper sees the new generation.
      generation.store(round + 1);
      if (sleepers.load())
        futexWakeAll(generation);
      return;
    }
    for (uint32_t spun = 0; patience.allows(spun); ++spun) {
      if (generation.load(std::memory_order_acquire) != round)
        return patience.spunEnough();
      pauseCPU();
    }
    patience.sleptAfterAll();
    sleepers.fetch_add(1);
    while (generation.load() == round)
      futexWait(generation, round);
    sleepers.fetch_sub(1);
  }

private:
  alignas(64) Word arrived{0};
  alignas(64) Word generation{0};
  alignas(64) Word sleepers{0};
};

/// Makes denormal numbers zero on this thread while it exists.
class FlushDenormals {
public:
#if defined(__x86_64__)
  FlushDenormals() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before); }

private:
  unsigned before;
#elif defined(__aarch64__)
  FlushDenormals() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | uint64_t(1) << 24));
  }
  ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }

private:
  uint64_t before;
#endif
};

} // namespace

uint64_t mica::nowNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

//===----------------------------------------------------------------------===//
// Team
//===----------------------------------------------------------------------===//

/// What generated code knows as `mica_sync`, with what the runtime adds.
struct Workers::Team {
  mica_sync sync = {}; // First, so that a pointer to it is one to the team.
  Meeting meeting;     // Phases, and the begin and end of a step.

  // Workers wait here until the team is whole, or its creation has failed.
  enum : uint32_t { Closed, Whole, Cancelled };
  Word gate{Closed};

  mica_entry entry = nullptr; // Null tells the workers to end.
  mica_step *step = nullptr;
  PhaseObserver observer;

  struct alignas(64) Worker {
    Patience patience;
    std::thread thread;
  };
  std::vector<Worker> workers;
  std::vector<int> cpus; // Of each worker; empty if they are not bound.

  // The caller's thread and where it might run before it was bound.
  std::thread::id bound;
  cpu_set_t before;

  bool recording = false;
  std::vector<PhaseEvent> events;

  static constexpr size_t kMaxEvents = 1 << 20;

  uint32_t count() const { return workers.size(); }
  void note(uint32_t phase, uint64_t arrived) {
    if (events.size() < kMaxEvents)
      events.push_back({phase, arrived, nowNanoseconds()});
  }
  void meet(uint32_t worker) {
    meeting.arrive(count(), workers[worker].patience, [this] { reset(); });
  }
  void endPhase(uint32_t worker, uint32_t phase) {
    auto last = [this, phase] {
      reset();
      if (observer)
        observer(*step, phase);
    };
    if (count() == 1)
      last();
    else
      meeting.arrive(count(), workers[worker].patience, last);
  }
  void reset() {
    // Generated code adds to it with atomic operations of its own.
    __atomic_store_n(&sync.next, 0, __ATOMIC_RELAXED);
  }
  static void barrier(mica_sync *sync, uint32_t worker, uint32_t workers,
                      uint32_t phase);
  void open(uint32_t state) {
    gate = state;
    futexWakeAll(gate);
  }
  void join() {
    for (Worker &worker : workers)
      if (worker.thread.joinable())
        worker.thread.join();
  }
  void serve(uint32_t worker);
  void bindCaller();
  void end();
};

static_assert(offsetof(mica_sync, next) == 64 && sizeof(mica_sync) == 128,
              "`next` has a cache line of its own");

void Workers::Team::barrier(mica_sync *sync, uint32_t worker, uint32_t,
                            uint32_t phase) {
  auto &team = *reinterpret_cast<Team *>(sync);
  bool note = worker == 0 && team.recording;
  uint64_t arrived = note ? nowNanoseconds() : 0;
  team.endPhase(worker, phase);
  if (note)
    team.note(phase, arrived);
}

// Compiled code has no type information in front of it, which the sanitizer of
// indirect calls would read.
#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
static void call(mica_entry entry, const mica_step *step, uint32_t worker,
                 uint32_t workers) {
  entry(step, worker, workers);
}

/// The life of every worker but the caller.
void Workers::Team::serve(uint32_t worker) {
  if (!cpus.empty())
    bindTo(cpus[worker]);
  FlushDenormals flush;
  while (gate == Closed)
    futexWait(gate, Closed);
  if (gate == Cancelled)
    return;
  while (true) {
    meet(worker);
    if (!entry)
      return;
    call(entry, step, worker, count());
    meet(worker);
  }
}

/// Binds the calling thread, once for each thread that calls.
void Workers::Team::bindCaller() {
  if (cpus.empty() || bound == std::this_thread::get_id())
    return;
  pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
  bindTo(cpus[0]);
  bound = std::this_thread::get_id();
}

void Workers::Team::end() {
  entry = nullptr;
  if (count() > 1)
    meet(0);
  join();
  if (bound == std::this_thread::get_id())
    pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
}

Expected<Workers> Workers::create(uint32_t count) {
  if (count < 1 || count > 1024)
    return Error{"threads: " + std::to_string(count) +
                 " workers, expected 1 to 1024"};
  auto team = std::make_unique<Team>();
  team->sync.barrier = Team::barrier;
  team->workers = std::vector<Team::Worker>(count);
  team->cpus = chooseCPUs(count);
  if (crowded(count))
    for (Team::Worker &worker : team->workers)
      worker.patience.neverSpin();
  for (uint32_t i = 1; i < count; ++i) {
    try {
      team->workers[i].thread =
          std::thread([team = team.get(), i] { team->serve(i); });
    } catch (const std::system_error &error) {
      team->open(Team::Cancelled);
      team->join();
      return Error{"threads: cannot start worker " + std::to_string(i) +
                   " of " + std::to_string(count) + ": " + error.what()};
    }
  }
  team->open(Team::Whole);
  return Workers(std::move(team));
}

Workers::Workers(std::unique_ptr<Team> team) : team(std::move(team)) {}
Workers::Workers(Workers &&) noexcept = default;
Workers &Workers::operator=(Workers &&other) noexcept {
  std::swap(team, other.team);
  return *this;
}
Workers::~Workers() {
  if (team)
    team->end();
}

uint32_t Workers::count() const { return team->count(); }

std::span<const int> Workers::cpus() const { return team->cpus; }

void Workers::run(mica_entry entry, mica_step &step) {
  step.sync = &team->sync;
  team->step = &step;
  team->sync.next = 0;
  team->bindCaller();
  FlushDenormals flush;
  if (team->recording)
    team->note(PhaseEvent::StepBegin, nowNanoseconds());
  if (team->count() == 1) {
    call(entry, &step, 0, 1);
  } else {
    team->entry = entry;
    team->meet(0);
    call(entry, &step, 0, team->count());
    team->meet(0);
  }
  if (team->recording)
    team->note(PhaseEvent::StepEnd, nowNanoseconds());
}

void Workers::record(bool on) {
  team->recording = on;
  if (on) {
    team->events.clear();
    team->events.reserve(1 << 12);
  }
}

std::span<const PhaseEvent> Workers::events() const { return team->events; }

void Workers::observe(PhaseObserver observer) {
  team->observer = std::move(observer);
}
