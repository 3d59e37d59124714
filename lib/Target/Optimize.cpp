//===- Optimize.cpp - LLVM's own pipeline ---------------------------------===//

#include "lib/Target/Optimize.h"

void mica::optimize(llvm::Module &module, llvm::PassBuilder &builder,
                    llvm::OptimizationLevel level,
                    const llvm::TargetLibraryInfoImpl *library) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  // The first registration of an analysis is the one that counts.
  if (library)
    functions.registerPass(
        [&] { return llvm::TargetLibraryAnalysis(*library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}
