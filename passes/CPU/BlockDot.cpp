//===- BlockDot.cpp - Products with weights of a block format -------------===//
//
// A register tile goes over its panels block by block, and over these step by
// step.
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/BlockDot.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <numeric>

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

//===----------------------------------------------------------------------===//
// Reading a block
//===----------------------------------------------------------------------===//

void BlockStep::forGroups(int64_t begin, int64_t end,
                          function_ref<void(int64_t, int64_t)> body) const {
  int64_t size = blocks.getGroup();
  for (int64_t first = begin; first < end;) {
    int64_t last = std::min(end, (first / size + 1) * size);
    body(first, last);
    first = last;
  }
}

Value BlockStep::load(Type element, int64_t vector, Index byte) const {
  int64_t width = element.getIntOrFloatBitWidth() / 8;
  Index panel = tile.p + vector / parts;
  return e.loadBytes(lanes, element, tile.weights,
                     {panel, block, byte + vector % parts * lanes * width});
}

/// The table of a format with values, its least value taken as 0.
static SmallVector<int8_t> tableOf(tile::BlocksAttr blocks) {
  SmallVector<int8_t> table;
  for (int64_t value : blocks.getValues())
    table.push_back(static_cast<int8_t>(value + blocks.codeZero()));
  table.resize(16, 0);
  return table;
}

Value BlockStep::codes(int64_t vector, int64_t at) const {
  int64_t panel = tile.panel, bits = blocks.getBits();
  Index run = first / tile::kRun + at / tile::kRun;
  Index line = run * bits + blocks.scaleLines(panel);
  Value codes = tile::codesOf(e, bits, at % tile::kRun / 4, [&](int64_t i) {
    return load(e.b.getI32Type(), vector, (line + i) * (4 * panel));
  });
  if (blocks.getValues().empty())
    return codes;
  return instructions.lookUp(e, tableOf(blocks), codes);
}

/// Of the e4m3 in the high halves of words, those of even lanes, then those of
/// odd ones, as f32 over 2^8 (see `tile::halfBits`).
static std::array<Value, 2> evenAndOdd(Emitter &e, Value words) {
  auto type = cast<VectorType>(words.getType());
  int64_t lanes = type.getNumElements() / 2;
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < 2 * lanes; ++i)
    order.push_back(i < lanes ? 2 * i : 2 * (i - lanes) + 1);
  Value bits = tile::halfBits(e, words);
  Value sorted = vector::ShuffleOp::create(e.b, e.loc, bits, bits, order);
  Value halves = e.bitcast(sorted, e.b.getF16Type());
  return {e.extend(e.slice(halves, 0, lanes), e.f32x(lanes)),
          e.extend(e.slice(halves, lanes, lanes), e.f32x(lanes))};
}

Value BlockStep::code(Value codes, int64_t byte) const {
  Value dwords = e.bitcast(codes, e.b.getI8Type());
  Value zeros = e.splatOf(0, cast<VectorType>(dwords.getType()));
  // The byte and three of 0.
  SmallVector<int64_t> bytes;
  for (int64_t lane = 0; lane < lanes; ++lane)
    bytes.append({4 * lane + byte, 4 * lanes, 4 * lanes, 4 * lanes});
  Value code = vector::ShuffleOp::create(e.b, e.loc, dwords, zeros, bytes);
  return e.bitcast(code, e.b.getI32Type());
}

std::array<Value, 4> BlockStep::floats(int64_t vector, int64_t at) const {
  Value four = codes(vector, at);
  if (auto table = dyn_cast<DenseF32ArrayAttr>(blocks.getFloats())) {
    std::array<Value, 4> result;
    for (int64_t i = 0; i < 4; ++i)
      result[i] = instructions.lookUp(e, table.asArrayRef(), code(four, i));
    return result;
  }
  Value words = e.bitcast(four, e.b.getI16Type());
  auto type = cast<VectorType>(words.getType());
  auto [first, third] = evenAndOdd(e, e.shiftLeft(words, e.splatOf(8, type)));
  auto [second, fourth] =
      evenAndOdd(e, e.bitAnd(words, e.splatOf(0xff00, type)));
  return {first, second, third, fourth};
}

Value BlockStep::factor(int64_t vector, int64_t at, int64_t level) const {
  std::array<int64_t, 5> offsets = blocks.scaleOffsets(tile.panel);
  bool isZero = level == 1 && blocks.getZeros();
  if (isZero)
    level = 0;
  int64_t panel = tile.panel;
  Index place = first + at, group = place / blocks.getGroup();
  int64_t width = blocks.getScale().getIntOrFloatBitWidth() / 8;
  Index number = place / blocks.perScale();
  Value scale = load(blocks.getScale(), vector,
                     number * (panel * width) + offsets[level]);
  scale = e.extend(scale, e.f32x(lanes));
  auto times = [&](int64_t part) {
    Value integer =
        load(e.b.getI8Type(), vector, group * panel + offsets[part]);
    integer = e.resize(integer, e.b.getI32Type(), /*isSigned=*/true);
    scale = e.mul(scale, e.toFloat(integer));
  };
  if (blocks.getSuper())
    times(2 + level);
  if (isZero)
    times(3);
  return scale;
}

/// Each step takes its share of the lines of a block.
void BlockStep::prefetch(int64_t from, int64_t to, int64_t turn,
                         int64_t turns) const {
  int64_t distance = tile.schedule.prefetchOf(tile.rows);
  if (distance == 0)
    return;
  constexpr int64_t line = 64;
  auto type = cast<MemRefType>(tile.weights.getType());
  Value flat = e.reshape(tile.weights, {type.getNumElements()});
  int64_t size = type.getDimSize(2), steps = tile.group / tile::kRun;
  int64_t lines = llvm::divideCeil(size, steps * line) * count / tile::kRun;
  int64_t perPanel = type.getDimSize(1) * size;
  for (int64_t panel = from / parts; panel < to / parts; ++panel) {
    Index at = (tile.p + panel) * perPanel + block * size +
               first / tile::kRun * (lines * line) + distance;
    for (int64_t i = lines * turn / turns; i < lines * (turn + 1) / turns; ++i)
      e.prefetch(flat, {at + i * line});
  }
}

//===----------------------------------------------------------------------===//
// Going over blocks
//===----------------------------------------------------------------------===//

/// Elements of a step: a run of 32 or, where groups do not divide runs, the
/// least whole number of both.
static int64_t stepSize(tile::BlocksAttr blocks) {
  return blocks.getGroup() % tile::kRun ? blocks.unit() : tile::kRun;
}

int64_t cpu::lanesOf(TargetAttr target, int64_t panel) {
  return std::gcd<int64_t>(panel, target.getVectorBits() / 32);
}

Value cpu::rowDword(Emitter &e, const DotTile &tile, int64_t lanes, int64_t r,
                    Index byte) {
  Value dword =
      e.loadBytes(1, e.b.getI32Type(), tile.input, {tile.m + r, byte});
  return e.broadcast(e.extract(dword, 0), lanes);
}

Value cpu::rowScale(Emitter &e, const DotTile &tile, int64_t lanes, int64_t r,
                    Index element) {
  tile::GroupsAttr groups = tile.inputGroups;
  Index byte = element / groups.getSize() * 4 + groups.scalesAt(tile.terms);
  return e.bitcast(rowDword(e, tile, lanes, r, byte), e.b.getF32Type());
}

/// What the row has for each part of [element, element + count), added up.
static Value addParts(Emitter &e, const DotTile &tile, int64_t lanes, int64_t r,
                      Index element, int64_t count) {
  tile::GroupsAttr groups = tile.inputGroups;
  Value sum;
  for (int64_t at = 0; at < count; at += groups.getPart()) {
    Index part = (element + at) / groups.getPart();
    Value dword =
        rowDword(e, tile, lanes, r, part * 4 + groups.sumsAt(tile.terms));
    Value next = e.bitcast(dword, e.b.getF32Type());
    if (sum && groups.getZero())
      next = e.sub(next, e.splat(ExactShift::value, lanes));
    sum = sum ? e.add(sum, next) : next;
  }
  return sum;
}

Value cpu::rowSum(Emitter &e, const DotTile &tile, int64_t lanes, int64_t r,
                  Index element, int64_t count) {
  assert(!tile.inputGroups.getZero() && "the row has no plain sums");
  return addParts(e, tile, lanes, r, element, count);
}

Value cpu::rowBegin(Emitter &e, const DotTile &tile, int64_t lanes, int64_t r,
                    Index element, int64_t count, int64_t zero) {
  Value sum = addParts(e, tile, lanes, r, element, count);
  if (tile.inputGroups.getZero() == zero)
    return sum;
  assert(!tile.inputGroups.getZero() && "the row has no plain sums");
  return e.fma(sum, e.splat(-zero, lanes), e.splat(ExactShift::value, lanes));
}

BlockDot::BlockDot(TargetAttr target, int64_t panel)
    : lanes(lanesOf(target, panel)), instructions(makeInstructions(target)) {}

Emitter::Values BlockDot::addBlock(Emitter &e, const DotTile &tile, Index block,
                                   int64_t count, Emitter::Values sums) const {
  int64_t size = stepSize(tile.blocks);
  auto step = [&](Index first, int64_t elements, Emitter::Values sums) {
    BlockStep step(*instructions, e, tile, lanes, block, first, elements);
    // One row: panel by panel, in the order of the stream. Of vectors of four
    // lanes, registers have room for the weights of one.
    int64_t wide = lanes == 4       ? 1
                   : tile.rows == 1 ? step.parts
                                    : step.vectors();
    for (int64_t from = 0; from < step.vectors(); from += wide)
      add(step, sums, from, from + wide);
    return sums;
  };
  int64_t whole = count / size * size;
  if (whole > 2 * size)
    sums = e.forRange(e.index(0), e.index(whole), size, sums,
                      [&](Index first, ValueRange carried) {
                        return step(first, size, Emitter::Values(carried));
                      });
  else
    for (int64_t first = 0; first < whole; first += size)
      sums = step(e.index(first), size, sums);
  if (count > whole)
    sums = step(e.index(whole), count - whole, sums);
  return sums;
}

void cpu::forSteps(Emitter &e, const DotTile &tile,
                   function_ref<void(Index, Index, int64_t)> body) {
  int64_t size = stepSize(tile.blocks);
  auto inBlock = [&](Index block, int64_t count) {
    int64_t whole = count / size * size;
    e.forRange(e.index(0), e.index(whole), size,
               [&](Index first) { body(block, first, size); });
    if (count > whole)
      body(block, e.index(whole), count - whole);
  };
  Index whole = e.index(tile.terms / tile.group);
  e.forRange(tile.from, min(tile.to, whole), 1,
             [&](Index block) { inBlock(block, tile.group); });
  if (int64_t rest = tile.terms % tile.group)
    e.forRange(max(tile.from, whole), tile.to, 1,
               [&](Index block) { inBlock(block, rest); });
}

void BlockDot::multiply(Emitter &e, const DotTile &tile) const {
  int64_t vectors = tile.panels * tile.panel / lanes;
  auto forSums = [&](function_ref<void(int64_t, ArrayRef<Index>)> body) {
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t i = 0; i < vectors; ++i)
        body(r * vectors + i, {tile.row + r, tile.column + i * lanes});
  };
  Value zero = e.splat(0.0, lanes);
  Emitter::Values sums(tile.rows * vectors, zero);
  if (tile.carried)
    forSums([&](int64_t i, ArrayRef<Index> at) {
      sums[i] =
          e.select(tile.carried, e.load(e.f32x(lanes), tile.stage, at), zero);
    });
  auto overBlocks = [&](Index from, Index to, int64_t count) {
    sums = e.forRange(from, to, 1, sums, [&](Index block, ValueRange carried) {
      return addBlock(e, tile, block, count, Emitter::Values(carried));
    });
  };
  Index whole = e.index(tile.terms / tile.group);
  overBlocks(tile.from, min(tile.to, whole), tile.group);
  if (int64_t rest = tile.terms % tile.group)
    overBlocks(max(tile.from, whole), tile.to, rest);
  forSums(
      [&](int64_t i, ArrayRef<Index> at) { e.store(sums[i], tile.stage, at); });
}
