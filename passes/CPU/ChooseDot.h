//===- ChooseDot.h - Which instructions a contraction uses ------*- C++ -*-===//

#ifndef PASSES_CPU_CHOOSEDOT_H
#define PASSES_CPU_CHOOSEDOT_H

#include "passes/CPU/Dot.h"

namespace mica::cpu {

/// The best strategy that the target has for the operands' types.
std::unique_ptr<Dot> chooseDot(tile::ContractOp op);
/// The strategies for many rows that it has for them, the one for most rows
/// first.
llvm::SmallVector<std::unique_ptr<OpeningDot>>
chooseOpenings(tile::ContractOp op);

} // namespace mica::cpu

#endif // PASSES_CPU_CHOOSEDOT_H
