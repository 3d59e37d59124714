//===- PlacementTest.cpp - Workers on machines that hwloc describes -------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Placement.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <hwloc.h>
#include <map>
#include <numeric>
#include <set>
#include <unistd.h>

using namespace mica;

namespace {

using CPUs = std::vector<int>;

/// CPUs `first` to `last`.
CPUs range(int first, int last) {
  CPUs cpus(last - first + 1);
  std::iota(cpus.begin(), cpus.end(), first);
  return cpus;
}

/// The CPUs of a synthetic machine (hwloc's notation) that are in `allowed`.
/// Those in `slow` are of a kind that is half as fast.
std::vector<MachineCPU> machine(const char *description,
                                CPUs allowed = range(0, 1023),
                                const CPUs &slow = {}) {
  hwloc_topology_t topology;
  EXPECT_EQ(hwloc_topology_init(&topology), 0);
  EXPECT_EQ(hwloc_topology_set_synthetic(topology, description), 0);
  EXPECT_EQ(hwloc_topology_load(topology), 0);
  if (!slow.empty()) {
    hwloc_bitmap_t few = hwloc_bitmap_alloc(), others = hwloc_bitmap_alloc();
    for (int cpu : slow)
      hwloc_bitmap_set(few, cpu);
    hwloc_bitmap_andnot(others, hwloc_topology_get_topology_cpuset(topology),
                        few);
    EXPECT_EQ(hwloc_cpukinds_register(topology, few, 0, 0, nullptr, 0), 0);
    EXPECT_EQ(hwloc_cpukinds_register(topology, others, 1, 0, nullptr, 0), 0);
    hwloc_bitmap_free(few);
    hwloc_bitmap_free(others);
  }
  std::vector<MachineCPU> cpus = readCPUs(topology, allowed);
  hwloc_topology_destroy(topology);
  return cpus;
}

TEST(Placement, OneCore) {
  auto cpus = machine("core:1 pu:1");
  EXPECT_EQ(countCores(cpus), 1u);
  EXPECT_EQ(placeWorkers(cpus, 1, 0), CPUs{0});
  EXPECT_EQ(placeWorkers(cpus, 2, 0), CPUs{});
  EXPECT_EQ(placeWorkers({}, 1, 0), CPUs{});
}

TEST(Placement, CoresBeforeTheirSecondThreads) {
  auto cpus = machine("core:4 pu:2");
  EXPECT_EQ(countCores(cpus), 4u);
  EXPECT_EQ(placeWorkers(cpus, 4, 0), (CPUs{0, 2, 4, 6}));
  EXPECT_EQ(placeWorkers(cpus, 6, 0), (CPUs{0, 2, 4, 6, 1, 3}));
  EXPECT_EQ(placeWorkers(cpus, 8, 0), (CPUs{0, 2, 4, 6, 1, 3, 5, 7}));
}

TEST(Placement, BeginsWhereTheCallerIs) {
  auto cpus = machine("core:4 pu:2");
  EXPECT_EQ(placeWorkers(cpus, 2, 4), (CPUs{4, 6}));
  EXPECT_EQ(placeWorkers(cpus, 3, 5), (CPUs{4, 6, 0})) << "a second thread";
  EXPECT_EQ(placeWorkers(cpus, 2, 99), (CPUs{0, 2})) << "an unknown CPU";
}

TEST(Placement, FewestNodes) {
  auto cpus = machine("node:2 core:4 pu:2");
  EXPECT_EQ(countCores(cpus), 8u);
  EXPECT_EQ(placeWorkers(cpus, 4, 0), (CPUs{0, 2, 4, 6}));
  EXPECT_EQ(placeWorkers(cpus, 3, 10), (CPUs{10, 12, 14}));
  EXPECT_EQ(placeWorkers(cpus, 4, 10), (CPUs{10, 12, 14, 8}));
  // On two nodes, half of the team each.
  EXPECT_EQ(placeWorkers(cpus, 6, 0), (CPUs{0, 8, 2, 10, 4, 12}));
  EXPECT_EQ(placeWorkers(cpus, 9, 8), (CPUs{8, 0, 10, 2, 12, 4, 14, 6, 9}));
}

TEST(Placement, DealsOverCaches) {
  auto cpus = machine("node:1 l3:4 core:2 pu:1");
  EXPECT_EQ(placeWorkers(cpus, 4, 0), (CPUs{0, 2, 4, 6}));
  EXPECT_EQ(placeWorkers(cpus, 6, 0), (CPUs{0, 2, 4, 6, 1, 3}));
  EXPECT_EQ(placeWorkers(cpus, 4, 5), (CPUs{5, 7, 1, 3}));
}

TEST(Placement, FastCoresFirst) {
  // Two fast cores with two threads and four slow ones; the latter's numbers
  // are the lower ones.
  CPUs all = range(0, 11), allowed{0, 2, 4, 6, 8, 9, 10, 11};
  auto cpus = machine("core:6 pu:2", allowed, range(0, 7));
  EXPECT_EQ(countCores(cpus), 6u);
  EXPECT_EQ(placeWorkers(cpus, 2, 0), (CPUs{8, 10}));
  EXPECT_EQ(placeWorkers(cpus, 6, 0), (CPUs{8, 10, 0, 2, 4, 6}));
  EXPECT_EQ(placeWorkers(cpus, 8, 0), (CPUs{8, 10, 0, 2, 4, 6, 9, 11}));
}

TEST(Placement, AllowedCPUsOnly) {
  auto cpus = machine("node:2 core:4 pu:2", {3, 8, 9, 12, 14});
  EXPECT_EQ(countCores(cpus), 4u) << "a core counts by any thread of it";
  EXPECT_EQ(placeWorkers(cpus, 1, 3), CPUs{3});
  EXPECT_EQ(placeWorkers(cpus, 3, 3), (CPUs{8, 12, 14})) << "one node does";
  EXPECT_EQ(placeWorkers(cpus, 5, 3), (CPUs{3, 8, 12, 14, 9}));
  EXPECT_EQ(placeWorkers(cpus, 6, 3), CPUs{});
}

/// What holds on every machine, for every size of a team and every caller.
TEST(Placement, Invariants) {
  for (const char *description :
       {"core:1 pu:1", "core:3 pu:4", "node:2 core:8 pu:2",
        "pack:2 node:2 l3:2 core:3 pu:2", "node:1 l3:4 core:2 pu:1",
        "pack:2 node:1 l3:3 core:4 pu:1", "node:8 core:2 pu:2"}) {
    auto cpus = machine(description);
    std::map<int, MachineCPU> byNumber;
    std::map<uint32_t, uint32_t> nodeCores;
    for (const MachineCPU &cpu : cpus) {
      byNumber[cpu.cpu] = cpu;
      nodeCores[cpu.node] += cpu.thread == 0;
    }
    uint32_t perNode = nodeCores.begin()->second; // All are equal here.
    for (uint32_t count = 1; count <= cpus.size(); ++count)
      for (const MachineCPU &here : cpus) {
        SCOPED_TRACE(description + (" " + std::to_string(count)) + " from " +
                     std::to_string(here.cpu));
        CPUs placed = placeWorkers(cpus, count, here.cpu);
        ASSERT_EQ(placed.size(), count);
        EXPECT_EQ(std::set<int>(placed.begin(), placed.end()).size(), count);
        EXPECT_EQ(byNumber[placed[0]].core, here.core);
        std::set<uint32_t> cores, nodes;
        for (int cpu : placed) {
          cores.insert(byNumber[cpu].core);
          nodes.insert(byNumber[cpu].node);
        }
        EXPECT_EQ(cores.size(), std::min(count, countCores(cpus)));
        EXPECT_EQ(nodes.size(), std::min<size_t>((count - 1) / perNode + 1,
                                                 nodeCores.size()));
      }
  }
}

TEST(Placement, ThisProcess) {
  EXPECT_GE(defaultWorkers(), 1u);
  EXPECT_FALSE(crowded(1));
  EXPECT_TRUE(crowded(1 << 20));
  EXPECT_EQ(chooseCPUs(1), CPUs{}) << "one worker stays free";
  EXPECT_EQ(chooseCPUs(1 << 20), CPUs{});
}

class Quota : public ::testing::Test {
protected:
  void SetUp() override {
    std::filesystem::create_directories(root / "outer/inner");
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  void write(const std::string &folder, const std::string &text) {
    std::ofstream(root / folder / "cpu.max") << text;
  }
  uint32_t read(const std::string &folder) { return quotaCPUs(root, folder); }

  std::filesystem::path root = std::filesystem::temp_directory_path() /
                               ("mica-quota-" + std::to_string(getpid()));
};

TEST_F(Quota, LeastOfAllFolders) {
  EXPECT_EQ(read(""), 0u);
  EXPECT_EQ(read("/outer/inner"), 0u);
  write("outer", "max 100000\n");
  EXPECT_EQ(read("/outer/inner"), 0u);
  write("outer/inner", "250000 100000\n");
  EXPECT_EQ(read("/outer/inner"), 3u) << "rounded up";
  EXPECT_EQ(read("/outer"), 0u);
  write("outer", "200000 100000\n");
  EXPECT_EQ(read("/outer/inner"), 2u) << "of the outer one";
}

TEST_F(Quota, NonsenseIsNoLimit) {
  for (const char *text : {"", "0 100000", "100000 0", "100000", "-1 -1 x",
                           "\xff\xfe", "99999999999999999999999 1"}) {
    write("outer", text);
    EXPECT_EQ(read("/outer"), 0u) << text;
  }
}

} // namespace
