//===- TargetTest.cpp - Code as one image ---------------------------------===//

#include "lib/Compiler/Register.h"
#include "lib/Target/CPU/Emit.h"
#include "lib/Target/CPU/HostImage.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mica;

namespace {
class Emit : public testing::Test {
protected:
  Emit() : context(registerCompiler()) {}

  Expected<FlatImage> emit(const std::string &text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    auto target = resolveCPU("x86-64-v3");
    return emitImage(*module, *target);
  }

  mlir::MLIRContext context;
};

// A constant vector lies beside the code, a helper is called across functions.
constexpr const char *kernel = R"mlir(
llvm.func internal @ramp(%p: !llvm.ptr) attributes {no_inline} {
  %v = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %c = llvm.mlir.constant(dense<[1.0, 2.0, 3.0, 4.0]> : vector<4xf32>) : vector<4xf32>
  %s = llvm.fadd %v, %c : vector<4xf32>
  llvm.store %s, %p {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  llvm.return
}
llvm.func @twice(%p: !llvm.ptr) {
  llvm.call @ramp(%p) : (!llvm.ptr) -> ()
  llvm.call @ramp(%p) : (!llvm.ptr) -> ()
  llvm.return
})mlir";

TEST_F(Emit, RunsWhereverItIsMapped) {
  auto image = emit(kernel);
  ASSERT_TRUE(image) << image.error().message;
  auto host = HostImage::map(*image);
  ASSERT_TRUE(host) << host.error().message;
  float data[4] = {10, 20, 30, 40};
  host->find<void(float *)>("twice")(data);
  EXPECT_EQ(data[0], 12);
  EXPECT_EQ(data[3], 48);
  EXPECT_EQ(host->find<void()>("ramp"), nullptr);
}

TEST_F(Emit, IsDeterministic) {
  auto first = emit(kernel), second = emit(kernel);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->bytes, second->bytes);
}

TEST_F(Emit, NamesAnUndefinedSymbol) {
  auto image = emit("llvm.func @expf(f32) -> f32\n"
                    "llvm.func @f(%x: f32) -> f32 {\n"
                    "  %y = llvm.call @expf(%x) : (f32) -> f32\n"
                    "  llvm.return %y : f32\n}");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message,
            "generated code needs symbol 'expf', expected none from outside");
}

TEST_F(Emit, NamesWritableData) {
  auto image = emit("llvm.mlir.global external @state(1 : i32) : i32\n"
                    "llvm.func @f() -> !llvm.ptr {\n"
                    "  %p = llvm.mlir.addressof @state : !llvm.ptr\n"
                    "  llvm.return %p : !llvm.ptr\n}");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message, "section '.data' is writable, expected code "
                                   "and constants only");
}

// A loop that zeroes memory is an invitation to call memset.
TEST_F(Emit, InventsNoCalls) {
  auto image = emit(R"mlir(
llvm.func @zero(%p: !llvm.ptr, %n: i64) {
  %c0 = llvm.mlir.constant(0 : i64) : i64
  %c1 = llvm.mlir.constant(1 : i64) : i64
  %z = llvm.mlir.constant(0.0 : f32) : f32
  llvm.br ^body(%c0 : i64)
^body(%i: i64):
  %at = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  llvm.store %z, %at : f32, !llvm.ptr
  %next = llvm.add %i, %c1 : i64
  %more = llvm.icmp "slt" %next, %n : i64
  llvm.cond_br %more, ^body(%next : i64), ^exit
^exit:
  llvm.return
})mlir");
  EXPECT_TRUE(image) << image.error().message;
}

TEST_F(Emit, RejectsWhatIsNoObject) {
  EXPECT_FALSE(linkImage("not an object"));
}

TEST_F(Emit, ResolvesTargets) {
  auto target = resolveCPU("x86-64-v4+avx512bf16");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->vectorBits, 512);
  EXPECT_TRUE(target->dotBF16);
  EXPECT_EQ(target->features, "+avx512bf16");
  auto module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  module->setAttr("mica.target", getTargetAttr(&context, *target));
  auto again = getTarget(module);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->dotBF16);
  EXPECT_EQ(again->cpu, "x86-64-v4");
  module.erase();

  EXPECT_FALSE(resolveCPU("x86-64-v3")->dotBF16);
  EXPECT_EQ(resolveCPU("znver9").error().message,
            "cpu 'znver9', expected native, x86-64-v3 or x86-64-v4");
  EXPECT_EQ(resolveCPU("x86-64-v4+mmx").error().message,
            "cpu feature 'mmx', expected one of avx512bf16, avx512vnni, "
            "avx512fp16, avxvnni, amx-tile, amx-bf16, amx-int8");
}
} // namespace
