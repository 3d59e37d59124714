//===- EvalReport.cpp - What `mica eval` prints ---------------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "lib/Artifact/OutputFile.h"
#include "tools/mica/DivergencePlot.h"
#include "tools/mica/Eval.h"

#include "nlohmann/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace mica;
using nlohmann::ordered_json;

namespace {

struct Summary {
  Estimate nll, baseNll;
  Estimate ratio; ///< Of the perplexities; errors of the two are paired.
  Estimate kl, agreement;
  double median = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};

} // namespace

/// Sorts `scores.kl`.
static Summary summarize(Scores &scores) {
  Summary found;
  found.nll = estimate(scores.nll);
  if (scores.kl.empty())
    return found;
  found.baseNll = estimate(scores.base);
  std::vector<double> difference(scores.nll.size());
  for (size_t i = 0; i < difference.size(); ++i)
    difference[i] = scores.nll[i] - scores.base[i];
  found.ratio = exponential(estimate(difference));
  found.agreement =
      estimate(std::vector<double>(scores.agree.begin(), scores.agree.end()));
  found.kl = estimate(scores.kl);
  std::sort(scores.kl.begin(), scores.kl.end());
  found.median = quantile(scores.kl, 0.5);
  found.p90 = quantile(scores.kl, 0.9);
  found.p99 = quantile(scores.kl, 0.99);
  found.p999 = quantile(scores.kl, 0.999);
  found.max = scores.kl.back();
  return found;
}

static void printJson(const Scores &scores, const Summary &found) {
  auto perplexity = [](ordered_json &out, const Estimate &nll) {
    out["nll"] = nll.mean;
    out["perplexity"] = exponential(nll).mean;
    out["perplexity_error"] = exponential(nll).error;
  };
  ordered_json out = {{"tokens", scores.nll.size()},
                      {"windows", scores.windows}};
  if (!scores.nll.empty())
    perplexity(out, found.nll);
  if (!scores.base.empty()) {
    perplexity(out["against"], found.baseNll);
    out["ratio"] = found.ratio.mean;
    out["ratio_error"] = found.ratio.error;
  }
  if (!scores.kl.empty()) {
    out["kl"] = {{"positions", scores.kl.size()},
                 {"mean", found.kl.mean},
                 {"standard_error", found.kl.error},
                 {"median", found.median},
                 {"p90", found.p90},
                 {"p99", found.p99},
                 {"p999", found.p999},
                 {"max", found.max}};
    out["agreement"] = found.agreement.mean;
    out["agreement_error"] = found.agreement.error;
  }
  std::printf("%s\n", out.dump().c_str());
}

static void printPerplexity(const EvalOptions &options, const Scores &scores,
                            const Summary &found) {
  Estimate perplexity = exponential(found.nll);
  std::printf("perplexity %.6f +/- %.6f (%.6f nats per token, %zu tokens, %llu "
              "windows)\n",
              perplexity.mean, perplexity.error, found.nll.mean,
              scores.nll.size(), (unsigned long long)scores.windows);
  if (scores.base.empty())
    return;
  Estimate base = exponential(found.baseNll);
  std::printf("  of %s %.6f +/- %.6f, ratio %.6f +/- %.6f\n",
              options.against.c_str(), base.mean, base.error, found.ratio.mean,
              found.ratio.error);
}

static void printDivergence(const Scores &scores, const Summary &found) {
  std::printf("KL divergence %.3g +/- %.2g (%zu positions); median %.3g, 90 %% "
              "%.3g, 99 %% %.3g, 99.9 %% %.3g, greatest %.3g\n",
              found.kl.mean, found.kl.error, scores.kl.size(), found.median,
              found.p90, found.p99, found.p999, found.max);
  std::printf("same best token %.2f +/- %.2f %%\n", 100 * found.agreement.mean,
              100 * found.agreement.error);
}

Status mica::reportScores(const EvalOptions &options, Scores scores) {
  Summary found = summarize(scores);
  if (!options.plot.empty()) {
    std::string svg =
        divergencePlot(scores.kl, options.model + " beside " + options.against);
    if (Status status = writeFile(options.plot, svg.data(), svg.size());
        !status)
      return status;
  }
  if (options.json) {
    printJson(scores, found);
    return {};
  }
  if (!scores.nll.empty()) // Of one token nothing is predicted.
    printPerplexity(options, scores, found);
  if (!scores.kl.empty())
    printDivergence(scores, found);
  return {};
}
