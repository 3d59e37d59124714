//===- Stages.cpp - The stages by name ------------------------------------===//

#include "lib/Compiler/Stages.h"
#include "mica/Compile.h"
#include "passes/Pipelines.h"

using namespace mica;

static constexpr Stage stages[] = {{"import", nullptr},
                                   {"graph", buildGraphPipeline},
                                   {"group", buildGroupPipeline},
                                   {"kernels", buildKernelsPipeline},
                                   {"cpu", buildCPUPipeline}};

llvm::ArrayRef<Stage> mica::allStages() { return stages; }

int mica::findStage(llvm::StringRef name) {
  for (auto [index, stage] : llvm::enumerate(stages))
    if (stage.name == name)
      return index;
  return -1;
}

std::vector<std::string> mica::stageNames() {
  std::vector<std::string> names;
  for (const Stage &stage : stages)
    names.push_back(stage.name.str());
  return names;
}
