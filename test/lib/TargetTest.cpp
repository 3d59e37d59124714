//===- TargetTest.cpp - Code as one image ---------------------------------===//

#include "lib/Compiler/Register.h"
#include "lib/Target/CPU/Emit.h"
#include "lib/Target/CPU/HostImage.h"
#include "lib/Target/CPU/Relocations.h"
#include "mlir/Parser/Parser.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/Endian.h"
#include <gtest/gtest.h>

using namespace mica;

namespace {
class Emit : public testing::Test {
protected:
  Emit() : context(registerCompiler()) {}

  Expected<FlatImage> emit(const std::string &text,
                           llvm::StringRef cpu = "x86-64-v3") {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    auto target = resolveCPU(cpu);
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

/// Expects `target` to be what its name says: an artifact keeps no more of it,
/// and what it is compared with is compiled for that.
static void expectItsName(const CPUTarget &target) {
  std::string name = target.cpu;
  llvm::copy_if(target.features, std::back_inserter(name),
                [](char c) { return c != ','; });
  auto again = resolveCPU(name);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->features, target.features);
  EXPECT_EQ(again->dotBF16, target.dotBF16);
}

// Pairs of bf16 are slow where a matrix unit is, or is hidden from a guest.
TEST(ResolveX86, PairsOfBf16) {
  llvm::StringMap<bool> host;
  for (const char *feature :
       {"avx2", "fma", "f16c", "bmi2", "lzcnt", "movbe", "avx512f", "avx512bw",
        "avx512cd", "avx512dq", "avx512vl", "avx512vnni", "avx512bf16"})
    host[feature] = true;
  auto target = resolveX86(host);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->features, "+avx512vnni,+avx512bf16");
  EXPECT_TRUE(target->dotBF16);
  expectItsName(*target);
  host["avx512fp16"] = true;
  target = resolveX86(host);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->features, "+avx512vnni");
  expectItsName(*target);
  expectItsName(*resolveCPU("native"));
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
            "cpu 'znver9', expected native, x86-64-v3, x86-64-v4 or armv8.2-a");
  EXPECT_EQ(resolveCPU("x86-64-v4+mmx").error().message,
            "cpu feature 'mmx', expected one of avx512bf16, avx512vnni, "
            "avx512fp16, avxvnni, amx-tile, amx-bf16, amx-int8");
}

TEST_F(Emit, ResolvesArm) {
  auto target = resolveCPU("armv8.2-a+dotprod+i8mm+bf16");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->cpu, "armv8.2-a");
  EXPECT_EQ(target->features, "+dotprod,+i8mm,+bf16");
  EXPECT_EQ(target->vectorBits, 128);
  EXPECT_TRUE(target->dotBF16);
  EXPECT_FALSE(target->hasTiles());
  EXPECT_EQ(target->triple(), "aarch64-unknown-linux-gnu");
  EXPECT_EQ(target->llvmCPU(), "generic");
  EXPECT_EQ(target->llvmFeatures(), "+v8.2a,+dotprod,+i8mm,+bf16");
  EXPECT_FALSE(resolveCPU("armv8.2-a+dotprod")->dotBF16);
  EXPECT_EQ(resolveCPU("armv8.2-a")->llvmFeatures(), "+v8.2a");
  EXPECT_EQ(resolveCPU("armv8.2-a+avxvnni").error().message,
            "cpu feature 'avxvnni', expected one of dotprod, i8mm, bf16");
  EXPECT_EQ(resolveCPUs("armv8.2-a,x86-64-v3").error().message,
            "cpus 'armv8.2-a,x86-64-v3' of two architectures, expected one");
  auto two = resolveCPUs("armv8.2-a,armv8.2-a+dotprod");
  ASSERT_TRUE(two);
  EXPECT_EQ((*two)[0].spec, "armv8.2-a+dotprod");
}

TEST(Target, ArmOfAMachine) {
  llvm::StringMap<bool> features;
  for (const char *name : {"neon", "crc", "lse", "sve", "bf16", "dotprod"})
    features[name] = true;
  EXPECT_EQ(resolveArm(features).error().message,
            "this machine is below armv8.2-a, expected NEON, CRC, LSE and RDM");
  features["rdm"] = true;
  features["i8mm"] = false;
  EXPECT_EQ(resolveArm(features)->features, "+dotprod,+bf16");
}

//===----------------------------------------------------------------------===//
// AArch64
//===----------------------------------------------------------------------===//

// The constant's place, the call and the code are found in another's words.
TEST_F(Emit, LinksArm) {
  auto image = emit(kernel, "armv8.2-a");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_TRUE(image->find("twice"));
  EXPECT_FALSE(image->find("ramp"));
  auto again = emit(kernel, "armv8.2-a");
  EXPECT_EQ(image->bytes, again->bytes);
}

/// The instruction `word` at `place` after `type` made it say `target`.
Expected<uint32_t> relocated(uint32_t word, uint32_t type, int64_t target,
                             uint64_t place = 0x1004) {
  std::vector<uint8_t> image(0x4000);
  llvm::support::endian::write32le(&image[place], word);
  if (Status s = relocateAArch64(image, {type, place, target}); !s)
    return s.takeError();
  return llvm::support::endian::read32le(&image[place]);
}

// Words as `llvm-mc --triple=aarch64 --show-encoding` has them.
TEST(Relocations, Arm) {
  using namespace llvm::ELF;
  // adrp x0, two pages on and one back; add x0, x0, #0x123
  EXPECT_EQ(*relocated(0x90000000, R_AARCH64_ADR_PREL_PG_HI21, 0x3123),
            0xd0000000u);
  EXPECT_EQ(*relocated(0x90000000, R_AARCH64_ADR_PREL_PG_HI21, 0x0fff),
            0xf0ffffe0u);
  EXPECT_EQ(*relocated(0x91000000, R_AARCH64_ADD_ABS_LO12_NC, 0x3123),
            0x91048c00u);
  // ldrb, ldrh, ldr w, ldr x, ldr q of [x0, #0x120]
  EXPECT_EQ(*relocated(0x39400000, R_AARCH64_LDST8_ABS_LO12_NC, 0x3120),
            0x39448000u);
  EXPECT_EQ(*relocated(0x79400000, R_AARCH64_LDST16_ABS_LO12_NC, 0x3120),
            0x79424000u);
  EXPECT_EQ(*relocated(0xb9400000, R_AARCH64_LDST32_ABS_LO12_NC, 0x3120),
            0xb9412000u);
  EXPECT_EQ(*relocated(0xf9400000, R_AARCH64_LDST64_ABS_LO12_NC, 0x3120),
            0xf9409000u);
  EXPECT_EQ(*relocated(0x3dc00000, R_AARCH64_LDST128_ABS_LO12_NC, 0x3120),
            0x3dc04800u);
  // bl 16 on, b 4 back; adr x0 5 on; ldr q0 8 on; cbz x0 and tbz x0 8 back
  EXPECT_EQ(*relocated(0x94000000, R_AARCH64_CALL26, 0x1014), 0x94000004u);
  EXPECT_EQ(*relocated(0x14000000, R_AARCH64_JUMP26, 0x1000), 0x17ffffffu);
  EXPECT_EQ(*relocated(0x10000000, R_AARCH64_ADR_PREL_LO21, 0x1009),
            0x30000020u);
  EXPECT_EQ(*relocated(0x9c000000, R_AARCH64_LD_PREL_LO19, 0x100c),
            0x9c000040u);
  EXPECT_EQ(*relocated(0xb4000000, R_AARCH64_CONDBR19, 0x0ffc), 0xb4ffffc0u);
  EXPECT_EQ(*relocated(0x36000000, R_AARCH64_TSTBR14, 0x0ffc), 0x3607ffc0u);
  EXPECT_EQ(*relocated(0, R_AARCH64_PREL32, 0x1000), 0xfffffffcu);
}

TEST(Relocations, ThatCannotBe) {
  using namespace llvm::ELF;
  EXPECT_EQ(relocated(0, R_AARCH64_ABS64, 0).error().message,
            "relocation R_AARCH64_ABS64, expected a distance within the image");
  EXPECT_EQ(relocated(0, R_AARCH64_CALL26, 0x1006).error().message,
            "relocation R_AARCH64_CALL26 of 2, expected a value that fits it");
  EXPECT_FALSE(relocated(0, R_AARCH64_CALL26, 0x1004 + (1 << 27)));
  EXPECT_TRUE(relocated(0, R_AARCH64_CALL26, 0x1000 + (1 << 27)));
  EXPECT_FALSE(relocated(0, R_AARCH64_LDST128_ABS_LO12_NC, 0x3128));
  EXPECT_FALSE(relocated(0, R_AARCH64_PREL32, int64_t(1) << 32));
  std::vector<uint8_t> image(8);
  EXPECT_EQ(relocateAArch64(image, {R_AARCH64_PREL64, 4, 0}).error().message,
            "object: a relocation lies outside its section");
  EXPECT_EQ(relocateX86(image, {R_X86_64_64, 0, 0}).error().message,
            "relocation R_X86_64_64, expected a distance within the image");
  EXPECT_EQ(
      relocateX86(image, {R_X86_64_PC32, 0, int64_t(1) << 31}).error().message,
      "relocation R_X86_64_PC32 of 2147483648, expected a value that fits it");
}
} // namespace
