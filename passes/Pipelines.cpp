//===- Pipelines.cpp - The compiler, stage by stage -----------------------===//

#include "passes/Pipelines.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Graph/Passes.h"
#include "passes/Group/Passes.h"
#include "passes/Kernels/Passes.h"

using namespace mlir;
using namespace mica;

void mica::buildGraphPipeline(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createQuantizeActivationsPass());
  pm.addPass(createCSEPass());
}

void mica::buildGroupPipeline(OpPassManager &pm) {
  // Merging first: it decides which products there are to group.
  pm.addPass(createMergeLinearsPass());
  pm.addPass(createFormGroupsPass());
  // Layouts need the granule of each group's epilogue.
  pm.addPass(createChooseLayoutsPass());
  pm.addPass(createHoistPacksPass());
  pm.addPass(createPlanWorkspacePass());
}

void mica::buildKernelsPipeline(OpPassManager &pm) {
  pm.addPass(createLowerGroupsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mica::registerStages() {
  registerGraphPasses();
  registerGroupPasses();
  registerKernelsPasses();
  PassPipelineRegistration<>("mica-graph", "Stage 0: the graph",
                             buildGraphPipeline);
  PassPipelineRegistration<>("mica-group", "Stage 1: groups",
                             buildGroupPipeline);
  PassPipelineRegistration<>("mica-kernels", "Stage 2: kernels",
                             buildKernelsPipeline);
}
