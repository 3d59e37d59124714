//===- ReferenceTest.cpp - A model run by its ops' definitions ------------===//
//
// The layers, rows and numbers of test/passes/Reference/stack.mlir, whose
// values NumPy computes (literals.py), through the C++ interface.
//
//===----------------------------------------------------------------------===//

#include "lib/Reference/Reference.h"
#include "lib/Compiler/Register.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mica;

namespace {

constexpr const char *kModel = R"mlir(
!kv = !mica.kv<heads = 1, key = 2, value = 2, element = f32, page = 16, window = 0>

mica.weight @table : !mica.weight<3x2, bf16>
mica.weight @w0 : !mica.weight<2x2, f32>
mica.weight @w1 : !mica.weight<2x2, f32>

func.func private @layer(%x: tensor<?x2xf32>, %kv: !kv, %batch: !mica.batch, %w: !mica.weight<2x2, f32>)
    -> (tensor<?x2xf32>, !kv) {
  %kv1 = mica.kv_append %kv, %x, %x, %batch : !kv, tensor<?x2xf32>, tensor<?x2xf32>
  %o = mica.attention %x, %kv1, %batch {heads = 1 : i64, scale = 0.5 : f32, mask = #mica.mask<causal = true>} : tensor<?x2xf32>, !kv -> tensor<?x2xf32>
  %p = mica.linear %o, %w : tensor<?x2xf32>, !mica.weight<2x2, f32> -> tensor<?x2xf32>
  %z = arith.addf %x, %p : tensor<?x2xf32>
  return %z, %kv1 : tensor<?x2xf32>, !kv
}

func.func @step(%batch: !mica.batch, %kv: !kv) -> (tensor<?x2xf32>, !kv) {
  %table = mica.get_weight @table : !mica.weight<3x2, bf16>
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, !mica.weight<3x2, bf16> -> tensor<?x2xf32>
  %y, %kv1 = mica.stack %x, (%kv), (%batch)
      [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>,
       #mica.layer<@layer, kv = [0], shared = [0], weights = [@w1]>]
      : tensor<?x2xf32>, (!kv), (!mica.batch) -> tensor<?x2xf32>, !kv
  %z = mica.output_rows %y, %batch : tensor<?x2xf32> -> tensor<?x2xf32>
  return %z, %kv1 : tensor<?x2xf32>, !kv
}
)mlir";

/// The numbers of `fill` in literals.py: table, w0 and w1 have the seeds 0
/// to 2.
Status loadFill(WeightOp weight, std::span<float> to) {
  int seed = weight.getSymName() == "table" ? 0
             : weight.getSymName() == "w0"  ? 1
                                            : 2;
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = (float((7 * i + 5 * seed) % 13) - 6) / 4;
  return {};
}

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() {
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(kModel, &context);
  }

  Reference make(ReferenceLimits limits) {
    auto reference = Reference::create(*module, loadFill, limits);
    EXPECT_TRUE(reference) << reference.error().message;
    return std::move(*reference);
  }

  static void expectNear(const std::vector<float> &found,
                         const std::vector<float> &wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], wanted[i], 2e-6) << i;
  }

  mlir::MLIRContext context{registerCompiler()};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(ReferenceTest, Prefill) {
  Reference reference = make({.sequences = 1, .context = 3});
  auto logits = reference.run({.token = {0, 1, 2},
                               .position = {0, 1, 2},
                               .rowStart = {0, 3},
                               .outRow = {0, 1, 2},
                               .length = {3}});
  ASSERT_TRUE(logits) << logits.error().message;
  expectNear(*logits, {-1.4375f, -1.03125f, -0.863455f, -0.72819f, -0.261039f,
                       -0.409647f});
}

// The same rows one at a time, beside another sequence that runs ahead.
TEST_F(ReferenceTest, DecodeInABatch) {
  Reference reference = make({.sequences = 2, .context = 4});
  std::vector<float> rows;
  for (int32_t p = 0; p < 3; ++p) {
    auto logits = reference.run({.token = {2, p},
                                 .position = {p, p},
                                 .rowStart = {0, 1, 2},
                                 .outRow = {1},
                                 .length = {p + 1, p + 1}});
    ASSERT_TRUE(logits) << logits.error().message;
    rows.insert(rows.end(), logits->begin(), logits->end());
  }
  expectNear(rows, {-1.4375f, -1.03125f, -0.863455f, -0.72819f, -0.261039f,
                    -0.409647f});
}

// Every result, in order, with the layer that computed it.
TEST_F(ReferenceTest, Results) {
  Reference reference = make({.sequences = 1, .context = 1});
  std::vector<std::string> seen;
  auto logits = reference.run({.token = {0},
                               .position = {0},
                               .rowStart = {0, 1},
                               .outRow = {0},
                               .length = {1}},
                              [&](const OpRows &rows) {
                                seen.push_back(rows.function + " " +
                                               std::to_string(rows.layer) +
                                               " " + rows.op);
                                EXPECT_EQ(rows.rows, 1);
                                EXPECT_EQ(rows.columns, 2);
                                if (rows.op == "mica.embedding")
                                  EXPECT_EQ(rows.values[0], -1.5f);
                              });
  ASSERT_TRUE(logits) << logits.error().message;
  std::vector<std::string> wanted = {
      "step -1 mica.embedding",  "layer 0 mica.attention",
      "layer 0 mica.linear",     "layer 0 arith.addf",
      "layer 1 mica.attention",  "layer 1 mica.linear",
      "layer 1 arith.addf",      "step -1 mica.stack",
      "step -1 mica.output_rows"};
  EXPECT_EQ(seen, wanted);
}

TEST_F(ReferenceTest, StepsThatContradictThemselves) {
  Reference reference = make({.sequences = 1, .context = 2});
  auto message = [&](ReferenceStep step) {
    auto logits = reference.run(step);
    return logits ? "no error" : logits.error().message;
  };
  EXPECT_EQ(message({{0, 1}, {0}, {0, 2}, {0}, {2}}),
            "step: 1 positions, expected 2");
  EXPECT_EQ(message({{0, 1}, {0, 0}, {0, 1, 2}, {0}, {1, 1}}),
            "step: 2 sequences and 3 starts, expected at most 1 and one start "
            "more");
  EXPECT_EQ(message({{0, 1}, {0, 1}, {0, 1}, {0}, {1}}),
            "step: rows of sequences end at 1, expected 2");
  EXPECT_EQ(message({{0}, {0}, {0, 1}, {0}, {3}}),
            "step: sequence 0 of length 3 with 1 new rows, expected at most 2");
  EXPECT_EQ(message({{0}, {0}, {0, 1}, {1}, {1}}),
            "step: output row 1, expected one of 1");
}

TEST_F(ReferenceTest, NoEntry) {
  auto reference = Reference::create(*module, loadFill, {1, 1}, "missing");
  ASSERT_FALSE(reference);
  EXPECT_EQ(reference.error().message,
            "reference: no function missing in the module");
}

// The loader's error is passed on as it is.
TEST_F(ReferenceTest, NoWeight) {
  auto reference = Reference::create(
      *module,
      [](WeightOp weight, std::span<float>) -> Status {
        return Error{"no tensor for " + weight.getSymName().str()};
      },
      {1, 1});
  ASSERT_FALSE(reference);
  EXPECT_EQ(reference.error().message, "no tensor for table");
}

} // namespace
