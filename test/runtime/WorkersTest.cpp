//===- WorkersTest.cpp - Barriers, also on a busy machine -----------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Workers.h"
#include "runtime/Placement.h"

#include "gtest/gtest.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <sched.h>
#include <thread>
#include <vector>

using namespace mica;

namespace {

constexpr uint32_t kPhases = 300;

/// What the entries below share; they find it in the step's first arena.
struct Shared {
  std::atomic<uint32_t> arrived[kPhases] = {};
  std::atomic<uint32_t> tasks[kPhases] = {};
  std::atomic<uint32_t> errors{0};
  uint64_t written[64] = {}; // [worker], not atomic: barriers order it.
};

/// Meets in every phase; nobody may go on before all have come, and each task
/// of a phase is done once.
void meetOften(const mica_step *step, uint32_t worker, uint32_t workers) {
  auto &shared = *reinterpret_cast<Shared *>(step->arena[0]);
  for (uint32_t phase = 0; phase < kPhases; ++phase) {
    while (__atomic_fetch_add(&step->sync->next, 1, __ATOMIC_RELAXED) < 7)
      ++shared.tasks[phase];
    ++shared.arrived[phase];
    shared.written[worker] = phase;
    step->sync->barrier(step->sync, worker, workers, phase);
    for (uint32_t other = 0; other < workers; ++other)
      shared.errors += shared.written[other] != phase;
    shared.errors += shared.arrived[phase] != workers;
    step->sync->barrier(step->sync, worker, workers, phase);
  }
}

void checkMeetings(Workers &workers, int steps) {
  for (int i = 0; i < steps; ++i) {
    Shared shared;
    mica_step step = {};
    step.arena[0] = reinterpret_cast<uint8_t *>(&shared);
    workers.run(meetOften, step);
    EXPECT_EQ(shared.errors, 0u);
    for (uint32_t phase = 0; phase < kPhases; ++phase)
      ASSERT_EQ(shared.tasks[phase], 7u) << phase;
  }
}

/// The CPUs' time that this process has taken.
uint64_t processNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

class WorkersOf : public ::testing::TestWithParam<uint32_t> {};

TEST_P(WorkersOf, Barrier) {
  auto workers = Workers::create(GetParam());
  ASSERT_TRUE(workers) << workers.error().message;
  EXPECT_EQ(workers->count(), GetParam());
  checkMeetings(*workers, 5);
}

TEST_P(WorkersOf, ObserverSeesWholePhases) {
  auto workers = Workers::create(GetParam());
  ASSERT_TRUE(workers);
  uint32_t calls = 0, wrong = 0;
  workers->observe([&](const mica_step &step, uint32_t phase) {
    auto &shared = *reinterpret_cast<const Shared *>(step.arena[0]);
    wrong += phase != calls++ / 2;
    wrong += shared.arrived[phase] != GetParam();
    for (uint32_t worker = 0; worker < GetParam(); ++worker)
      wrong += shared.written[worker] != phase;
  });
  checkMeetings(*workers, 1);
  EXPECT_EQ(calls, 2 * kPhases);
  EXPECT_EQ(wrong, 0u);
  workers->observe({});
  checkMeetings(*workers, 1);
  EXPECT_EQ(calls, 2 * kPhases);
}

TEST_P(WorkersOf, BusyMachine) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 3; ++i)
    busy.emplace_back([&] {
      while (!stop)
        ;
    });
  auto workers = Workers::create(GetParam());
  ASSERT_TRUE(workers);
  checkMeetings(*workers, 1);
  stop = true;
  for (std::thread &thread : busy)
    thread.join();
}

// Also more than there are CPUs in most machines.
INSTANTIATE_TEST_SUITE_P(Counts, WorkersOf,
                         ::testing::Values(1, 2, 3, 4, 5, 8, 16));

TEST(Workers, SleepBetweenSteps) {
  auto workers = Workers::create(2);
  ASSERT_TRUE(workers);
  for (int i = 0; i < 3; ++i) {
    checkMeetings(*workers, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// A team that does not fit on the CPUs, whose last worker comes late each
/// time.
TEST(Workers, Crowded) {
  uint32_t count = 64;
  while (!crowded(count))
    count *= 2;
  auto workers = Workers::create(count);
  ASSERT_TRUE(workers);
  EXPECT_TRUE(workers->cpus().empty());
  workers->record(true);
  uint64_t begin = processNanoseconds();
  mica_step step = {};
  workers->run(
      [](const mica_step *step, uint32_t worker, uint32_t workers) {
        if (worker + 1 == workers)
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
        step->sync->barrier(step->sync, worker, workers, 0);
      },
      step);
  ASSERT_EQ(workers->events().size(), 3u);
  EXPECT_GE(workers->events().back().left - workers->events().front().left,
            200'000'000u);
  // Who waits sleeps: spinning would have taken about a millisecond of each.
  EXPECT_LT(processNanoseconds() - begin, count * 300'000u);
}

TEST(Workers, CPUs) {
  auto one = Workers::create(1);
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->cpus().empty());
  auto team = Workers::create(2);
  ASSERT_TRUE(team);
  if (crowded(2))
    return;
  ASSERT_EQ(team->cpus().size(), 2u);
  int found[2] = {-1, -1};
  mica_step step = {};
  step.arena[2] = reinterpret_cast<uint8_t *>(found);
  team->run(
      [](const mica_step *step, uint32_t worker, uint32_t) {
        reinterpret_cast<int *>(step->arena[2])[worker] = sched_getcpu();
      },
      step);
  EXPECT_EQ(found[0], team->cpus()[0]);
  EXPECT_EQ(found[1], team->cpus()[1]);
}

TEST(Workers, Counts) {
  auto none = Workers::create(0);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "threads: 0 workers, expected 1 to 1024");
  EXPECT_FALSE(Workers::create(1025));
}

/// Leaves in each worker's arena what the smallest normal number halved is.
void halveSmallest(const mica_step *step, uint32_t worker, uint32_t) {
  auto *results = reinterpret_cast<volatile float *>(step->arena[2]);
  volatile float smallest = 1.17549435e-38f;
  results[worker] = smallest * 0.5f;
}

TEST(Workers, DenormalsAreZeroInWorkersOnly) {
  auto workers = Workers::create(2);
  ASSERT_TRUE(workers);
  float results[2] = {1, 1};
  mica_step step = {};
  step.arena[2] = reinterpret_cast<uint8_t *>(results);
  workers->run(halveSmallest, step);
  EXPECT_EQ(results[0], 0);
  EXPECT_EQ(results[1], 0);
  volatile float smallest = 1.17549435e-38f;
  EXPECT_GT(smallest * 0.5f, 0);
}

TEST(Workers, CallerKeepsItsCPUs) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  {
    auto workers = Workers::create(2);
    ASSERT_TRUE(workers);
    checkMeetings(*workers, 1);
  }
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(Workers, Events) {
  auto workers = Workers::create(2);
  ASSERT_TRUE(workers);
  checkMeetings(*workers, 1);
  EXPECT_TRUE(workers->events().empty());
  workers->record(true);
  checkMeetings(*workers, 1);
  auto events = workers->events();
  ASSERT_EQ(events.size(), 2 * kPhases + 2);
  EXPECT_EQ(events.front().phase, PhaseEvent::StepBegin);
  EXPECT_EQ(events.back().phase, PhaseEvent::StepEnd);
  for (size_t i = 1; i < events.size(); ++i) {
    EXPECT_LE(events[i - 1].left, events[i].arrived);
    EXPECT_LE(events[i].arrived, events[i].left);
  }
  workers->record(true);
  EXPECT_TRUE(workers->events().empty());
}

} // namespace
