//===- mica-opt.cpp - Run stages and passes on .mlir files ----------------===//

#include "lib/Compiler/Register.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry = mica::registerCompiler();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "mica optimizer\n", registry));
}
