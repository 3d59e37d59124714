//===- Entry.cpp - A function without arguments for a model ---------------===//

#include "lib/Reference/Entry.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

/// A global that holds one `type`.
static memref::GlobalOp addGlobal(OpBuilder &b, ModuleOp module,
                                  const std::string &name, Type type) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  return memref::GlobalOp::create(b, module.getLoc(), name,
                                  b.getStringAttr("public"),
                                  MemRefType::get({}, type), b.getUnitAttr(),
                                  /*constant=*/false, IntegerAttr());
}

void mica::addEntry(ModuleOp module, func::FuncOp function) {
  OpBuilder b(module.getContext());
  Location loc = module.getLoc();
  b.setInsertionPointToEnd(module.getBody());
  auto run =
      func::FuncOp::create(b, loc, "mica_run", b.getFunctionType({}, {}));
  b.setInsertionPointToStart(run.addEntryBlock());
  auto address = [&](memref::GlobalOp global) -> Value {
    return memref::GetGlobalOp::create(b, loc, global.getType(),
                                       global.getSymName());
  };
  SmallVector<Value> arguments;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto global =
        addGlobal(b, module, "mica_argument_" + std::to_string(i), type);
    arguments.push_back(memref::LoadOp::create(b, loc, address(global)));
  }
  auto call = func::CallOp::create(b, loc, function, arguments);
  auto result =
      addGlobal(b, module, "mica_result", call.getResult(0).getType());
  memref::StoreOp::create(b, loc, call.getResult(0), address(result));
  func::ReturnOp::create(b, loc);
}
