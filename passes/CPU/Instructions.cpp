//===- Instructions.cpp - What an instruction set offers ------------------===//

#include "passes/CPU/Instructions.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;

bool cpu::isAArch64(TargetAttr target) {
  return target && target.getCpu().starts_with("armv");
}

std::unique_ptr<Instructions> cpu::makeInstructions(TargetAttr target) {
  StringRef features = target ? target.getFeatures() : "";
  return isAArch64(target) ? makeAArch64(features) : makeX86(features);
}

Value Instructions::finish(Emitter &e, Sum &sum) const {
  if (sum.narrow)
    flush(e, sum);
  return sum.wide;
}

void Instructions::addNarrow(Emitter &e, Sum &sum, Value products,
                             int64_t fit) const {
  sum.narrow = sum.narrow ? e.add(sum.narrow, products) : products;
  if (++sum.waiting >= fit)
    flush(e, sum);
}

void Instructions::flush(Emitter &e, Sum &sum) const {
  sum.wide = e.add(sum.wide, widen(e, sum.narrow, sum.wide.getType()));
  sum.narrow = {};
  sum.waiting = 0;
}
