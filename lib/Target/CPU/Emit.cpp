//===- Emit.cpp - From the LLVM dialect to code ---------------------------===//

#include "lib/Target/CPU/Emit.h"
#include "lib/Target/Optimize.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace mlir;
using namespace mica;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

static Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const CPUTarget &target) {
  initializeTargets();
  llvm::Triple triple(target.triple());
  std::string reason;
  const llvm::Target *registered =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!registered)
    return Error{"target " + target.triple() + ": " + reason};
  llvm::TargetOptions options;
  // Only what the module marks is contracted: bits must not depend on which
  // products happen to have one use.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(registered->createTargetMachine(
      triple, target.llvmCPU(), target.llvmFeatures(), options,
      llvm::Reloc::PIC_, llvm::CodeModel::Small,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Makes `module` freestanding: no calls that LLVM invents, no unwinding, every
/// symbol at a fixed distance.
static void prepare(llvm::Module &module, const llvm::TargetMachine &machine,
                    const CPUTarget &target) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::GlobalValue &value : module.global_values())
    if (!value.isDeclaration())
      value.setDSOLocal(true);
  for (llvm::Function &function : module) {
    if (function.isIntrinsic())
      continue;
    function.addFnAttr("target-cpu", target.llvmCPU());
    function.addFnAttr("target-features", target.llvmFeatures());
    function.addFnAttr("prefer-vector-width",
                       std::to_string(target.vectorBits));
    function.addFnAttr("no-builtins");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

/// No function that LLVM knows: none is there to be called.
static llvm::TargetLibraryInfoImpl noLibrary(llvm::TargetMachine &machine) {
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  return library;
}

/// LLVM's O3 without the loop transformations that kernels have done already.
static void optimizeKernels(llvm::Module &module,
                            llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.LoopVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::TargetLibraryInfoImpl library = noLibrary(machine);
  optimize(module, builder, llvm::OptimizationLevel::O3, &library);
}

static Expected<std::string> generate(llvm::Module &module,
                                      llvm::TargetMachine &machine,
                                      llvm::CodeGenFileType type) {
  SmallString<0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  llvm::TargetLibraryInfoImpl library = noLibrary(machine);
  passes.add(new llvm::TargetLibraryInfoWrapperPass(library));
  if (machine.addPassesToEmitFile(passes, os, nullptr, type))
    return Error{"target " + machine.getTargetTriple().str() +
                 " emits no object files"};
  passes.run(module);
  return bytes.str().str();
}

Expected<std::string> mica::emitCode(ModuleOp module, const CPUTarget &target,
                                     EmitKind kind) {
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, "mica");
  if (!code)
    return Error{"the module does not translate to LLVM IR"};
  prepare(*code, **machine, target);
  optimizeKernels(*code, **machine);
  if (kind == EmitKind::LLVM) {
    std::string text;
    llvm::raw_string_ostream os(text);
    code->print(os, nullptr);
    return text;
  }
  return generate(*code, **machine,
                  kind == EmitKind::Asm ? llvm::CodeGenFileType::AssemblyFile
                                        : llvm::CodeGenFileType::ObjectFile);
}

Expected<FlatImage> mica::emitImage(ModuleOp module, const CPUTarget &target) {
  auto object = emitCode(module, target, EmitKind::Object);
  if (!object)
    return object.takeError();
  return linkImage(*object);
}
