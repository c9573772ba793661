#include "system/correction_terms.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace equibolt {

Splines::Splines(std::vector<Range> ranges) : ranges_(std::move(ranges)) {
  for (const Range& range : ranges_) size_ += range.intervals + 3;
}

void Splines::append(std::span<const double> coordinates, std::size_t first, std::vector<Term>& terms) const {
  for (std::size_t p = 0; p < ranges_.size(); ++p) {
    const Range& range = ranges_[p];
    const auto intervals = static_cast<double>(range.intervals);
    const double inside = (coordinates[p] - range.low) / range.width, u = std::clamp(inside, 0.0, intervals);
    if (!std::isnan(u)) {
      const double floor = std::min(std::floor(u), intervals - 1), t = u - floor, s = 1 - t;
      const double per_width = u == inside ? 1 / range.width : 0.0;
      const double value[4] = {s * s * s / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
                               (3 * s * s * s - 6 * s * s + 4) / 6, t * t * t / 6};
      const double slope[4] = {-s * s / 2, (3 * t - 4) * t / 2, -(3 * s - 4) * s / 2, t * t / 2};
      const std::size_t lowest = first + static_cast<std::size_t>(floor);
      for (std::size_t k = 0; k < 4; ++k) {
        terms.push_back({lowest + k, value[k], {p, slope[k] * per_width}, {p, 0.0}});
      }
    }
    first += range.intervals + 3;
  }
}

std::vector<Bounded> bounded(std::span<const StiffDistance> stiff, std::span<const double> coordinates) {
  std::vector<Bounded> q;
  q.reserve(stiff.size());
  for (const StiffDistance& s : stiff) {
    const double value = std::tanh((coordinates[s.distance] - s.centre) / s.scale);
    q.push_back({value, (1 - value * value) / s.scale});
  }
  return q;
}

std::vector<Fourier> fourier(std::span<const double> coordinates, std::size_t distances) {
  std::vector<Fourier> all;
  all.reserve(coordinates.size() - distances);
  for (const double angle : coordinates.subspan(distances)) {
    const double c = std::cos(angle), s = std::sin(angle);
    Fourier series{};
    series.cosine[0] = 1;
    for (std::size_t n = 1; n <= Fourier::kOrder; ++n) {
      series.cosine[n] = series.cosine[n - 1] * c - series.sine[n - 1] * s;
      series.sine[n] = series.sine[n - 1] * c + series.cosine[n - 1] * s;
    }
    all.push_back(series);
  }
  return all;
}

void StiffProducts::append(std::span<const Bounded> q, std::size_t first, std::vector<Term>& terms) const {
  for (const Product& p : products_) {
    const Bounded &a = q[p.a], &b = q[p.b];
    terms.push_back({first++,
                     a.value * b.value,
                     {stiff_[p.a].distance, a.slope * b.value},
                     {stiff_[p.b].distance, a.value * b.slope}});
  }
}

void Torsions::append(std::span<const Fourier> series, std::size_t first, std::vector<Term>& terms) const {
  for (std::size_t d = 0; d < dihedrals_; ++d) {
    const std::size_t coordinate = distances_ + d;
    for (std::size_t n = 1; n <= Fourier::kOrder; ++n) {
      const double c = series[d].cosine[n], s = series[d].sine[n];
      const auto times = static_cast<double>(n);
      terms.push_back({first++, c, {coordinate, -times * s}, {coordinate, 0.0}});
      terms.push_back({first++, s, {coordinate, times * c}, {coordinate, 0.0}});
    }
  }
  for (const Product& p : products_) {
    const std::size_t a = distances_ + p.a, b = distances_ + p.b;
    for (std::size_t m = 1; m <= kPairOrder; ++m) {
      for (std::size_t n = 1; n <= kPairOrder; ++n) {
        const double cm = series[p.a].cosine[m], sm = series[p.a].sine[m];
        const double cn = series[p.b].cosine[n], sn = series[p.b].sine[n];
        const auto dm = static_cast<double>(m), dn = static_cast<double>(n);
        terms.push_back({first++, cm * cn, {a, -dm * sm * cn}, {b, -dn * cm * sn}});
        terms.push_back({first++, cm * sn, {a, -dm * sm * sn}, {b, dn * cm * cn}});
        terms.push_back({first++, sm * cn, {a, dm * cm * cn}, {b, -dn * sm * sn}});
        terms.push_back({first++, sm * sn, {a, dm * cm * sn}, {b, dn * sm * cn}});
      }
    }
  }
}

void MixedProducts::append(std::span<const StiffDistance> stiff, std::span<const Bounded> q,
                           std::span<const Fourier> series, std::size_t first,
                           std::vector<Term>& terms) const {
  for (const Product& p : products_) {
    const std::size_t a = stiff[p.a].distance, b = distances_ + p.b;
    for (std::size_t n = 1; n <= kOrder; ++n) {
      const double c = series[p.b].cosine[n], s = series[p.b].sine[n];
      const auto times = static_cast<double>(n);
      terms.push_back({first++, q[p.a].value * c, {a, q[p.a].slope * c}, {b, -times * q[p.a].value * s}});
      terms.push_back({first++, q[p.a].value * s, {a, q[p.a].slope * s}, {b, times * q[p.a].value * c}});
    }
  }
}

}  // namespace equibolt
