//===- DivergencePlot.cpp - A histogram of divergences --------------------===//
//
// Part of Mica, under Apache-2.0 WITH LLVM-exception.
//===----------------------------------------------------------------------===//

#include "tools/mica/DivergencePlot.h"

#include "tools/mica/Divergence.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <vector>

using namespace mica;

// In pixels: the picture, and its margins around the axes.
constexpr double kWidth = 640, kHeight = 360;
constexpr double kLeft = 56, kRight = 20, kTop = 56, kBottom = 48;
constexpr int kBarsPerDecade = 5, kMostDecades = 8;

[[gnu::format(printf, 2, 3)]] static void add(std::string &out,
                                              const char *form, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, form);
  std::vsnprintf(text, sizeof(text), form, arguments);
  va_end(arguments);
  out += text;
}

static std::string escape(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '<'   ? "&lt;"
           : c == '>' ? "&gt;"
           : c == '&' ? "&amp;"
                      : std::string(1, c);
  return out;
}

namespace {

/// Where numbers lie in the picture.
struct Axes {
  int low, high; ///< Powers of ten at the ends of the horizontal axis.
  double most;   ///< The share at the top of the vertical one.

  double x(double power) const {
    double clamped = std::clamp(power, double(low), double(high));
    return kLeft + (clamped - low) / (high - low) * (kWidth - kLeft - kRight);
  }
  double y(double share) const {
    return kHeight - kBottom - share / most * (kHeight - kTop - kBottom);
  }
};

} // namespace

/// log10, also of 0 and of what is too small to tell from it.
static double power(double value) { return std::log10(std::max(value, 1e-18)); }

/// 1, 2 or 5 times a power of ten, at most 6 of which go into `most`.
static double tickStep(double most) {
  double step = std::pow(10, std::floor(std::log10(most / 6)));
  for (double factor : {2., 2.5, 2.})
    if (most / step > 6)
      step *= factor;
  return step;
}

static void addAxes(std::string &out, const Axes &axes) {
  double bottom = axes.y(0), right = kWidth - kRight;
  add(out, "<path d=\"M%g %gV%gH%g\" fill=\"none\" stroke=\"black\"/>\n", kLeft,
      kTop, bottom, right);
  for (int p = axes.low; p <= axes.high; ++p)
    add(out,
        "<path d=\"M%.1f %gv4\" stroke=\"black\"/>"
        "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">1e%d</text>\n",
        axes.x(p), bottom, axes.x(p), bottom + 17, p);
  double step = tickStep(axes.most);
  for (int tick = 1; tick * step < axes.most; ++tick) {
    double share = tick * step;
    add(out,
        "<path d=\"M%g %.1fH%g\" stroke=\"#ddd\"/>"
        "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%.3g %%</text>\n",
        kLeft, axes.y(share), right, kLeft - 5, axes.y(share) + 4, 100 * share);
  }
  add(out,
      "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">KL divergence of a "
      "position, in nats</text>\n",
      (kLeft + right) / 2, kHeight - 10);
  add(out, "<text x=\"%g\" y=\"%g\">share of positions</text>\n", 8.,
      kTop - 10);
}

/// A line at `value` with its name beside its top, which is the lower the
/// greater the row, so that no line crosses the names of those before.
static void addMark(std::string &out, const Axes &axes, const char *name,
                    double value, int row) {
  double x = axes.x(power(value)), y = kTop + 10 + 14 * row;
  bool left = x > kWidth * 3 / 4;
  add(out,
      "<path d=\"M%.1f %gV%g\" stroke=\"#c0392b\" stroke-dasharray=\"4 3\"/>"
      "<text x=\"%.1f\" y=\"%g\" fill=\"#c0392b\" text-anchor=\"%s\" "
      "stroke=\"white\" stroke-width=\"4\" paint-order=\"stroke\">%s "
      "%.3g</text>\n",
      x, y - 10, axes.y(0), x + (left ? -4 : 4), y, left ? "end" : "start",
      name, value);
}

std::string mica::divergencePlot(std::span<const double> sorted,
                                 const std::string &title) {
  Axes axes{int(std::floor(power(quantile(sorted, 0.001)))),
            int(std::floor(power(sorted.back()))) + 1, 0};
  axes.low = std::max(axes.low, axes.high - kMostDecades);
  std::vector<double> shares(size_t(axes.high - axes.low) * kBarsPerDecade);
  for (double value : sorted) {
    double place = (power(value) - axes.low) * kBarsPerDecade;
    auto bar = size_t(std::clamp(place, 0., double(shares.size() - 1)));
    shares[bar] += 1 / double(sorted.size());
  }
  // Above the bars there is room for the names of the marks.
  axes.most = 1.25 * *std::max_element(shares.begin(), shares.end());
  std::string out;
  add(out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, kHeight);
  out += "<text x=\"8\" y=\"20\" font-weight=\"bold\">" + escape(title) +
         "</text>\n";
  addAxes(out, axes);
  for (size_t i = 0; i < shares.size(); ++i) {
    double from = axes.x(axes.low + double(i) / kBarsPerDecade);
    double to = axes.x(axes.low + double(i + 1) / kBarsPerDecade);
    if (shares[i] > 0)
      add(out,
          "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
          "height=\"%.1f\" fill=\"#7fb3d5\"/>\n",
          from, axes.y(shares[i]), to - from - 1,
          axes.y(0) - axes.y(shares[i]));
  }
  addMark(out, axes, "median", quantile(sorted, 0.5), 0);
  addMark(out, axes, "mean", estimate(sorted).mean, 1);
  addMark(out, axes, "99 %", quantile(sorted, 0.99), 2);
  return out + "</svg>\n";
}
