//===- Placement.cpp - Which CPUs workers run on --------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "runtime/Placement.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <hwloc.h>
#include <map>
#include <pthread.h>
#include <sched.h>
#include <tuple>
#include <unistd.h>

using namespace mica;

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

/// How fast the CPU's kind is among those of the machine; 0 if that is unknown.
static int efficiency(hwloc_topology_t topology, hwloc_obj_t pu) {
  int kind = hwloc_cpukinds_get_by_cpuset(topology, pu->cpuset, 0), result = 0;
  if (kind < 0 || hwloc_cpukinds_get_info(topology, kind, nullptr, &result,
                                          nullptr, nullptr, 0))
    return 0;
  return std::max(result, 0);
}

/// The number of the thing of this type that holds `object`, or `otherwise`.
static uint32_t around(hwloc_topology_t topology, hwloc_obj_type_t type,
                       hwloc_obj_t object, uint32_t otherwise) {
  hwloc_obj_t found = hwloc_get_ancestor_obj_by_type(topology, type, object);
  return found ? found->logical_index : otherwise;
}

std::vector<MachineCPU> mica::readCPUs(hwloc_topology *topology,
                                       std::span<const int> allowed) {
  std::vector<MachineCPU> cpus;
  std::map<uint32_t, uint32_t> threads; // Of each core, so far.
  int fastest = 0;
  for (hwloc_obj_t pu = nullptr;
       (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu));) {
    int cpu = static_cast<int>(pu->os_index);
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      continue;
    // Nodes without CPUs come after those that have some.
    int node = hwloc_bitmap_first(pu->nodeset);
    uint32_t core =
        around(topology, HWLOC_OBJ_CORE, pu, uint32_t(pu->logical_index));
    int rank = efficiency(topology, pu);
    fastest = std::max(fastest, rank);
    cpus.push_back({cpu, uint32_t(std::max(node, 0)),
                    around(topology, HWLOC_OBJ_L3CACHE, pu, 0), core,
                    threads[core]++, uint32_t(rank)});
  }
  for (MachineCPU &cpu : cpus)
    cpu.kind = fastest - cpu.kind;
  return cpus;
}

uint32_t mica::countCores(std::span<const MachineCPU> cpus) {
  return std::count_if(cpus.begin(), cpus.end(),
                       [](const MachineCPU &cpu) { return cpu.thread == 0; });
}

//===----------------------------------------------------------------------===//
// Workers on it
//===----------------------------------------------------------------------===//

/// The fewest nodes that have `count` cores, that of `home` among them unless
/// another has enough alone; all nodes where that is too few.
static std::vector<uint32_t> chooseNodes(std::span<const MachineCPU> cpus,
                                         uint32_t count,
                                         const MachineCPU &home) {
  std::map<uint32_t, uint32_t> cores;
  for (const MachineCPU &cpu : cpus)
    cores[cpu.node] += cpu.thread == 0;
  std::vector<uint32_t> order{home.node};
  for (auto [node, own] : cores) {
    if (node != home.node)
      order.push_back(node);
    if (own >= count && cores[home.node] < count)
      return {node};
  }
  std::sort(order.begin() + 1, order.end(), [&](uint32_t a, uint32_t b) {
    return cores[a] != cores[b] ? cores[a] > cores[b] : a < b;
  });
  uint32_t sum = 0;
  size_t used = 0;
  while (used < order.size() && sum < count)
    sum += cores[order[used++]];
  order.resize(used);
  return order;
}

namespace {
/// CPUs of a cache that are alike stand in a row. Rows begin as many places
/// later as the one of `home` does, so that small teams do not crowd on the
/// first cores.
class Rows {
public:
  Rows(std::span<const MachineCPU> cpus, const MachineCPU &home) {
    for (const MachineCPU &cpu : cpus) {
      uint32_t &size = sizes[rowOf(cpu)];
      if (cpu.cpu == home.cpu)
        turn = size;
      ++size;
    }
  }

  /// The place of the next CPU; they come in the order of the machine.
  uint32_t place(const MachineCPU &cpu) {
    uint32_t size = sizes[rowOf(cpu)];
    return (seen[rowOf(cpu)]++ + size - turn % size) % size;
  }

private:
  using Row = std::tuple<uint32_t, uint32_t, uint32_t, uint32_t>;
  static Row rowOf(const MachineCPU &cpu) {
    return {cpu.node, cpu.cache, cpu.thread, cpu.kind};
  }

  std::map<Row, uint32_t> sizes, seen;
  uint32_t turn = 0;
};
} // namespace

/// The first thread of the core to which `here` belongs, or the first of all.
static MachineCPU findHome(std::span<const MachineCPU> cpus, int here) {
  auto at = std::find_if(cpus.begin(), cpus.end(),
                         [&](const MachineCPU &c) { return c.cpu == here; });
  uint32_t core = at == cpus.end() ? cpus.front().core : at->core;
  return *std::find_if(cpus.begin(), cpus.end(),
                       [&](const MachineCPU &c) { return c.core == core; });
}

std::vector<int> mica::placeWorkers(std::span<const MachineCPU> cpus,
                                    uint32_t count, int here) {
  if (cpus.empty() || count > cpus.size())
    return {};
  MachineCPU home = findHome(cpus, here);
  std::vector<uint32_t> nodes = chooseNodes(cpus, count, home);
  Rows rows(cpus, home);
  // Second threads of a core last; before them slow cores last; then the first
  // of each cache, the second of each and so on, from home's cache on.
  using Seat =
      std::tuple<uint32_t, uint32_t, uint32_t, bool, uint32_t, uint32_t, int>;
  std::vector<Seat> seats;
  for (const MachineCPU &cpu : cpus) {
    uint32_t place = rows.place(cpu);
    bool before =
        std::tie(cpu.node, cpu.cache) < std::tie(home.node, home.cache);
    if (std::find(nodes.begin(), nodes.end(), cpu.node) != nodes.end())
      seats.emplace_back(cpu.thread, cpu.kind, place, before, cpu.node,
                         cpu.cache, cpu.cpu);
  }
  std::sort(seats.begin(), seats.end());
  std::vector<int> result;
  for (const Seat &seat : std::span(seats).first(count))
    result.push_back(std::get<int>(seat));
  return result;
}

//===----------------------------------------------------------------------===//
// This process
//===----------------------------------------------------------------------===//

uint32_t mica::quotaCPUs(const std::string &root, const std::string &folder) {
  uint64_t least = 0;
  for (std::string at = folder;; at.resize(at.rfind('/'))) {
    std::ifstream file(root + at + "/cpu.max");
    int64_t quota, period;
    // "max" instead of a number: no limit here.
    if (file >> quota >> period && quota > 0 && period > 0) {
      uint64_t cpus = (quota - 1) / period + 1;
      least = least ? std::min(least, cpus) : cpus;
    }
    if (at.rfind('/') == std::string::npos)
      return std::min<uint64_t>(least, UINT32_MAX);
  }
}

/// The folder of this process's control group in the unified hierarchy.
static std::string ownGroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::/"))
      return line.substr(3);
  return "";
}

/// The CPUs that the calling thread may use.
static std::vector<int> allowedCPUs() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set))
    CPU_SET(0, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set))
      cpus.push_back(cpu);
  return cpus;
}

/// Asks hwloc; empty if it cannot tell.
static std::vector<MachineCPU> askHwloc(std::span<const int> allowed) {
  // Without /sys it would write to standard error and know no more than we.
  if (access("/sys/devices/system/cpu/online", R_OK))
    return {};
  hwloc_topology_t topology;
  if (hwloc_topology_init(&topology))
    return {};
  // What CPUID tells, /sys does too; asking it takes a visit to every core.
  hwloc_topology_set_components(
      topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
  for (hwloc_obj_type_t type : {HWLOC_OBJ_CORE, HWLOC_OBJ_L3CACHE})
    hwloc_topology_set_type_filter(topology, type, HWLOC_TYPE_FILTER_KEEP_ALL);
  std::vector<MachineCPU> cpus;
  if (!hwloc_topology_load(topology) && hwloc_topology_is_thissystem(topology))
    cpus = readCPUs(topology, allowed);
  hwloc_topology_destroy(topology);
  return cpus;
}

namespace {
/// Seen when it is first asked for, before any worker is bound.
struct ThisMachine {
  std::vector<MachineCPU> cpus;
  uint32_t quota = quotaCPUs("/sys/fs/cgroup", ownGroup());

  ThisMachine() {
    std::vector<int> allowed = allowedCPUs();
    cpus = askHwloc(allowed);
    if (cpus.size() == allowed.size())
      return;
    cpus.clear();
    for (int cpu : allowed)
      cpus.push_back({cpu, 0, 0, uint32_t(cpu), 0, 0});
  }
  static const ThisMachine &get() {
    static const ThisMachine machine;
    return machine;
  }
};
} // namespace

uint32_t mica::defaultWorkers() {
  const ThisMachine &machine = ThisMachine::get();
  uint32_t cores = std::min(countCores(machine.cpus), uint32_t(1024));
  return machine.quota ? std::min(cores, machine.quota) : cores;
}

std::vector<int> mica::chooseCPUs(uint32_t count) {
  const char *pin = std::getenv("MICA_PIN");
  if (count == 1 || (pin && !std::strcmp(pin, "0")))
    return {};
  return placeWorkers(ThisMachine::get().cpus, count, sched_getcpu());
}

bool mica::crowded(uint32_t count) {
  return count > ThisMachine::get().cpus.size();
}

void mica::bindTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  // Best effort: a worker that cannot be bound still computes.
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
