//===- Pipelines.cpp - The compiler, stage by stage -----------------------===//

#include "passes/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/CPU/Passes.h"
#include "passes/Graph/Passes.h"
#include "passes/Group/Passes.h"
#include "passes/Kernels/Passes.h"
#include "passes/Reference/Passes.h"

using namespace mlir;
using namespace mica;

void mica::buildGraphPipeline(OpPassManager &pm) {
  // Names first: the reference has them from the module as it was imported.
  pm.addPass(createNameOpsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createAbsorbLatentPass());
  pm.addPass(createQuantizeActivationsPass());
  pm.addPass(createCSEPass());
}

void mica::buildGroupPipeline(OpPassManager &pm) {
  // Merging first: it decides which products there are to group.
  pm.addPass(createMergeLinearsPass());
  pm.addPass(createSortChoicesPass());
  pm.addPass(createFormGroupsPass());
  // Layouts need the granule of each group's epilogue.
  pm.addPass(createChooseLayoutsPass());
  pm.addPass(createHoistPacksPass());
  pm.addPass(createMergeLayersPass());
  pm.addPass(createPlanWorkspacePass());
}

void mica::buildKernelsPipeline(OpPassManager &pm) {
  pm.addPass(createLowerGroupsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void mica::buildCPUPipeline(OpPassManager &pm) {
  pm.addPass(createAssignSchedulesPass());
  pm.addNestedPass<func::FuncOp>(createMapToWorkersPass());
  // Before functions become polynomials of multiply-adds.
  pm.addPass(createRecordInstructionsPass());
  // Segments while loops still tell what their indices are multiples of.
  pm.addNestedPass<func::FuncOp>(createLowerSegmentsPass());
  pm.addNestedPass<func::FuncOp>(createExpandMathPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyNoExternalPass());
}

void mica::registerStages() {
  registerCPUPasses();
  registerGraphPasses();
  registerGroupPasses();
  registerKernelsPasses();
  registerReference();
  PassPipelineRegistration<>("mica-graph", "Stage 0: the graph",
                             buildGraphPipeline);
  PassPipelineRegistration<>("mica-group", "Stage 1: groups",
                             buildGroupPipeline);
  PassPipelineRegistration<>("mica-kernels", "Stage 2: kernels",
                             buildKernelsPipeline);
  PassPipelineRegistration<>("mica-cpu", "Stage 3: code for CPUs",
                             buildCPUPipeline);
}
