//===- Pipelines.cpp - The compiler, stage by stage -----------------------===//

#include "passes/Pipelines.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mica;

void mica::registerStages() {}
