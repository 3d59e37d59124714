//===- Experts.cpp - Reference: route, dispatch, products, combine --------===//

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// A buffer of `size` numbers of f64, or of indices.
Value allocate(Loops &l, int64_t size, Type element) {
  return l.alloc(MemRefType::get({size}, element), {});
}

Value isLess(Loops &l, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return arith::CmpFOp::create(l.b, l.loc, arith::CmpFPredicate::OLT, x, y);
  return arith::CmpIOp::create(l.b, l.loc, arith::CmpIPredicate::ult, x, y);
}

Value choose(Loops &l, Value condition, Value x, Value y) {
  return arith::SelectOp::create(l.b, l.loc, condition, x, y);
}

/// The index of the greatest of `values`, of equal ones the first.
Value argmax(Loops &l, Value values) {
  return l.fold(
      l.index(1), l.size(values, 0), l.index(0), [&](Value i, Value best) {
        Value isMore = isLess(l, l.load(values, best), l.load(values, i));
        return choose(l, isMore, i, best);
      });
}

/// One row of `mica.route`.
struct Router {
  Loops &l;
  RouteOp op;
  Value logits, bias, weights, experts, m; // [T, E], [E], results, the row
  Value score, chance;                     // scratch of E: s and c
  int64_t count = columnsOf(op.getLogits());

  void storeScores() {
    Value n = l.index(count), one = l.number(1);
    auto x = [&](Value e) { return l.load(logits, {m, e}); };
    Value max = l.fold(l.index(1), n, x(l.index(0)),
                       [&](Value e, Value y) { return l.max(x(e), y); });
    Value sum = l.sum(l.index(0), n, [&](Value e) -> Value {
      return math::ExpOp::create(l.b, l.loc, l.sub(x(e), max));
    });
    l.forRange(l.index(0), n, [&](Value e) {
      Value s;
      if (op.getScores() == RouterScores::softmax)
        s = l.div(math::ExpOp::create(l.b, l.loc, l.sub(x(e), max)), sum);
      else
        s = l.div(one, l.add(one, math::ExpOp::create(
                                      l.b, l.loc, l.sub(l.number(0), x(e)))));
      l.store(s, score, e);
      l.store(bias ? l.add(s, l.load(bias, e)) : s, chance, e);
    });
  }

  /// Takes the experts of all but the best groups out of the choice.
  void limitGroups() {
    int64_t groups = op.getGroups(), size = count / groups;
    Type f64 = l.b.getF64Type();
    Value sums = allocate(l, groups, f64), isOut = allocate(l, groups, f64);
    Value lowest = l.number(-std::numeric_limits<double>::infinity());
    l.forRange(l.index(0), l.index(groups), [&](Value g) {
      Value lo = l.mul(g, l.index(size)), hi = l.add(lo, l.index(size));
      Value first = l.fold(lo, hi, lo, [&](Value i, Value best) {
        Value isMore = isLess(l, l.load(chance, best), l.load(chance, i));
        return choose(l, isMore, i, best);
      });
      Value sum = l.load(chance, first);
      if (op.getGroupSum() == 2)
        sum = l.add(sum, l.fold(lo, hi, lowest, [&](Value i, Value most) {
          Value isFirst = arith::CmpIOp::create(
              l.b, l.loc, arith::CmpIPredicate::eq, i, first);
          return choose(l, isFirst, most, l.max(most, l.load(chance, i)));
        }));
      l.store(sum, sums, g);
      l.store(l.number(1), isOut, g);
    });
    l.forRange(l.index(0), l.index(op.getTopGroups()), [&](Value) {
      Value best = argmax(l, sums);
      l.store(l.number(0), isOut, best);
      l.store(lowest, sums, best);
    });
    l.forRange(l.index(0), l.index(count), [&](Value e) {
      Value out = l.load(isOut, l.div(e, l.index(size)));
      l.store(choose(l, isLess(l, l.number(0), out), lowest, l.load(chance, e)),
              chance, e);
    });
  }

  void emit() {
    storeScores();
    if (op.getGroups() > 1)
      limitGroups();
    Value choices = l.index(op.getChoices());
    Value lowest = l.number(-std::numeric_limits<double>::infinity());
    Value sum = l.sum(l.index(0), choices, [&](Value j) {
      Value e = argmax(l, chance);
      l.store(lowest, chance, e);
      Value i32 = arith::IndexCastOp::create(l.b, l.loc, l.b.getI32Type(), e);
      memref::StoreOp::create(l.b, l.loc, i32, experts, ValueRange{m, j});
      l.store(l.load(score, e), weights, {m, j});
      return l.load(score, e);
    });
    Value factor = l.number(op.getScale().convertToDouble());
    if (op.getNormalize())
      factor = l.div(factor, l.add(sum, l.number(1e-20)));
    l.forRange(l.index(0), choices, [&](Value j) {
      l.store(l.mul(factor, l.load(weights, {m, j})), weights, {m, j});
    });
  }
};

struct Route : Lowering<RouteOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RouteOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value logits = operands.getLogits();
    auto result = [&](Value v) {
      return l.allocRows(typeConverter->convertType(v.getType()), logits);
    };
    Value weights = result(op.getWeights()), experts = result(op.getExperts());
    int64_t count = columnsOf(op.getLogits());
    Value score = allocate(l, count, b.getF64Type());
    Value chance = allocate(l, count, b.getF64Type());
    l.forEach(l.size(logits, 0), [&](ArrayRef<Value> at) {
      Router{l,     op,    logits, operands.getBias(), weights, experts,
             at[0], score, chance}
          .emit();
    });
    b.replaceOp(op, {weights, experts});
    return success();
  }
};

/// The tables by their definition. What the other ops compute does not depend
/// on them.
struct SortChoices : Lowering<SortChoicesOp> {
  using OpConversionPattern::OpConversionPattern;

  /// The indices of element `n` of a table of two dimensions.
  static SmallVector<Value> flat(Loops &l, Value table, Value n) {
    Value columns = l.size(table, 1);
    return {l.div(n, columns), l.rem(n, columns)};
  }

  static void put(Loops &l, Value index, Value table, Value n) {
    Value i32 = arith::IndexCastOp::create(l.b, l.loc, l.b.getI32Type(), index);
    memref::StoreOp::create(l.b, l.loc, i32, table, flat(l, table, n));
  }

  LogicalResult matchAndRewrite(SortChoicesOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value experts = operands.getExperts(), zero = l.index(0), one = l.index(1);
    Value total = l.mul(l.size(experts, 0), l.size(experts, 1));
    SmallVector<Value> tables;
    for (Value result : op.getResults())
      tables.push_back(
          l.allocRows(typeConverter->convertType(result.getType()), experts));
    Value place = tables[0], source = tables[1], parts = tables[2];
    auto visit = [&](Value at, Value e) {
      return l.fold(zero, total, at, [&](Value n, Value next) -> Value {
        Value own = l.load(experts, flat(l, experts, n));
        Value isOwn =
            arith::CmpIOp::create(b, l.loc, arith::CmpIPredicate::eq, own, e);
        auto branch = scf::IfOp::create(b, l.loc, isOwn);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        put(l, next, place, n);
        put(l, n, source, next);
        b.setInsertionPointAfter(branch);
        return choose(l, isOwn, l.add(next, one), next);
      });
    };
    Value used = allocate(l, 2, b.getIndexType());
    auto store = [&](Value x, int64_t i) {
      memref::StoreOp::create(b, l.loc, x, used, l.index(i));
    };
    store(zero, 0); // experts that were chosen
    store(zero, 1); // choices that have a place
    l.forRange(zero, l.index(op.getCount()), [&](Value e) {
      Value before = l.load(used, l.index(1)), after = visit(before, e);
      auto branch = scf::IfOp::create(b, l.loc, isLess(l, before, after));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      Value entry = l.add(l.load(used, zero), one);
      put(l, e, parts, l.mul(entry, l.index(2)));
      put(l, before, parts, l.add(l.mul(entry, l.index(2)), one));
      store(entry, 0);
      store(after, 1);
    });
    Value last = l.mul(l.add(l.load(used, zero), one), l.index(2));
    put(l, l.load(used, zero), parts, zero);
    put(l, zero, parts, one);
    put(l, zero, parts, last);
    put(l, total, parts, l.add(last, one));
    b.replaceOp(op, tables);
    return success();
  }
};

struct Dispatch : Lowering<DispatchOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DispatchOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    l.forElements(result, [&](ArrayRef<Value> at) {
      l.store(l.load(input, {at[0], at[2]}), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

struct GroupedLinear : Lowering<GroupedLinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(GroupedLinearOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), weight = operands.getWeight();
    Value experts = operands.getExperts();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    bool chosen = choicesOf(op.getInput());
    Value rows = countRows(l, experts, op.getWeight().getType().parts());
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value e = l.load(experts, {at[0], at[1]});
      Value y = l.sum(l.index(0), l.size(weight, 2), [&](Value k) {
        SmallVector<Value> from = {at[0], k};
        if (chosen)
          from.insert(from.begin() + 1, at[1]);
        Value w = l.load(weight, {e, at[2], k});
        if (std::optional<uint64_t> least = op.getRoundWeightsFrom()) {
          Value isFew = isLess(l, l.load(rows, e), l.index(*least));
          w = choose(l, isFew, w, l.roundTo(b.getBF16Type(), w));
        }
        return l.mul(l.load(input, from), w);
      });
      if (operands.getBias())
        y = l.add(y, l.load(operands.getBias(), {e, at[2]}));
      l.store(y, result, at);
    });
    b.replaceOp(op, result);
    return success();
  }

private:
  /// How many choices each of `count` experts got.
  static Value countRows(Loops &l, Value experts, int64_t count) {
    Value rows = allocate(l, count, l.b.getIndexType());
    auto store = [&](Value n, Value e) {
      memref::StoreOp::create(l.b, l.loc, n, rows, e);
    };
    l.forRange(l.index(0), l.index(count),
               [&](Value e) { store(l.index(0), e); });
    l.forElements(experts, [&](ArrayRef<Value> at) {
      Value e = l.load(experts, at);
      store(l.add(l.load(rows, e), l.index(1)), e);
    });
    return rows;
  }
};

struct Combine : Lowering<CombineOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(CombineOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), weights = operands.getWeights();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value y = l.sum(l.index(0), l.size(input, 1), [&](Value j) {
        return l.mul(l.load(weights, {at[0], j}),
                     l.load(input, {at[0], j, at[1]}));
      });
      l.store(y, result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populateExperts(TypeConverter &converter,
                                      RewritePatternSet &patterns) {
  patterns.add<Route, SortChoices, Dispatch, GroupedLinear, Combine>(
      converter, patterns.getContext());
}
