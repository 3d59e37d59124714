//===- Register.cpp - What the compiler's tools have in common ------------===//

#include "lib/Compiler/Register.h"
#include "dialects/Mica/Mica.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Pipelines.h"

using namespace mlir;

DialectRegistry mica::registerCompiler() {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect,
                  func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
                  vector::VectorDialect, MicaDialect, tile::TileDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerTransformsPasses();
  registerStages();
  return registry;
}
