#include "system/correction.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double kInterval = 0.35;  ///< Å, of splines of distances that vary much
constexpr std::size_t kLeastIntervals = 4, kMostIntervals = 14;

double distance(std::span<const double> x, const std::array<std::size_t, 2>& pair) {
  double square = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    const double difference = x[3 * pair[0] + k] - x[3 * pair[1] + k];
    square += difference * difference;
  }
  return std::sqrt(square);
}

std::vector<std::array<std::size_t, 2>> all_pairs(std::size_t particles) {
  std::vector<std::array<std::size_t, 2>> pairs;
  for (std::size_t i = 0; i < particles; ++i) {
    for (std::size_t j = i + 1; j < particles; ++j) pairs.push_back({i, j});
  }
  return pairs;
}

bool share_an_atom(const std::array<std::size_t, 2>& a, const std::array<std::size_t, 2>& b) {
  return a[0] == b[0] || a[0] == b[1] || a[1] == b[0] || a[1] == b[1];
}

}  // namespace

Correction::Correction(const Molecule& molecule, ConfigurationsView<const double> seen)
    : particles_(molecule.size()), pairs_(all_pairs(particles_)) {
  if (seen.count() < 2)
    throw UsageError("a correction needs at least 2 configurations, found {}", seen.count());
  const auto neighbours = neighbours_of(particles_, bonds_of(molecule.elements(), molecule.positions.data()));
  const auto bonded = [&](std::size_t i, std::size_t j) {
    return std::binary_search(neighbours[i].begin(), neighbours[i].end(), j);
  };
  for (std::size_t p = 0; p < pairs_.size(); ++p) {
    const std::size_t i = pairs_[p][0], j = pairs_[p][1];
    double low = std::numeric_limits<double>::infinity(), high = 0, sum = 0, square = 0;
    for (std::size_t b = 0; b < seen.count(); ++b) {
      const double d = distance(seen[b], pairs_[p]);
      low = std::min(low, d);
      high = std::max(high, d);
      sum += d;
      square += d * d;
    }
    const auto wanted = static_cast<std::size_t>(std::ceil((high - low) / kInterval));
    const std::size_t intervals = std::clamp(wanted, kLeastIntervals, kMostIntervals);
    const double width = std::max(high - low, 1e-3) / static_cast<double>(intervals);
    ranges_.push_back({low, width, intervals, 0});
    const bool next_nearest = std::any_of(neighbours[i].begin(), neighbours[i].end(),
                                          [&](std::size_t k) { return k != j && bonded(k, j); });
    if (!bonded(i, j) && !next_nearest) continue;
    const auto count = static_cast<double>(seen.count());
    const double mean = sum / count, variance = std::max(square / count - mean * mean, 1e-6);
    stiff_.push_back({p, mean, 3 * std::sqrt(variance)});
  }
  for (std::size_t j = 0; j < particles_; ++j) {
    for (const std::size_t k : neighbours[j]) {
      if (k < j || neighbours[j].size() < 2 || neighbours[k].size() < 2) continue;
      const auto other = [&](std::size_t of, std::size_t except) {
        // The heaviest, the first of those.
        std::size_t best = particles_;
        for (const std::size_t n : neighbours[of]) {
          if (n == except) continue;
          if (best == particles_ || molecule.atoms[n].element > molecule.atoms[best].element) best = n;
        }
        return best;
      };
      const std::size_t i = other(j, k), l = other(k, j);
      if (i != l) dihedrals_.push_back({i, j, k, l});
    }
  }
  arrange();
}

void Correction::arrange() {
  std::size_t terms = 0;
  for (Range& range : ranges_) {
    range.first = terms;
    terms += range.intervals + 3;
  }
  for (std::size_t a = 0; a < stiff_.size(); ++a) {
    for (std::size_t b = a + 1; b < stiff_.size(); ++b) {
      if (!share_an_atom(pairs_[stiff_[a].distance], pairs_[stiff_[b].distance])) continue;
      of_distances_.push_back({a, b, terms++});
    }
  }
  first_single_ = terms;
  terms += dihedrals_.size() * 2 * kSingle;
  const auto bond_of = [&](std::size_t d) { return std::array{dihedrals_[d][1], dihedrals_[d][2]}; };
  for (std::size_t a = 0; a < dihedrals_.size(); ++a) {
    for (std::size_t b = a + 1; b < dihedrals_.size(); ++b) {
      if (!share_an_atom(bond_of(a), bond_of(b))) continue;
      of_dihedrals_.push_back({a, b, terms});
      terms += 4 * kDouble * kDouble;
    }
  }
  for (std::size_t a = 0; a < stiff_.size(); ++a) {
    for (std::size_t d = 0; d < dihedrals_.size(); ++d) {
      if (!share_an_atom(pairs_[stiff_[a].distance], bond_of(d))) continue;
      mixed_.push_back({a, d, terms});
      terms += 2 * kMixed;
    }
  }
  weights_.assign(terms, 0.0);
}

std::vector<double> Correction::coordinates(std::span<const double> x) const {
  std::vector<double> values;
  values.reserve(pairs_.size() + dihedrals_.size());
  for (const auto& pair : pairs_) values.push_back(distance(x, pair));
  for (const DihedralAtoms& atoms : dihedrals_) values.push_back(dihedral(x, atoms));
  return values;
}

void Correction::add_gradient(std::span<const double> x, std::span<const double> scale,
                              std::span<double> gradient) const {
  for (std::size_t p = 0; p < pairs_.size(); ++p) {
    if (scale[p] == 0) continue;
    const auto [i, j] = pairs_[p];
    const double factor = scale[p] / distance(x, pairs_[p]);
    for (std::size_t k = 0; k < 3; ++k) {
      const double part = factor * (x[3 * i + k] - x[3 * j + k]);
      gradient[3 * i + k] += part;
      gradient[3 * j + k] -= part;
    }
  }
  for (std::size_t d = 0; d < dihedrals_.size(); ++d) {
    const double factor = scale[pairs_.size() + d];
    if (factor != 0) add_dihedral_gradient(x, dihedrals_[d], factor, gradient);
  }
}

std::vector<std::size_t> Correction::atoms_of(std::size_t c) const {
  if (c < pairs_.size()) return {pairs_[c].begin(), pairs_[c].end()};
  const DihedralAtoms& atoms = dihedrals_[c - pairs_.size()];
  return {atoms.begin(), atoms.end()};
}

double Correction::evaluate(std::span<const double> x, std::span<double> gradient) const {
  const std::vector<double> values = coordinates(x);
  std::vector<double> scale(values.size(), 0.0);
  double sum = offset;
  for_each_term(values,
                [&](std::size_t term, double value, std::size_t a, double da, std::size_t b, double db) {
                  const double weight = weights_[term];
                  sum += weight * value;
                  scale[a] += weight * da;
                  scale[b] += weight * db;
                });
  if (!gradient.empty()) add_gradient(x, scale, gradient);
  return sum;
}

Npz Correction::to_npz() const {
  std::vector<double> ranges, stiff;
  std::vector<std::int64_t> dihedrals;
  for (const Range& r : ranges_) {
    for (const double value : {r.low, r.width, static_cast<double>(r.intervals)}) ranges.push_back(value);
  }
  for (const Stiff& s : stiff_) {
    for (const double value : {static_cast<double>(s.distance), s.centre, s.scale}) stiff.push_back(value);
  }
  for (const DihedralAtoms& atoms : dihedrals_) {
    for (const std::size_t atom : atoms) dihedrals.push_back(static_cast<std::int64_t>(atom));
  }
  Npz npz;
  npz.arrays["particles"] = Array::scalar(static_cast<std::int64_t>(particles_));
  npz.arrays["ranges"] = Array::of(std::span<const double>(ranges), {ranges_.size(), 3});
  npz.arrays["stiff"] = Array::of(std::span<const double>(stiff), {stiff_.size(), 3});
  npz.arrays["dihedrals"] = Array::of(std::span<const std::int64_t>(dihedrals), {dihedrals_.size(), 4});
  npz.arrays["weights"] = Array::of(weights_);
  npz.arrays["offset"] = Array::of(std::vector<double>{offset});
  return npz;
}

Correction Correction::from(const Npz& npz) {
  const auto require = [&](bool sound, const char* what) {
    if (!sound) throw DataError("{}: {} is not that of a correction", npz.origin, what);
  };
  for (const char* name : {"ranges", "stiff", "weights", "offset"}) {
    if (const auto at = npz[name].first_not_finite()) {
      throw DataError("{}: array '{}': expected finite numbers, number {} is not", npz.origin, name, *at);
    }
  }
  Correction c;
  const auto particles = npz["particles"].as_int64();
  require(particles.size() == 1 && particles[0] >= 2 && particles[0] <= 100000, "particles");
  c.particles_ = static_cast<std::size_t>(particles[0]);
  c.pairs_ = all_pairs(c.particles_);
  const auto ranges = npz["ranges"].as_double();
  require(ranges.size() == 3 * c.pairs_.size(), "ranges");
  for (std::size_t k = 0; k < ranges.size(); k += 3) {
    const bool sound =
        std::isfinite(ranges[k]) && ranges[k + 1] > 0 && ranges[k + 2] >= 1 && ranges[k + 2] <= 1000;
    require(sound, "ranges");
    c.ranges_.push_back({ranges[k], ranges[k + 1], static_cast<std::size_t>(ranges[k + 2]), 0});
  }
  const auto stiff = npz["stiff"].as_double();
  require(stiff.size() % 3 == 0, "stiff");
  for (std::size_t k = 0; k < stiff.size(); k += 3) {
    const bool sound = stiff[k] >= 0 && stiff[k] < static_cast<double>(c.pairs_.size()) && stiff[k + 2] > 0;
    require(sound, "stiff");
    c.stiff_.push_back({static_cast<std::size_t>(stiff[k]), stiff[k + 1], stiff[k + 2]});
  }
  const auto dihedrals = npz["dihedrals"].as_int64();
  require(dihedrals.size() % 4 == 0, "dihedrals");
  for (std::size_t k = 0; k < dihedrals.size(); k += 4) {
    DihedralAtoms atoms{};
    for (std::size_t a = 0; a < 4; ++a) {
      require(dihedrals[k + a] >= 0 && dihedrals[k + a] < particles[0], "dihedrals");
      atoms[a] = static_cast<std::size_t>(dihedrals[k + a]);
    }
    c.dihedrals_.push_back(atoms);
  }
  c.arrange();
  const auto weights = npz["weights"].as_double();
  require(weights.size() == c.weights_.size(), "weights");
  c.weights_ = weights;
  const auto offset = npz["offset"].as_double();
  require(offset.size() == 1, "offset");
  c.offset = offset[0];
  return c;
}

Corrected::Corrected(std::unique_ptr<Energy> energy, std::shared_ptr<const Correction> correction)
    : AddedTerm(std::move(energy)), correction_(std::move(correction)) {
  if (dim() != 3 || particles() != correction_->particles()) {
    throw DataError("the correction is of {} atoms, the energy of {} particles in {} dimensions",
                    correction_->particles(), particles(), dim());
  }
}

std::unique_ptr<Energy> Corrected::clone() const {
  return std::make_unique<Corrected>(energy().clone(), correction_);
}

}  // namespace equibolt
