//===- MicaDialect.cpp - Registration of the mica dialect -----------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mica;

#include "dialects/Mica/MicaDialect.cpp.inc"

void MicaDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Mica/MicaOps.cpp.inc"
      >();
}
