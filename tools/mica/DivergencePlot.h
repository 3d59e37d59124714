//===- DivergencePlot.h - A histogram of divergences ------------*- C++ -*-===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#ifndef TOOLS_MICA_DIVERGENCEPLOT_H
#define TOOLS_MICA_DIVERGENCEPLOT_H

#include <span>
#include <string>

namespace mica {

/// An SVG of how often which divergence is, over a logarithmic axis of at most
/// 8 decades, with the median, the mean and the 99 % quantile. `sorted`: 1
/// value or more; those below the axis count in its first bar.
std::string divergencePlot(std::span<const double> sorted,
                           const std::string &title);

} // namespace mica

#endif // TOOLS_MICA_DIVERGENCEPLOT_H
