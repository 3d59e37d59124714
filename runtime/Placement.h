//===- Placement.h - Which CPUs workers run on ------------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_PLACEMENT_H
#define RUNTIME_PLACEMENT_H

#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct hwloc_topology;

namespace mica {

/// A hardware thread and where it lies. The numbers are the same for two CPUs
/// that share the thing, and count along the machine.
struct MachineCPU {
  int cpu; // The system's number.
  uint32_t node, cache, core;
  uint32_t thread; // Among the threads of its core that may be used.
  uint32_t kind;   // 0: the fastest cores of the machine.
};

/// The CPUs of a topology that are in `allowed`, sorted by core.
std::vector<MachineCPU> readCPUs(hwloc_topology *topology,
                                 std::span<const int> allowed);

/// The number of cores.
uint32_t countCores(std::span<const MachineCPU> cpus);

/// The CPU of each of `count` workers, near the CPU `here`; none if there are
/// fewer CPUs. No core gets a second worker before each has one, and fast cores
/// come before slow ones. The workers lie in as few memory nodes as have the
/// cores, and there are dealt out over the caches of the last level.
std::vector<int> placeWorkers(std::span<const MachineCPU> cpus, uint32_t count,
                              int here);

/// How many CPUs' time a control group may use, rounded up: the least quota of
/// cpu.max in `folder` or a folder above it, down from `root`. 0: no limit.
uint32_t quotaCPUs(const std::string &root, const std::string &folder);

/// The workers of a team whose size nobody gave: one for each core that this
/// process may use, but no more than its control group has CPUs' time.
uint32_t defaultWorkers();

/// Where a team of `count` that the caller starts is bound, by `placeWorkers`.
/// Empty: it is not bound.
std::vector<int> chooseCPUs(uint32_t count);

/// Whether this process may use fewer CPUs than `count`.
bool crowded(uint32_t count);

/// Binds the calling thread to `cpu`, if the system allows it.
void bindTo(int cpu);

} // namespace mica

#endif // RUNTIME_PLACEMENT_H
