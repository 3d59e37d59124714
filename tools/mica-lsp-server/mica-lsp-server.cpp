//===- mica-lsp-server.cpp - Language server for .mlir files of Mica ------===//

#include "lib/Compiler/Register.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry = mica::registerCompiler();
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
