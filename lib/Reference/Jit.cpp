//===- Jit.cpp - Code of this process -------------------------------------===//

#include "lib/Reference/Jit.h"
#include "lib/Target/Optimize.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ThreadSafeModule.h"
#include "llvm/Support/TargetSelect.h"

using namespace mica;

static Error toError(llvm::Error error) {
  return Error{"reference: " + llvm::toString(std::move(error))};
}

/// Makes the C library and `capture` known to `jit`.
static llvm::Error addSymbols(llvm::orc::LLJIT &jit, void *capture) {
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit.getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  jit.getMainJITDylib().addGenerator(std::move(*process));
  llvm::orc::SymbolMap symbols;
  symbols[jit.mangleAndIntern("_mlir_ciface_mica_capture")] = {
      llvm::orc::ExecutorAddr::fromPtr(capture),
      llvm::JITSymbolFlags::Exported};
  return jit.getMainJITDylib().define(
      llvm::orc::absoluteSymbols(std::move(symbols)));
}

Expected<Jit> Jit::compile(mlir::ModuleOp module, void *capture) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return toError(jit.takeError());
  if (llvm::Error error = addSymbols(**jit, capture))
    return toError(std::move(error));
  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = mlir::translateModuleToLLVMIR(module, *context, "reference");
  if (!code)
    return Error{"reference: the module does not translate to LLVM IR"};
  code->setDataLayout((*jit)->getDataLayout());
  code->setTargetTriple((*jit)->getTargetTriple());
  // The reference is naive, not unoptimised.
  llvm::PassBuilder builder;
  optimize(*code, builder, llvm::OptimizationLevel::O2);
  llvm::orc::ThreadSafeModule safe(std::move(code), std::move(context));
  if (llvm::Error error = (*jit)->addIRModule(std::move(safe)))
    return toError(std::move(error));
  return Jit(std::move(*jit));
}

void *Jit::find(llvm::StringRef name) const {
  auto address = jit->lookup(name);
  if (!address) {
    llvm::consumeError(address.takeError());
    return nullptr;
  }
  return address->toPtr<void *>();
}
