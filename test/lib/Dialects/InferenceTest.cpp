//===- InferenceTest.cpp - Result types from operands ---------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mica;

namespace {

std::string text(Value value) {
  std::string result;
  llvm::raw_string_ostream(result) << value.getType();
  return result;
}

// A small attention layer without a written result type.
TEST(Inference, EveryOpThatInfers) {
  MLIRContext context;
  context.loadDialect<MicaDialect, func::FuncDialect>();
  OpBuilder b(&context);
  Location loc = b.getUnknownLoc();
  Type f32 = b.getF32Type();
  auto kvType = KVType::get(&context, 2, 8, 4, f32, 16, 0);
  SmallVector<Type> inputs = {BatchType::get(&context), kvType,
                              WeightType::get({100, 24}, b.getBF16Type()),
                              WeightType::get({32, 24}, f32)};
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToEnd(module->getBody());
  auto function =
      func::FuncOp::create(b, loc, "layer", b.getFunctionType(inputs, {}));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);
  Value batch = body->getArgument(0), kv = body->getArgument(1);

  Value ids = TokensOp::create(b, loc, batch);
  EXPECT_EQ(text(ids), "tensor<?xi32>");
  Value positions = PositionsOp::create(b, loc, batch);
  EXPECT_EQ(text(positions), "tensor<?xi32>");
  Value x = EmbeddingOp::create(b, loc, ids, body->getArgument(2));
  EXPECT_EQ(text(x), "tensor<?x24xf32>");
  Value angles = RopeAnglesOp::create(
      b, loc, positions, b.getDenseF32ArrayAttr({1.0f, 0.1f, 0.01f}),
      b.getF32FloatAttr(1));
  EXPECT_EQ(text(angles), "tensor<?x3xcomplex<f32>>");
  Value q = LinearOp::create(b, loc, x, body->getArgument(3), Value());
  EXPECT_EQ(text(q), "tensor<?x32xf32>");
  Value o = AttentionOp::create(
      b, loc, q, kv, batch, b.getI64IntegerAttr(4), b.getF32FloatAttr(1),
      MaskAttr::get(&context, true, 0), b.getF32FloatAttr(0));
  EXPECT_EQ(text(o), "tensor<?x16xf32>");
  Value y = OutputRowsOp::create(b, loc, o, batch);
  EXPECT_EQ(text(y), "tensor<?x16xf32>");
  func::ReturnOp::create(b, loc);
  EXPECT_TRUE(succeeded(verify(*module)));
}

} // namespace
