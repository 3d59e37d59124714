//===- Linear.cpp - Reference: linear, quantize, pack, split --------------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

/// The f32 `x` rounded to `type` if `rows` are `from` or more, else `other`.
static Value ifMany(Loops &l, Value rows, int64_t from, Type type, Value x,
                    Value other) {
  Value many = arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::uge,
                                     rows, l.index(from));
  Value rounded = l.roundTo(type, x);
  return arith::SelectOp::create(l.b, l.loc, many, rounded, other);
}

namespace {

/// result[m, n] = sum_k input[m, k] * weight[n, k] + bias[n]; where the rows
/// are so many that `#tile.groups` makes them floats, or that the op says so,
/// weights are rounded as well.
struct Linear : Lowering<LinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(LinearOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), weight = operands.getWeight();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    Value rows = l.size(input, 0), terms = l.size(input, 1);
    tile::GroupsAttr groups = groupsOf(op.getInput());
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value y = l.sum(l.index(0), terms, [&](Value k) {
        Value w = l.load(weight, {at[1], k});
        if (groups && groups.getValues())
          w = ifMany(l, rows, groups.getFrom(), groups.getValues(), w, w);
        if (std::optional<uint64_t> from = op.getRoundWeightsFrom())
          w = ifMany(l, rows, *from, b.getBF16Type(), w, w);
        return l.mul(l.load(input, {at[0], k}), w);
      });
      if (operands.getBias())
        y = l.add(y, l.load(operands.getBias(), at[1]));
      l.store(y, result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

struct Quantize : Lowering<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(QuantizeOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    if (tile::GroupsAttr groups = groupsOf(op.getResult()))
      quantizeGroups(l, input, result, groups);
    else
      l.forElements(result, [&](ArrayRef<Value> at) {
        l.store(l.load(input, at), result, at);
      });
    b.replaceOp(op, result);
    return success();
  }

private:
  using Element = function_ref<Value(Value)>;

  /// What makes integers of the elements of a group, and floats of those.
  struct Rounding {
    Value factor, scale;
  };

  /// round(factor x), half to even.
  static Value integer(Loops &l, Value x, Value factor) {
    return math::RoundEvenOp::create(l.b, l.loc, l.mul(x, factor));
  }

  /// The formula of `#tile.groups`, for x of [lo, hi).
  static Rounding roundingOf(Loops &l, Value lo, Value hi, Element x) {
    auto square = [&](Value v) { return l.mul(v, v); };
    Value most = l.fold(lo, hi, l.number(0), [&](Value k, Value max) {
      return l.max(max, l.max(x(k), l.sub(l.number(0), x(k))));
    });
    // Of a group of zeros, zeros: any factor does.
    most = l.max(most, l.number(std::numeric_limits<float>::min()));
    Value factor, left;
    for (int64_t levels : tile::GroupsAttr::levels) {
      Value other = l.div(l.number(levels), most);
      Value error = l.sum(lo, hi, [&](Value k) {
        return square(l.sub(x(k), l.div(integer(l, x(k), other), other)));
      });
      if (!factor) {
        factor = other, left = error;
        continue;
      }
      Value isNearer = arith::CmpFOp::create(
          l.b, l.loc, arith::CmpFPredicate::OLT, error, left);
      factor = arith::SelectOp::create(l.b, l.loc, isNearer, other, factor);
      left = arith::SelectOp::create(l.b, l.loc, isNearer, error, left);
    }
    auto q = [&](Value k) { return integer(l, x(k), factor); };
    Value squares = l.sum(lo, hi, [&](Value k) { return square(q(k)); });
    Value products = l.sum(lo, hi, [&](Value k) { return l.mul(x(k), q(k)); });
    return {factor, l.div(products, l.max(squares, l.number(1)))};
  }

  /// The formula of `#tile.groups`; or x rounded, of many rows.
  static void quantizeGroups(Loops &l, Value input, Value result,
                             tile::GroupsAttr groups) {
    int64_t size = groups.getSize();
    Value rows = l.size(input, 0);
    int64_t rank = cast<MemRefType>(input.getType()).getRank();
    SmallVector<Value> sizes;
    for (int64_t dim = 0; dim < rank; ++dim)
      sizes.push_back(l.size(input, dim));
    sizes.back() = l.div(sizes.back(), l.index(size));
    l.forEach(sizes, [&](ArrayRef<Value> at) {
      Value lo = l.mul(at.back(), l.index(size)), hi = l.add(lo, l.index(size));
      auto with = [&](Value k) {
        SmallVector<Value> place(at);
        place.back() = k;
        return place;
      };
      auto element = [&](Value k) { return l.load(input, with(k)); };
      Rounding best = roundingOf(l, lo, hi, element);
      l.forRange(lo, hi, [&](Value k) {
        Value x = element(k);
        Value rounded = l.mul(integer(l, x, best.factor), best.scale);
        if (groups.getValues())
          rounded =
              ifMany(l, rows, groups.getFrom(), groups.getValues(), x, rounded);
        l.store(rounded, result, with(k));
      });
    });
  }
};

/// The rows of the sources one after the other, or interleaved:
/// row g (s i) + s j + r of the result is row s i + r of source j.
struct Pack : Lowering<PackOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(PackOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value result = l.alloc(typeConverter->convertType(op.getType()), {});
    Value offset = l.number(op.getOffset().convertToDouble());
    int64_t s = op.getInterleave(), g = operands.getSources().size();
    int64_t first = 0, dim = op.getType().isParts() ? 1 : 0; // that of rows
    for (auto [j, source] : llvm::enumerate(operands.getSources())) {
      l.forElements(source, [&, j = j, source = source](ArrayRef<Value> at) {
        Value row = l.add(at[dim], l.index(first));
        if (s) {
          Value granule = l.mul(l.div(at[dim], l.index(s)), l.index(g * s));
          row =
              l.add(l.add(granule, l.index(s * j)), l.rem(at[dim], l.index(s)));
        }
        SmallVector<Value> to(at);
        to[dim] = row;
        l.store(l.add(l.load(source, at), offset), result, to);
      });
      first += cast<MemRefType>(source.getType()).getDimSize(dim);
    }
    b.replaceOp(op, result);
    return success();
  }
};

/// result_j[m, s i + r] = input[m, g (s i) + s j + r]; of choices alike
struct Split : Lowering<SplitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(SplitOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput();
    int64_t s = op.getInterleave(), g = op.getNumResults();
    SmallVector<Value> results;
    for (auto [j, type] : llvm::enumerate(op.getResultTypes())) {
      Value result = l.allocRows(typeConverter->convertType(type), input);
      l.forElements(result, [&, j = j](ArrayRef<Value> at) {
        Value n = at.back();
        Value granule = l.mul(l.div(n, l.index(s)), l.index(g * s));
        SmallVector<Value> from(at);
        from.back() =
            l.add(l.add(granule, l.index(s * j)), l.rem(n, l.index(s)));
        l.store(l.load(input, from), result, at);
      });
      results.push_back(result);
    }
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void mica::reference::populateLinear(TypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<Linear, Quantize, Pack, Split>(converter, patterns.getContext());
}
